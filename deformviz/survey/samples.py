"""The samples of a layer, level by level, with the box that every query stands for.

One form for all records: levels with equal and unequal numbers of points, references that are
points or boxes, one layer or several alike. Plain NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np

from deformviz.analysis.offsets import object_of_points
from deformviz.axes import axes, axes_of, check_axes
from deformviz.geometry import cxcywh_to_xyxy, shapes_list, xyxy_to_cxcywh
from deformviz.schema import Detections, ImageFrame

TOGETHER = 1 << 15  # samples worked on at once: what is made of them fits a processor's cache


@dataclass(frozen=True, eq=False)
class LayerOfQueries:
    """One layer of one picture, or several alike, for the queries that a study asks about.

    The samples of a head stand level by level on one axis; `points` says how many each level has.
    Heads of several layers follow one another.
    """

    names: tuple[str, ...]
    boxed: bool  # references are boxes: their offsets are told in half sides
    shapes: tuple[tuple[int, int], ...]
    points: tuple[int, ...]  # of every level
    queries: np.ndarray = axes("query")  # indices into the layer
    references: np.ndarray = axes("query layer level coordinate")  # xy, or cxcywh
    locations: np.ndarray = axes("query head sample xy")
    weights: np.ndarray = axes("query head sample")
    boxes_xyxy: np.ndarray = axes("query layer xyxy")  # normalised, padded picture; NaN: none

    def __post_init__(self):
        check_axes(self, unbatched=tuple(axes_of(self)))

    @property
    def heads(self) -> int:
        """Of each layer."""
        return self.weights.shape[1] // len(self.names)

    @cached_property
    def with_box(self) -> np.ndarray:
        """Places in `queries` of those that have a box."""
        return np.flatnonzero(np.isfinite(self.boxes_xyxy).all(axis=(1, 2)))

    @cached_property
    def levels(self) -> np.ndarray:
        """The level of each sample of a head [sample]."""
        return np.repeat(np.arange(len(self.points)), self.points)

    @cached_property
    def starts(self) -> list[int]:
        """Where each level begins on the axis of samples."""
        return [0, *np.cumsum(self.points)[:-1].tolist()]

    def by_level(self, values: np.ndarray) -> np.ndarray:
        """Sums over the points of every level: [.. sample] -> [.. level]."""
        return np.add.reduceat(values, self.starts, axis=-1)

    @cached_property
    def sizes_xy(self) -> np.ndarray:
        """Width and height of each sample's level, level pixels [xy 1 head sample]."""
        sizes = np.array([(width, height) for height, width in self.shapes], np.float32)
        return np.tile(sizes[self.levels].T[:, None, None], (1, 1, self.weights.shape[1], 1))

    def of_samples(self, values: np.ndarray) -> np.ndarray:
        """Values [query layer level ..] of every sample [query head sample ..]; of length 1 where
        all are alike."""
        if (values == values[:, :1, :1]).all():
            return values[:, :1, :1]
        # Where a model gives one reference for all levels it has one level here.
        by_sample = values[:, :, np.minimum(self.levels, values.shape[2] - 1)]
        return np.repeat(by_sample, self.heads, axis=1)

    def blocks(self) -> Iterator[Block]:
        """The samples of some queries at a time, in their order."""
        step = max(1, TOGETHER // max(1, math.prod(self.weights.shape[1:])))
        for start in range(0, len(self.queries), step):
            yield self.block(slice(start, start + step))

    def block(self, rows: slice | np.ndarray) -> Block:
        """The samples of some of the queries, by their places."""
        locations, references = self.locations[rows], self.references[rows]
        boxes = self.boxes_xyxy[rows]
        with_box = np.flatnonzero(np.isfinite(boxes).all(axis=(1, 2)))
        theirs, owned = _chosen(locations, with_box), _chosen(references, with_box)
        corners = _chosen(boxes, with_box)[:, :, None]  # [owner layer level xyxy], of one level
        low, high = corners[..., :2], corners[..., 2:]
        centre = owned[..., :2] if self.boxed else (low + high) / 2
        half = owned[..., 2:] / 2 if self.boxed else (high - low) / 2
        per_half = self.of_samples(1 / np.maximum(half, np.float32(1e-9)))
        offsets_box = _away(theirs, self.of_samples(centre), np.moveaxis(per_half, -1, 0))
        return Block(
            offsets_px=_away(locations, self.of_samples(references[..., :2]), self.sizes_xy),
            weights=self.weights[rows],
            outside=_outside(locations),
            with_box=with_box,
            offsets_box=offsets_box,
            inside=_within(theirs, self.of_samples(low), self.of_samples(high)),
        )


@dataclass(frozen=True, eq=False)
class Block:
    """The samples of some queries. What is told by boxes holds only the queries that have one."""

    offsets_px: np.ndarray  # [xy query head sample], from the reference, level pixels
    weights: np.ndarray  # [query head sample]
    outside: np.ndarray  # [query head sample], the point has left the map
    with_box: np.ndarray  # [owner], places among these queries
    offsets_box: np.ndarray  # [xy owner head sample], from the box's centre, half sides
    inside: np.ndarray  # [owner head sample], the point lies in the query's box

    @property
    def weights_of_owners(self) -> np.ndarray:
        """[owner head sample]"""
        return _chosen(self.weights, self.with_box)


def layer_of_queries(
    name: str, record: Any, queries: np.ndarray, objects_xyxy: np.ndarray | None
) -> LayerOfQueries:
    """The chosen queries of one recorded layer.

    Args:
        record: an AttentionTrace of one picture.
        queries: [query] indices.
        objects_xyxy: [query xyxy], the object each query stands for, normalised to the padded
            picture; NaN where there is none. None where references are boxes, which count instead.
    """
    references = _chosen(_numpy(record.references), queries).astype(np.float32, copy=False)
    locations, weights, points = _flat(record, queries)
    boxed = references.shape[-1] == 4
    boxes = cxcywh_to_xyxy(references[:, 0]) if boxed else objects_xyxy
    assert boxes is not None  # points stand for nothing by themselves
    return LayerOfQueries(
        (name,),
        boxed,
        tuple(shapes_list(record.spatial_shapes)),
        points,
        queries,
        references=references[:, None],
        locations=locations,
        weights=weights,
        boxes_xyxy=np.asarray(boxes, np.float32)[:, None],
    )


def together(layers: Sequence[LayerOfQueries]) -> list[LayerOfQueries]:
    """The same with neighbours joined that are small and alike in all but their numbers."""
    found = []
    for _, alike in groupby(layers, _kind):
        some = list(alike)
        small = sum(layer.weights.size for layer in some) <= TOGETHER
        found += [_joined(some)] if len(some) > 1 and small else some
    return found


def _kind(layer: LayerOfQueries) -> tuple:
    queries, owners = layer.queries.tobytes(), layer.with_box.tobytes()
    levels = layer.references.shape[2]
    return layer.boxed, layer.shapes, layer.points, layer.heads, levels, queries, owners


def _joined(layers: Sequence[LayerOfQueries]) -> LayerOfQueries:
    first = layers[0]
    arrays = {
        name: np.concatenate([getattr(layer, name) for layer in layers], axis=1)
        for name in ("references", "locations", "weights", "boxes_xyxy")
    }
    names = tuple(layer.names[0] for layer in layers)
    return LayerOfQueries(names, first.boxed, first.shapes, first.points, first.queries, **arrays)


def _away(locations: np.ndarray, centre_xy: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Locations [query head sample xy] from a centre, scaled, with x apart from y.

    Centre [query head sample xy] and scale [xy query head sample] may be of length 1 where all are
    alike.

    Returns:
        [xy query head sample]
    """
    found = np.empty((2, *locations.shape[:-1]), np.float32)
    for axis in (0, 1):
        np.subtract(locations[..., axis], centre_xy[..., axis], out=found[axis])
        found[axis] *= scale[axis]
    return found


def _within(locations: np.ndarray, low_xy: np.ndarray, high_xy: np.ndarray) -> np.ndarray:
    """Whether points [owner head sample xy] lie between corners, edges too: [owner head sample].

    A star of the first training step has points that lie on an edge, so edges are compared as they
    are.
    """
    found = np.ones(locations.shape[:-1], bool)
    for axis in (0, 1):
        along = locations[..., axis]
        found &= along >= low_xy[..., axis]
        found &= along <= high_xy[..., axis]
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
    record: Any, queries: np.ndarray, by_query: dict | None, known_xyxy: np.ndarray
) -> np.ndarray:
    """The object each query stands for [query xyxy]; NaN where there is none.

    Args:
        by_query: boxes of decoder queries; None for an encoder layer.
        known_xyxy: [object xyxy] boxes on the picture, for encoder queries: the smallest one
            around the reference counts.
    """
    if by_query is not None:
        nothing = np.full(4, np.nan)
        return np.stack([by_query.get(int(query), nothing) for query in queries])
    if not len(known_xyxy):
        return np.full((len(queries), 4), np.nan)
    centres = _numpy(record.references)[queries][:, 0, :2].astype(np.float64)
    return object_of_points(centres, np.asarray(xyxy_to_cxcywh(known_xyxy)))
