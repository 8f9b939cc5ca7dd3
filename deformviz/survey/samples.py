"""The samples of one layer, level by level, with the box that every query stands for.

One form for all records: levels with equal and unequal numbers of points, references that are
points or boxes. Plain NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from deformviz.analysis.offsets import object_of_points
from deformviz.axes import axes, axes_of, check_axes
from deformviz.geometry import cxcywh_to_xyxy, shapes_list, xyxy_to_cxcywh
from deformviz.schema import Detections, ImageFrame

BLOCK = 512  # queries added up in single precision before double takes over; they fit a cache
ONES = np.ones(BLOCK, np.float32)


@dataclass(frozen=True, eq=False)
class Moments:
    """First and second moments of offsets over queries; told from the first query's offset, so
    that one that never moves has a variance of exactly zero."""

    count: int
    first: np.ndarray  # [xy head sample], offsets of the first query
    sums: np.ndarray  # [(x y xx yy xy) head sample] of the differences to it

    @property
    def mean(self) -> np.ndarray:
        """[xy head sample]"""
        return self.first + self.sums[:2] / max(self.count, 1)

    @property
    def covariance(self) -> np.ndarray:
        """[(xx yy xy) head sample]"""
        x, y, *squares = self.sums / max(self.count, 1)
        found = np.array(squares) - np.array([x * x, y * y, x * y])
        np.maximum(found[:2], 0, out=found[:2])
        return found

    @property
    def raw(self) -> np.ndarray:
        """Sums of the offsets themselves [(x y xx yy xy) head sample], to add up over pictures."""
        (x, y), (sx, sy, xx, yy, xy), n = self.first, self.sums, self.count
        return np.array(
            [
                n * x + sx,
                n * y + sy,
                xx + 2 * x * sx + n * x * x,
                yy + 2 * y * sy + n * y * y,
                xy + x * sy + y * sx + n * x * y,
            ]
        )


def total(values: np.ndarray) -> np.ndarray:
    """The sum over queries of single precision values: [query ..] -> [..], in double."""
    flat = values.reshape(len(values), -1)
    found = np.zeros(flat.shape[1])
    for start in range(0, len(flat), BLOCK):
        some = flat[start : start + BLOCK]
        found += ONES[: len(some)] @ some
    return found.reshape(values.shape[1:])


def moments(offsets: np.ndarray) -> Moments:
    """Moments over the queries of offsets [xy query head sample], float32."""
    _, count, *inner = offsets.shape
    sums = np.zeros((5, *inner))
    if not count:
        return Moments(0, np.zeros((2, *inner)), sums)
    for start in range(0, count, BLOCK):
        x, y = (plane[start : start + BLOCK] - plane[0] for plane in offsets)
        for place, part in enumerate((x, y, x * x, y * y, x * y)):
            sums[place] += total(part)
    return Moments(count, offsets[:, 0].astype(np.float64), sums)


@dataclass(frozen=True, eq=False)
class LayerOfQueries:
    """One layer of one picture, for the queries that a study asks about.

    The samples of a head stand level by level on one axis; `points` says how many each level has.
    Box arrays hold only the queries that have a box, in the order of `with_box`.
    """

    name: str
    boxed: bool  # references are boxes: their offsets are told in half sides
    shapes: tuple[tuple[int, int], ...]
    points: tuple[int, ...]  # of every level
    queries: np.ndarray = axes("query")  # indices into the layer
    offsets_px: np.ndarray = axes("xy query head sample")  # from the reference, level pixels
    weights: np.ndarray = axes("query head sample")
    outside: np.ndarray = axes("query head sample")  # the point has left the map
    boxes_xyxy: np.ndarray = axes("query xyxy")  # normalised, padded picture; NaN: none
    with_box: np.ndarray = axes("owner")  # places in `queries`
    offsets_box: np.ndarray = axes("xy owner head sample")  # from its centre, in half sides
    inside: np.ndarray = axes("owner head sample")  # the point lies in the query's box

    def __post_init__(self):
        check_axes(self, unbatched=tuple(axes_of(self)))

    @cached_property
    def moments_px(self) -> Moments:
        return moments(self.offsets_px)

    @cached_property
    def moments_box(self) -> Moments:
        return moments(self.offsets_box)

    @cached_property
    def weight_sums(self) -> np.ndarray:
        """Weights added up over queries [head sample]."""
        return total(self.weights)

    @cached_property
    def starts(self) -> list[int]:
        """Where each level begins on the axis of samples."""
        return [0, *np.cumsum(self.points)[:-1].tolist()]

    def by_level(self, values: np.ndarray) -> np.ndarray:
        """Sums over the points of every level: [.. sample] -> [.. level]."""
        return np.add.reduceat(values, self.starts, axis=-1)


def layer_of_queries(
    name: str, record: Any, queries: np.ndarray, objects_xyxy: np.ndarray
) -> LayerOfQueries:
    """The chosen queries of one recorded layer.

    Args:
        record: an AttentionTrace of one picture.
        queries: [query] indices.
        objects_xyxy: [query xyxy], the object each query stands for, normalised to the padded
            picture; NaN where there is none. A reference box counts before it.
    """
    references = _chosen(_numpy(record.references), queries).astype(np.float32, copy=False)
    locations, weights, points = _flat(record, queries)
    boxed = references.shape[-1] == 4
    own_boxes = cxcywh_to_xyxy(references[:, 0]) if boxed else objects_xyxy
    boxes = np.asarray(own_boxes, np.float32)
    with_box = np.flatnonzero(np.isfinite(boxes).all(axis=-1))
    shapes = shapes_list(record.spatial_shapes)
    level = np.repeat(np.arange(len(points)), points)
    own = references[:, np.minimum(level, references.shape[1] - 1)]  # [query sample ..]
    theirs, owned = _chosen(locations, with_box), _chosen(own, with_box)
    low, high = boxes[with_box, :2], boxes[with_box, 2:]
    centre = owned[..., :2] if boxed else (low + high)[:, None] / 2  # [owner (sample) xy]
    half = owned[..., 2:] / 2 if boxed else (high - low)[:, None] / 2
    sizes_xy = np.array([(width, height) for height, width in shapes], np.float32)[level]
    offsets_box = _away(theirs, centre, 1 / np.maximum(half, np.float32(1e-9)))
    return LayerOfQueries(
        name,
        boxed,
        tuple(shapes),
        points,
        queries,
        offsets_px=_away(locations, own[..., :2], sizes_xy[None]),
        weights=weights,
        outside=_outside(locations),
        boxes_xyxy=boxes,
        with_box=with_box,
        offsets_box=offsets_box,
        inside=_within(theirs, low, high),
    )


def _away(locations: np.ndarray, centre_xy: np.ndarray, scale_xy: np.ndarray) -> np.ndarray:
    """Locations [query head sample xy] from a centre, scaled, with x apart from y.

    Centre and scale are [query sample xy], or of length 1 where all are alike.

    Returns:
        [xy query head sample]
    """
    found = np.empty((2, *locations.shape[:-1]), np.float32)
    for axis in (0, 1):
        np.subtract(locations[..., axis], centre_xy[:, None, :, axis], out=found[axis])
        found[axis] *= scale_xy[:, None, :, axis]
    return found


def _within(locations: np.ndarray, low_xy: np.ndarray, high_xy: np.ndarray) -> np.ndarray:
    """Whether points [query head sample xy] lie in their query's box [query xy]: [query ..]."""
    found = np.ones(locations.shape[:-1], bool)
    for axis in (0, 1):
        along = locations[..., axis]
        found &= along >= low_xy[:, axis, None, None]
        found &= along <= high_xy[:, axis, None, None]
    return found


def _outside(locations: np.ndarray) -> np.ndarray:
    """Whether points [... xy] have left the map, in x or y: [...]."""
    away = np.less(locations, np.float32(0), order="C")
    away |= locations > np.float32(1)
    return away.view(np.uint16)[..., 0] != 0  # x and y at once


def _flat(record: Any, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """[query head sample xy], [query head sample] and the points of every level, float32."""
    locations, weights = (
        _chosen(_numpy(array), queries).astype(np.float32, copy=False)
        for array in (record.sampling_locations, record.attention_weights)
    )
    if locations.ndim == 4:
        return locations, weights, tuple(int(count) for count in record.points_per_level)
    count, heads, levels, points, _ = locations.shape
    flat = locations.reshape(count, heads, levels * points, 2)
    return flat, weights.reshape(count, heads, levels * points), (points,) * levels


def _chosen(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Some rows in their order, or the array itself where all are chosen."""
    return array if len(rows) == len(array) else array[rows]


def _numpy(array: Any) -> np.ndarray:
    return array.detach().float().cpu().numpy() if hasattr(array, "detach") else np.asarray(array)


def detected_boxes(detections: Detections | None, frame: ImageFrame, least: float) -> dict:
    """Query -> its box [xyxy], normalised to the padded picture, of detections good enough.

    A query that found several classes stands for its best one.
    """
    if detections is None:
        return {}
    boxes = to_padded(_numpy(detections.boxes_xyxy_px).astype(np.float64), frame)
    found: dict[int, np.ndarray] = {}
    for place, (query, score) in enumerate(
        zip(_numpy(detections.queries), _numpy(detections.scores), strict=True)
    ):
        if score >= least:
            found.setdefault(int(query), boxes[place])
    return found


def to_padded(boxes_xyxy_px: np.ndarray, frame: ImageFrame) -> np.ndarray:
    """Edges in pixels of the original picture (0 .. W) to shares of the padded picture."""
    scale = [
        resized / original / padded
        for resized, original, padded in zip(
            frame.resized_hw[::-1], frame.original_hw[::-1], frame.padded_hw[::-1], strict=True
        )
    ]
    return boxes_xyxy_px * np.array(scale * 2)


def objects_of_queries(
    record: Any, queries: np.ndarray, by_query: dict, known_xyxy: np.ndarray
) -> np.ndarray:
    """The object each query stands for [query xyxy]; NaN where there is none.

    Args:
        by_query: boxes of decoder queries; empty for an encoder layer.
        known_xyxy: [object xyxy] boxes on the picture, for encoder queries: the smallest one
            around the reference counts.
    """
    if by_query:
        nothing = np.full(4, np.nan)
        return np.stack([by_query.get(int(query), nothing) for query in queries])
    if not len(known_xyxy):
        return np.full((len(queries), 4), np.nan)
    centres = _numpy(record.references)[queries][:, 0, :2].astype(np.float64)
    return object_of_points(centres, np.asarray(xyxy_to_cxcywh(known_xyxy)))
