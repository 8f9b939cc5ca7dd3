"""Copies of a model of which a part is asked again and again, while the rest stays as it was."""

import copy
from typing import Any

from torch import Tensor, nn


class Known(nn.Module):
    """Stands in for a part of which it is known what it says, whatever it reads."""

    def __init__(self, said: Tensor, others: int = 0):
        """
        Args:
            said: [1 ..], of one picture.
            others: how many Nones follow it.
        """
        super().__init__()
        self.said, self.others = said, others

    def forward(self, read: Any, *_: Any) -> Any:
        """The same for every picture of the batch that is read, a tensor or one per level."""
        count = len(read) if isinstance(read, Tensor) else len(read[0])
        said = self.said.expand(count, *self.said.shape[1:])
        return (said, *[None] * self.others) if self.others else said


def frozen_copy(model: nn.Module) -> Any:
    """A private copy in which no weight asks for a gradient; costs no memory to speak of."""
    known: dict[int, Any] = {id(tensor): tensor for tensor in model.buffers()}
    for parameter in model.parameters():
        known[id(parameter)] = nn.Parameter(parameter.detach(), requires_grad=False)
    return copy.deepcopy(model, known)
