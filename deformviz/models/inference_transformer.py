"""Transformers for inference: sums and activations in place, positions remembered."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from deformviz.models.encoder import EncoderLayer
from deformviz.models.inference_fused import project
from deformviz.models.transformer import Transformer

ROWS = 4096  # tokens that go through the wide middle of a layer together
REMEMBERED = 2  # picture sizes


class LeanEncoderLayer(EncoderLayer):
    """The same layer, overwriting what nobody reads again: its tokens."""

    def add(self, content: Tensor, change: Tensor, norm: nn.Module) -> Tensor:
        """As `Residual`. The content is written over; a trace may hold on to the change."""
        added = content.add_(change)
        return added if self.pre_norm else norm(added)

    def feed_forward(self, content: Tensor, norm: nn.Module) -> Tensor:
        """As `Residual`, some rows at a time: the middle is several times as wide."""
        read = self.read(content, norm).flatten(0, 1)
        change = torch.empty_like(read)
        for rows, to in zip(read.split(ROWS), change.split(ROWS), strict=True):
            if type(self.activation) is nn.ReLU:
                inner = project(self.linear1, rows, "relu")
            else:
                inner = self.activation(self.linear1(rows))
            to.copy_(project(self.linear2, inner))
        return self.add(content, change.view_as(content), norm)


class LeanTransformer(Transformer):
    """The same transformer; what only depends on the picture's size is computed once."""

    _remembered: dict[tuple, Tensor]

    def token_positions(self, masks: Sequence[Tensor]) -> Tensor:
        """As `Transformer`."""
        if any(bool(mask.any()) for mask in masks):
            return super().token_positions(masks)
        key = tuple(tuple(mask.shape) for mask in masks)
        if key not in self._remembered:
            while len(self._remembered) >= REMEMBERED:
                self._remembered.pop(next(iter(self._remembered)), None)
            self._remembered[key] = super().token_positions(masks)
        return self._remembered[key]
