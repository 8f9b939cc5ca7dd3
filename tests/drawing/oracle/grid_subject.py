"""Deformed grids to draw, with sizes that all differ, and what packing may have rounded in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from deformviz.attention.dat import DATAttention
from deformviz.geometry import grid_to_normalised
from deformviz.schema import GridTrace, ImageFrame, Trace
from deformviz.tracing.packing_grid import pack_grid

LAYER = "stages.0.attns.1"
STEPS = 65535


@dataclass(frozen=True)
class GridSubject:
    """One layer of a DAT on one picture, in float32, and how wide it is shown."""

    name: str
    frame: ImageFrame
    record: GridTrace
    surface: torch.Tensor | None  # [head row column]
    mask: np.ndarray | None  # [row column]
    width: float = 640.0
    made_of: tuple[GridSubject, ...] = ()  # snapshots it was blended from; packing rounded those

    @cached_property
    def packed(self) -> bytes:
        trace = Trace({LAYER: self.record}, self.frame, logits=torch.tensor([0.1, 2.0, -1.0]))
        return pack_grid(trace, LAYER, mask=self.mask, surface=self.surface)

    @cached_property
    def weights(self) -> np.ndarray:
        return np.asarray(self.record.attention_weights, np.float64)  # [head query knot]

    @cached_property
    def weight_step(self) -> float:
        if self.made_of:
            return max(one.weight_step for one in self.made_of)
        return float(self.weights.max()) / STEPS / 2

    def places(self, name: str) -> np.ndarray:
        """Grid coordinates of the record as normalised [.. xy]."""
        grid = np.asarray(getattr(self.record, name), np.float64)
        return grid_to_normalised(
            grid, self.record.query_hw, align_corners=self.record.align_corners
        )

    @property
    def per_group(self) -> int:
        return len(self.weights) // len(self.record.positions)

    def group_of(self, head: int) -> int:
        return head // self.per_group


def grid_subject(name, frame, *, version, query_hw, bias="table", mask=True, **more) -> GridSubject:
    """A layer whose map, grid, heads and groups differ in size, with knots beyond the map."""
    torch.manual_seed(len(name))
    options = {"stride": 2, "offset_kernel": 5, "offset_range_factor": 2.0} | more
    width = options.pop("width", 640.0)
    layer = DATAttention(12, 6, 3, query_hw, version=version, position_bias=bias, **options)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.5 * torch.randn(parameter.shape))
        _, record = layer.eval()(torch.randn(1, 12, *query_hw))
    plane = np.zeros((14, 22), bool)
    plane[3:9, 4:15] = plane[10, 2:4] = True
    surface = layer.bias_surface()
    record = record.image(0).map(torch.Tensor.detach)
    return GridSubject(name, frame, record, surface, plane if mask else None, width)
