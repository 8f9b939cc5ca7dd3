"""Transformers for inference: sums and activations in place, positions remembered."""

from collections.abc import Sequence

from torch import Tensor, nn

from deformviz.attention.deformable import Formulas, MultiScaleDeformableAttention
from deformviz.models.encoder import EncoderLayer
from deformviz.models.inference_fused import project, project_onto
from deformviz.models.transformer import Transformer

ROWS = 4096  # tokens that go through the wide middle of a layer together
REMEMBERED = 2  # picture sizes


class LeanAttention(MultiScaleDeformableAttention):
    """The same attention with linear layers by oneDNN.

    Formulas and back end are those of the module it stands for, so that a change there holds here.
    """

    _stands_for: MultiScaleDeformableAttention

    @property
    def formulas(self) -> Formulas:
        return self._stands_for.formulas

    @property
    def backend(self) -> str:
        return self._stands_for.backend


class LeanEncoderLayer(EncoderLayer):
    """The same layer, overwriting what nobody reads again: its tokens."""

    def add(self, content: Tensor, change: Tensor, norm: nn.Module) -> Tensor:
        """As `Residual`. The content is written over; a trace may hold on to the change."""
        added = content.add_(change)
        return added if self.pre_norm else norm(added)

    def feed_forward(self, content: Tensor, norm: nn.Module) -> Tensor:
        """As `Residual`, some rows at a time: the middle is several times as wide."""
        read, here = self.read(content, norm).flatten(0, 1), content.view(-1, content.shape[-1])
        for rows, kept in zip(read.split(ROWS), here.split(ROWS), strict=True):
            if type(self.activation) is nn.ReLU:
                inner = project(self.linear1, rows, "relu")
            else:
                inner = self.activation(self.linear1(rows))
            added = project_onto(kept, self.linear2, inner)
            kept.copy_(added if self.pre_norm else norm(added))
        return content


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
