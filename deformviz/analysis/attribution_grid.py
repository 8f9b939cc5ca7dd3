"""A DAT's pass over one picture, held still, so that its deformed knots can be asked their worth.

A sample is a knot as one head reads it, for all queries together; every layer has one "query",
the picture, and one level. So knots are traced back, deleted and told in words by the same code as
the sampling points of a detector (`attribution`, `faithfulness`, `verdict`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from deformviz.analysis.attribution_records import QUANTITIES
from deformviz.analysis.attribution_targets import Way
from deformviz.attention.dat import DATAttention
from deformviz.geometry import grid_to_normalised, normalised_to_original
from deformviz.models.dat import DAT
from deformviz.models.parts import grid_of, private_copy
from deformviz.models.preprocess import preprocess
from deformviz.models.square import framed_in_square, pad_to_square
from deformviz.models.watch import LayerWatch
from deformviz.schema import GridTrace, ImageFrame
from deformviz.tracing.proven import Proof
from deformviz.tracing.proving import proving


@dataclass(frozen=True)
class ClassLogit:
    """One class logit of a classifier."""

    label: int
    query: int = 0  # the picture stands for the only one
    is_share: bool = False  # a logit of 0 does not mean "nothing"

    def of(self, logits: Tensor) -> Tensor:
        """The number for each image: logits [batch class] -> [batch]."""
        return logits[:, self.label]


@dataclass(frozen=True)
class HeldGrids:
    """A DAT's pass over one picture, and everything needed to run its later stages again."""

    model: DAT
    pixels: Tensor  # [colour height width], normalised, padded to a square
    entries: tuple[Tensor, ...]  # what each stage received, [1 channel height width]
    raw_offsets: dict[str, Tensor]  # what each layer's offset network said [1 group knot yx]
    traces: dict[str, GridTrace]  # of the deformed grids, batched
    output: Tensor  # logits [1 class]
    frame: ImageFrame
    proofs: dict[str, Proof]  # how well the traces replay

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(self.traces)

    def weights(self, layer: str) -> Tensor:
        """Attention of the average query [1 head 1 knot]; sums to 1 over the knots."""
        return self.traces[layer].attention_weights[0].mean(1)[None, :, None]

    def locations_px(self, layer: str) -> Tensor:
        """Knots as each head reads them [1 head 1 knot xy]."""
        trace = self.traces[layer]
        points = grid_to_normalised(
            trace.positions[0], trace.query_hw, align_corners=trace.align_corners
        )
        per_head = points.repeat_interleave(self.heads_together(layer), dim=0)
        return normalised_to_original(self.frame)(per_head)[None, :, None]

    def heads_together(self, layer: str) -> int:
        """Heads of a group read the same knots."""
        trace = self.traces[layer]
        return trace.attention_weights.shape[1] // trace.positions.shape[1]

    def asked(self, target: ClassLogit, layer: str) -> slice:
        """The one query that stands for the picture."""
        return slice(0, 1)

    def rest(self, layer: str) -> "LaterStages":
        return LaterStages(self, layer)


class LaterStages:
    """What follows one layer's part of a held pass, from the stage that the layer is in."""

    def __init__(self, held: HeldGrids, layer: str):
        """Raises KeyError if the model has no such layer."""
        if layer not in held.traces:
            raise KeyError(f"No layer {layer!r}; this model has {', '.join(held.layers)}.")
        self._held, self._layer, self._stage = held, layer, int(layer.split(".")[1])

    def way(self, quantity: str) -> Way:
        weights = self._held.traces[self._layer].attention_weights  # [1 head query knot]
        if quantity == QUANTITIES[0]:
            ones = torch.ones_like(self._held.weights(self._layer))[None]
            return Way(ones, torch.zeros_like(ones), self._answer(_gate), lambda found: found[0])
        if quantity == QUANTITIES[1]:
            return Way(
                weights,
                torch.full_like(weights, 1 / weights.shape[-1]),
                self._answer(_replace),
                lambda found: found[0].sum(1)[None, :, None],
            )
        raw, share = self._held.raw_offsets[self._layer], self._held.heads_together(self._layer)
        return Way(
            raw,
            torch.zeros_like(raw),
            self._answer(_offset),
            lambda found: (found[0].sum(-1) / share).repeat_interleave(share, dim=0)[None, :, None],
        )

    def _answer(self, enter: Callable[[DATAttention, Tensor], None]) -> Callable[[Tensor], Tensor]:
        copied = private_copy(self._held.model)
        module = grid_of(copied, self._layer)

        def answer(given: Tensor) -> Tensor:
            enter(module, given)
            return self._run(copied, len(given))

        return answer

    def _run(self, copied: DAT, count: int) -> Tensor:
        """Logits [batch class] of `count` pictures that reach the layer's stage as held."""
        watch = LayerWatch(copied.stage_names, (), False, None)
        features = self._held.entries[self._stage].expand(count, -1, -1, -1)
        for index in range(self._stage, len(copied.stages)):
            if index > self._stage:
                features = copied.down_projs[index - 1](features)
            features = copied.stages[index](features, watch)
        return copied.cls_head(copied.cls_norm(features).mean((-2, -1)))


class _Weights(nn.Module):
    """Stands where attention passes its dropout, and changes it."""

    def __init__(self, change: Callable[[Tensor], Tensor]):
        super().__init__()
        self.change = change

    def forward(self, weights: Tensor) -> Tensor:
        return self.change(weights)


def _gate(module: DATAttention, gates: Tensor) -> None:
    """Scale what each knot adds through each head; gates [batch 1 head 1 knot]."""
    module.set_submodule("attention_dropout", _Weights(lambda weights: weights * gates[:, 0]))


def _replace(module: DATAttention, given: Tensor) -> None:
    """Attend with these weights [batch head query knot]."""
    module.set_submodule("attention_dropout", _Weights(lambda weights: given))


def _offset(module: DATAttention, raw_offsets: Tensor) -> None:
    """Deform by these offsets [batch group knot yx], not yet scaled."""
    right = type(module).propose_offsets
    module.propose_offsets = lambda query_map: (raw_offsets, right(module, query_map)[1])


@torch.no_grad()
def hold_grids(model: DAT, picture: np.ndarray) -> HeldGrids:
    """Run a DAT on an HWC uint8 RGB picture and keep what its stages received."""
    parameter = next(model.parameters())
    pixels, frame = preprocess(picture, model.config)
    side = model.config.long_side
    pixels = pad_to_square(pixels, side).to(parameter.device, parameter.dtype)
    copied = private_copy(model)
    entries: list[Tensor] = []
    raw_offsets: dict[str, Tensor] = {}
    for stage in copied.stages:
        stage.register_forward_pre_hook(lambda stage, inputs: entries.append(inputs[0]))
    for layer in model.trace_names:
        _keep_offsets(grid_of(copied, layer), layer, raw_offsets)
    with proving(copied) as proofs:
        logits, traces = copied(pixels[None])
    framed = framed_in_square(frame, side)
    return HeldGrids(model, pixels, tuple(entries), raw_offsets, traces, logits, framed, proofs)


def _keep_offsets(module: DATAttention, layer: str, kept: dict[str, Tensor]) -> None:
    """Make a layer of a private copy remember what its offset network said."""
    right = module.propose_offsets

    def remember(query_map: Tensor) -> tuple[Tensor, tuple[int, int]]:
        raw, grid_hw = right(query_map)
        kept[layer] = raw
        return raw, grid_hw

    module.propose_offsets = remember
