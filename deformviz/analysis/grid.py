"""What a deformed grid did: how far it moved, how much it stretched, and what it looks at.

Plain NumPy, so that a stored trace is answered without torch. Lengths are cells: the distance of
neighbouring knots on the undeformed grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deformviz.axes import ShapeError
from deformviz.geometry import grid_to_normalised, to_pixel_index
from deformviz.schema import GridTrace


@dataclass(frozen=True)
class GridStatistics:
    """One layer's grid in numbers, over all groups and heads."""

    displacement: float  # mean distance of a knot from where it started, in cells
    stretch: float  # mean distance of neighbouring knots, 1 = undeformed


@dataclass(frozen=True)
class MaskShare:
    """How much of a layer's grid lies on an object; each from 0 to 1."""

    plain: float  # share of knots
    weighted: float  # share of attention, over all queries and heads
    undeformed: float  # share of knots that would lie there without offsets


def cells(grid_yx: np.ndarray, grid_hw: tuple[int, int], reference: np.ndarray) -> np.ndarray:
    """Grid coordinates [.. yx] in units of the undeformed grid's spacing; one knot wide: 1."""
    lattice = reference[0].reshape(*grid_hw, 2)
    spacing = np.ones(2)
    for axis in (0, 1):
        steps = np.diff(lattice[..., axis], axis=axis)
        if steps.size:
            spacing[axis] = steps.mean()
    return grid_yx / spacing


def grid_statistics(trace: GridTrace) -> GridStatistics:
    """Displacement and stretch of one image's grid (not batched)."""
    reference = np.asarray(trace.reference_grid, np.float64)
    positions = cells(np.asarray(trace.positions, np.float64), trace.grid_hw, reference)
    start = cells(reference, trace.grid_hw, reference)
    moved = np.linalg.norm(positions - start, axis=-1)
    lattice = positions.reshape(len(positions), *trace.grid_hw, 2)
    lengths = [np.linalg.norm(np.diff(lattice, axis=axis), axis=-1).ravel() for axis in (1, 2)]
    lengths = np.concatenate(lengths)
    return GridStatistics(float(moved.mean()), float(lengths.mean()) if lengths.size else 1.0)


def knot_importance(trace: GridTrace) -> np.ndarray:
    """How much attention each knot gets from an average query: [head knot], sums to 1."""
    return np.asarray(trace.attention_weights, np.float64).mean(axis=-2)


def on_mask(points_xy: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Whether normalised points [.. xy] fall on a pixel of `mask` [height width]; never outside."""
    height, width = mask.shape
    pixel = np.rint(to_pixel_index(points_xy, mask.shape)).astype(np.int64)
    x, y = pixel[..., 0], pixel[..., 1]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return inside & mask[y.clip(0, height - 1), x.clip(0, width - 1)]


def mask_share(trace: GridTrace, mask: np.ndarray) -> MaskShare:
    """How much of one image's grid lies on an object.

    Args:
        trace: of one image (not batched).
        mask: bool [height width] of the padded picture, at any resolution.

    Raises:
        ShapeError: the mask is not a plane of truth values.
    """
    mask = np.asarray(mask)
    if mask.ndim != 2 or mask.dtype != bool:
        raise ShapeError(
            f"mask has shape {mask.shape} and type {mask.dtype}, expected bool [height width]."
        )
    deformed, start = (
        on_mask(
            grid_to_normalised(
                np.asarray(grid, np.float64), trace.query_hw, align_corners=trace.align_corners
            ),
            mask,
        )
        for grid in (trace.positions, trace.reference_grid)
    )  # [group knot]
    importance = knot_importance(trace)  # [head knot]
    of_head = deformed.repeat(len(importance) // len(deformed), axis=0)
    return MaskShare(
        plain=float(deformed.mean()),
        weighted=float((importance * of_head).sum(-1).mean()),
        undeformed=float(start.mean()),
    )
