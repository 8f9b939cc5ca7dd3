"""Where four codes read when every offset is zero: they differ by parts of a pixel.

The real modules run; only the last layer of their offset networks is set to zero.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from deformviz.attention.dat import DATAttention
from deformviz.attention.lucidrains import LucidrainsAttention
from deformviz.geometry import grid_to_normalised, to_pixel_index
from deformviz.schema import GridTrace

HEADS, CHANNELS = 2, 16


@dataclass(frozen=True)
class UndeformedGrid:
    """A code's knots and query starts at zero offset, normalised (x, y)."""

    title: str
    knots_xy: np.ndarray  # [knot xy]
    starts_xy: np.ndarray  # [query xy]
    mean_shift: tuple[float, float]  # (x, y) from the middles of the patches, in cells
    largest_shift: float  # of one knot, in cells


def undeformed_grids(map_hw: tuple[int, int] = (6, 8), stride: int = 2) -> list[UndeformedGrid]:
    """The grids of DAT, DAT++ and both lucidrains modes on a map of `map_hw`.

    Args:
        map_hw: rows and columns, multiples of `stride`.
        stride: cells per knot.

    Raises:
        ValueError: the map cannot be cut into patches of `stride`.
    """
    if any(size % stride for size in map_hw):
        raise ValueError(f"map_hw is {map_hw}; both sides must be multiples of stride {stride}.")
    features = torch.ones(1, CHANNELS, *map_hw)
    grids = []
    for title, module, last in _modules(map_hw, stride):
        for weight in last.parameters():
            nn.init.zeros_(weight)
        with torch.inference_mode():
            _, trace = module.eval()(features)
        grids.append(_grid(title, trace.image(0), stride))
    return grids


def _modules(map_hw: tuple[int, int], stride: int):
    for title, version in (("DAT (v1)", "v1"), ("DAT++", "++")):
        module = DATAttention(
            CHANNELS,
            HEADS,
            1,
            map_hw,
            version=version,
            stride=stride,
            offset_kernel=2 * stride - 1 if version == "v1" else stride,
            offset_range_factor=2.0,
        )
        yield title, module, module.conv_offset[-1]
    for mode in ("shipped", "corrected"):
        module = LucidrainsAttention(
            CHANNELS,
            heads=HEADS,
            head_channels=CHANNELS // HEADS,
            stride=stride,
            offset_kernel=stride + 2,
            groups=1,
            mode=mode,
        )
        yield f"lucidrains, {mode}", module, module.to_offsets[2]


def _grid(title: str, trace: GridTrace, stride: int) -> UndeformedGrid:
    knots, starts = (
        grid_to_normalised(
            np.asarray(grid, np.float64), trace.query_hw, align_corners=trace.align_corners
        )
        for grid in (trace.positions[0], trace.query_grid)
    )
    rows, columns = (np.arange(size) * stride + (stride - 1) / 2 for size in trace.grid_hw)
    middles = np.stack(np.meshgrid(columns, rows), -1).reshape(-1, 2)
    shifts = to_pixel_index(knots, trace.query_hw) - middles
    mean_x, mean_y = shifts.mean(0).tolist()
    return UndeformedGrid(
        title, knots, starts, (mean_x, mean_y), float(np.linalg.norm(shifts, axis=-1).max())
    )
