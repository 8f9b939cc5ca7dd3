"""How a whole layer samples, in a few numbers that change while it learns.

Plain NumPy. What is worth plotting: the mean length of offsets hardly moves in training, so it is
not here; their spread over queries, their way from the start and their weights do.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from deformviz.analysis.sampling import effective_points, level_share, outside_share
from deformviz.axes import axes, check_axes
from deformviz.geometry import cxcywh_to_xyxy, shapes_list


@dataclass(frozen=True)
class LayerSamples:
    """The samples of one layer for many queries of one or more pictures.

    Offsets are the layer's own output: feature pixels of the level where the reference is a point,
    shares of half a box, times the number of points, where it is a box; so the initial star has
    radius 1, 2, 3 .. in both.
    """

    offsets: np.ndarray = axes("query head level point xy")
    locations: np.ndarray = axes("query head level point xy")  # normalised
    weights: np.ndarray = axes("query head level point")  # sums to 1 over level, point
    boxes_xyxy: np.ndarray = axes("query xyxy")  # of the query's object, normalised; NaN: none

    def __post_init__(self):
        check_axes(self, unbatched=tuple(f.name for f in fields(self)))


@dataclass(frozen=True)
class LayerStatistics:
    """Averages over the queries of one layer."""

    spread: np.ndarray = axes("head level")  # standard deviation of offsets over queries
    displacement: np.ndarray = axes("head level")  # mean distance of offsets from the start
    level_share: np.ndarray = axes("head level")  # of the weight; sums to 1 over level
    entropy: np.ndarray = axes("head")  # of the weights in nats, ln(level point) = even
    heaviest: np.ndarray = axes("head")  # largest weight
    outside_share: np.ndarray = axes("head")  # weight beyond the map, which reads zeros
    inside_share: np.ndarray = axes("head")  # weight inside the query's object; NaN: none
    inside_points: np.ndarray = axes("head")  # points inside it, whatever their weight

    def __post_init__(self):
        check_axes(self, unbatched=tuple(f.name for f in fields(self)))

    def to_lists(self) -> dict[str, list]:
        """Plain numbers for JSON, rounded; None for what there was nothing to measure on."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self)}


def _plain(values: np.ndarray) -> list:
    rounded = np.round(values.astype(np.float64), 5)
    plain = rounded.astype(object)
    plain[~np.isfinite(rounded)] = None
    return plain.tolist()


def layer_statistics(samples: LayerSamples, start_offsets: np.ndarray) -> LayerStatistics:
    """Statistics of a layer, compared with where its offsets began.

    Args:
        start_offsets: [head level point xy], mean offsets at the first snapshot (the star).
    """
    offsets = samples.offsets.astype(np.float64)
    away = np.linalg.norm(offsets - start_offsets, axis=-1)
    inside = points_inside(samples.locations, samples.boxes_xyxy)
    has_object = np.asarray(np.isfinite(samples.boxes_xyxy).all(axis=-1))
    return LayerStatistics(
        spread=np.sqrt(offsets.var(axis=0).sum(axis=-1).mean(axis=-1)),
        displacement=away.mean(axis=(0, -1)),
        level_share=level_share(samples.weights).mean(axis=0),
        entropy=np.log(effective_points(samples.weights)).mean(axis=0),
        heaviest=samples.weights.max(axis=(-1, -2)).mean(axis=0),
        outside_share=outside_share(samples.locations, samples.weights).mean(axis=0),
        inside_share=_mean((samples.weights * inside).sum(axis=(-1, -2)), has_object),
        inside_points=_mean(inside.mean(axis=(-1, -2)), has_object),
    )


def _mean(per_query: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Mean over the chosen queries, NaN where there is none: [query head] -> [head]."""
    if not chosen.any():
        return np.full(per_query.shape[1], np.nan)
    return per_query[chosen].mean(axis=0)


def mean_offsets(offsets: np.ndarray) -> np.ndarray:
    """[query head level point xy] -> [head level point xy], the start that others are held to."""
    return offsets.astype(np.float64).mean(axis=0)


def points_inside(locations: np.ndarray, boxes_xyxy: np.ndarray) -> np.ndarray:
    """Whether a sample falls into its query's box: [query head level point]; False without one."""
    low, high = boxes_xyxy[:, None, None, None, :2], boxes_xyxy[:, None, None, None, 2:]
    return np.asarray(((locations >= low) & (locations <= high)).all(axis=-1))


def offsets_of_locations(
    locations: np.ndarray, references: np.ndarray, spatial_shapes
) -> np.ndarray:
    """The offsets that led to these locations; undoes Eq. 3's phi(p) + offset.

    locations [query head level point xy], references [query level xy] or [query level cxcywh].
    Source of the factor: a box's offsets count shares of half its size, over `point` points.
    """
    references = np.asarray(references, np.float64)
    away = np.asarray(locations, np.float64) - references[:, None, :, None, :2]
    if references.shape[-1] == 2:
        sizes_xy = np.array([(width, height) for height, width in shapes_list(spatial_shapes)])
        return away * sizes_xy[:, None, :]
    size_xy = np.maximum(references[:, None, :, None, 2:], 1e-9)
    return away * 2 * locations.shape[3] / size_xy


def object_of_points(points_xy: np.ndarray, boxes_cxcywh: np.ndarray) -> np.ndarray:
    """The smallest box around each point as corners: [query xyxy], NaN where there is none."""
    found = np.full((len(points_xy), 4), np.nan)
    corners = cxcywh_to_xyxy(np.asarray(boxes_cxcywh, np.float64))
    areas = (corners[:, 2:] - corners[:, :2]).prod(axis=-1)
    x, y = np.ascontiguousarray(points_xy.T)
    for box in corners[np.argsort(-areas)]:  # small boxes last, over the larger ones
        x0, y0, x1, y1 = box
        found[(x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)] = box
    return found
