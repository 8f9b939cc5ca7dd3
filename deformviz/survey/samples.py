"""The samples of one layer, level by level, with the box that every query stands for.

One form for all records: levels with equal and unequal numbers of points, references that are
points or boxes. Plain NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from deformviz.analysis.offsets import object_of_points
from deformviz.axes import axes, axes_of, check_axes
from deformviz.geometry import cxcywh_to_xyxy, shapes_list, xyxy_to_cxcywh
from deformviz.schema import Detections, ImageFrame


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
    offsets_px: np.ndarray = axes("query head sample xy")  # from the reference, level pixels
    weights: np.ndarray = axes("query head sample")
    outside: np.ndarray = axes("query head sample")  # the point has left the map
    boxes_xyxy: np.ndarray = axes("query xyxy")  # normalised, padded picture; NaN: none
    with_box: np.ndarray = axes("owner")  # places in `queries`
    offsets_box: np.ndarray = axes("owner head sample xy")  # from its centre, in half sides
    inside: np.ndarray = axes("owner head sample")  # the point lies in the query's box

    def __post_init__(self):
        check_axes(self, unbatched=tuple(axes_of(self)))

    @property
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
    references = _numpy(record.references)[queries].astype(np.float32)
    locations, weights, points = _flat(record, queries)
    boxed = references.shape[-1] == 4
    own_boxes = cxcywh_to_xyxy(references[:, 0]) if boxed else objects_xyxy
    boxes = np.asarray(own_boxes, np.float32)
    with_box = np.flatnonzero(np.isfinite(boxes).all(axis=-1))
    shapes = shapes_list(record.spatial_shapes)
    level = np.repeat(np.arange(len(points)), points)
    sizes_xy = np.array([(width, height) for height, width in shapes], np.float32)[level]
    own = references[:, np.minimum(level, references.shape[1] - 1)]  # [query sample ..]
    low, high = (boxes[with_box, None, None, side] for side in (slice(0, 2), slice(2, 4)))
    theirs = locations[with_box]
    centre = own[with_box, None, :, :2] if boxed else (low + high) / 2
    half = own[with_box, None, :, 2:] / 2 if boxed else (high - low) / 2
    return LayerOfQueries(
        name,
        boxed,
        tuple(shapes),
        points,
        queries,
        offsets_px=(locations - own[:, None, :, :2]) * sizes_xy,
        weights=weights,
        outside=_beyond(locations, 0.0, 1.0),
        boxes_xyxy=boxes,
        with_box=with_box,
        offsets_box=(theirs - centre) / np.maximum(half, 1e-9),
        inside=~_beyond(theirs, low, high),
    )


def _beyond(locations: np.ndarray, low: Any, high: Any) -> np.ndarray:
    """Whether points [... xy] lie below or above a range, in x or y: [...]."""
    away = (locations < low) | (locations > high)
    return away[..., 0] | away[..., 1]


def _flat(record: Any, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """[query head sample xy], [query head sample] and the points of every level, float32."""
    locations = _numpy(record.sampling_locations)[queries].astype(np.float32)
    weights = _numpy(record.attention_weights)[queries].astype(np.float32)
    if locations.ndim == 4:
        return locations, weights, tuple(int(count) for count in record.points_per_level)
    count, heads, levels, points, _ = locations.shape
    flat = locations.reshape(count, heads, levels * points, 2)
    return flat, weights.reshape(count, heads, levels * points), (points,) * levels


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
