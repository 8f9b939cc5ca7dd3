"""Dense attention to a picture as the canvas of samples draws it: the heaviest keys of each head.

Where every cell of a map is a key, attending to it is reading one sample at its centre. Of the
hundreds of keys only the heaviest are drawn; how many, and what they leave out, is said with them.
"""

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from deformviz.schema import AttentionTrace, DenseTrace, Trace

MOST_SAMPLES, MOST_KEYS, FEWEST_KEYS = 1_000_000, 64, 8


@dataclass(frozen=True)
class DenseSamples:
    """A dense layer as samples, and what share of its weight they hold."""

    trace: AttentionTrace[Any]
    drawn: int  # keys per query and head
    keys: int  # there are
    share: float  # of all weight, on average

    @property
    def sentence(self) -> str:
        """What to keep in mind when looking at it."""
        return (
            f"dense attention: the {self.drawn} heaviest of {self.keys} keys of each head, "
            f"{self.share:.0%} of the weight"
        )


def dense_as_samples(trace: Trace, layer: str) -> DenseSamples | None:
    """A dense layer of one image as samples; None where its keys are no cells of a map.

    References are the queries' own cells in an encoder, and in a decoder, whose queries need have
    none, the centres of the boxes that the layer says.
    """
    record = trace[layer]
    if not isinstance(record, DenseTrace) or record.keys_hw is None or record.is_batched:
        return None
    weights = torch.as_tensor(record.attention_weights)  # [head query key]
    height, width = record.keys_hw
    heads, queries, keys = weights.shape
    drawn = min(keys, MOST_KEYS, max(FEWEST_KEYS, MOST_SAMPLES // (heads * queries)))
    heaviest, where = weights.topk(drawn, dim=-1)
    locations = _centres(where, height, width).movedim(0, 1)[:, :, None]  # one level
    references = _references(trace, layer, queries, height, width).to(locations.dtype)
    size = locations.new_tensor([width, height])
    return DenseSamples(
        AttentionTrace(
            spatial_shapes=torch.tensor([[height, width]]),
            sampling_offsets=(locations - references[:, None, None, None]) * size,
            sampling_locations=locations,
            attention_weights=heaviest.movedim(0, 1)[:, :, None],
            reference_points=references[:, None],
        ),
        drawn,
        keys,
        float(heaviest.sum(-1).mean()),
    )


def _centres(cells: Tensor, height: int, width: int) -> Tensor:
    """Normalised centres [.. xy] of cells counted row by row."""
    column, row = cells % width, torch.div(cells, width, rounding_mode="floor")
    return torch.stack([(column + 0.5) / width, (row + 0.5) / height], dim=-1)


def _references(trace: Trace, layer: str, queries: int, height: int, width: int) -> Tensor:
    side, _, index = layer.partition(".")
    if side == "encoder":
        return _centres(torch.arange(queries), height, width)
    output = cast(Any, trace.output)
    said = (*output.auxiliary, output)[int(index)]
    return torch.as_tensor(said.boxes_cxcywh)[..., :2]
