"""What travels between the rooms: frozen records that know their axes.

Arrays are torch tensors inside models and NumPy arrays where a stored trace is read; nothing
here imports either. Records made by a module carry a leading `batch` axis; `dv.run` hands out
one image without it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from deformviz.axes import ShapeError, axes, axes_of, check_axes, is_batched

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    Array = Tensor | np.ndarray

# A record holds arrays of one kind: `AttentionTrace[Tensor]`, or of either where it is not said.
A = TypeVar("A", bound="Array")


def _map_arrays(record: Any, function: Callable[[str, Any], Any]) -> Any:
    present = {n: getattr(record, n) for n in axes_of(record) if getattr(record, n) is not None}
    return replace(record, **{name: function(name, value) for name, value in present.items()})


class _Arrays(Generic[A]):
    """What every record of arrays can do."""

    @property
    def is_batched(self) -> bool:
        return is_batched(self)

    def image(self, index: int) -> Any:
        """The record of one image of the batch, without the `batch` axis."""
        if not self.is_batched:
            raise ShapeError(f"This {type(self).__name__} is of one image already.")
        return _map_arrays(self, lambda n, v: v if n == "spatial_shapes" else v[index])

    def map(self, function: Callable[[Any], Any]) -> Any:
        """A copy with `function` applied to every array, e.g. `trace.map(Tensor.double)`."""
        return _map_arrays(self, lambda _, value: function(value))


SAMPLINGS = ("bilinear", "nearest")


@dataclass(frozen=True)
class AttentionTrace(_Arrays[A]):
    """What one deformable attention layer did (Deformable DETR, Eq. 2 and 3).

    Exactly one of `reference_points` and `reference_boxes` is set. References are those the
    module received: normalised to the padded image, one per level (valid ratios applied).
    """

    spatial_shapes: A = axes("level hw")  # (H_l, W_l), feature pixels
    sampling_offsets: A = axes("query head level point xy")  # feature px; boxes: share
    sampling_locations: A = axes("query head level point xy")  # normalised, may leave [0, 1]
    attention_weights: A = axes("query head level point")  # sums to 1 over level, point
    reference_points: A | None = axes("query level xy", optional=True)  # p_q, normalised
    reference_boxes: A | None = axes("query level cxcywh", optional=True)  # normalised
    value: A | None = axes("pixel head channel", optional=True)  # W'_m x
    query: A | None = axes("query embedding", optional=True)  # z_q + position
    output: A | None = axes("query embedding", optional=True)  # after W_m
    padding_mask: A | None = axes("pixel", optional=True)  # True = padding, read as zero
    points_per_level: tuple[int, ...] = field(default=(), kw_only=True)  # K_l, found if not given
    sampling: str = field(default="bilinear", kw_only=True)  # or "nearest", as RT-DETRv2 may

    def __post_init__(self):
        sizes = check_axes(self)
        self._settle_points(sizes)
        if self.sampling not in SAMPLINGS:
            raise ShapeError(f"sampling is {self.sampling!r}; it is one of {SAMPLINGS}.")
        if (self.reference_points is None) == (self.reference_boxes is None):
            raise ShapeError(
                f"{type(self).__name__} needs exactly one of reference_points [query level xy] "
                "and reference_boxes [query level cxcywh]."
            )

    def _settle_points(self, sizes: Mapping[str, int]) -> None:
        found = (sizes["point"],) * sizes["level"]
        if self.points_per_level and tuple(self.points_per_level) != found:
            raise ShapeError(
                f"points_per_level is {tuple(self.points_per_level)}, but the weights have "
                f"{sizes['point']} points on each of {sizes['level']} levels. Levels with "
                "different numbers of points are an UnequalAttentionTrace."
            )
        object.__setattr__(self, "points_per_level", found)

    @property
    def references(self) -> A:
        """[query level xy] or [query level cxcywh], whichever is set."""
        found = self.reference_boxes if self.reference_points is None else self.reference_points
        assert found is not None  # exactly one is set
        return found

    def select_queries(self, queries: Sequence[int]) -> AttentionTrace:
        """The same trace of these queries alone, in this order."""
        axis_of = {
            name: spec.split().index("query") + self.is_batched
            for name, spec in axes_of(self).items()
            if "query" in spec.split()
        }

        def pick(name: str, array: Any) -> Any:
            if name not in axis_of:
                return array
            return array[(slice(None),) * axis_of[name] + (list(queries),)]

        return _map_arrays(self, pick)

    @property
    def sample_levels(self) -> list[slice]:
        """Where the samples of each level lie among those of a head, level after level."""
        ends = [sum(self.points_per_level[: i + 1]) for i in range(len(self.points_per_level))]
        return [
            slice(end - count, end) for end, count in zip(ends, self.points_per_level, strict=True)
        ]

    @property
    def locations_by_sample(self) -> A:
        """`sampling_locations` as [query head sample xy], whatever the points per level."""
        return self._by_sample(self.sampling_locations, after=1)

    @property
    def offsets_by_sample(self) -> A:
        """`sampling_offsets` as [query head sample xy]."""
        return self._by_sample(self.sampling_offsets, after=1)

    @property
    def weights_by_sample(self) -> A:
        """`attention_weights` as [query head sample]."""
        return self._by_sample(self.attention_weights, after=0)

    @staticmethod
    def _by_sample(array: Any, after: int) -> Any:
        shape = tuple(array.shape)
        kept, rest = shape[: len(shape) - 2 - after], shape[len(shape) - after :]
        return array.reshape(*kept, -1, *rest)


@dataclass(frozen=True)
class UnequalAttentionTrace(AttentionTrace[A]):
    """Deformable attention whose levels have different numbers of points (D-FINE, DEIMv2).

    A head's samples follow one another, level after level: `points_per_level` says how many each
    level has, `sample_levels` which they are.
    """

    sampling_offsets: A = axes("query head sample xy")
    sampling_locations: A = axes("query head sample xy")
    attention_weights: A = axes("query head sample")  # sums to 1 over sample

    def _settle_points(self, sizes: Mapping[str, int]) -> None:
        counts = tuple(int(count) for count in self.points_per_level)
        fits = len(counts) == sizes["level"] and sum(counts) == sizes["sample"]
        if not fits or min(counts) < 0:
            raise ShapeError(
                f"points_per_level is {counts}; it needs one number for each of the "
                f"{sizes['level']} levels, together the {sizes['sample']} samples of a head."
            )
        object.__setattr__(self, "points_per_level", counts)

    @staticmethod
    def _by_sample(array: Any, after: int) -> Any:
        return array


@dataclass(frozen=True)
class DenseTrace(_Arrays[A]):
    """What one dense multi-head attention layer did (DETR, Eq. 1)."""

    attention_weights: A = axes("head query key")  # sums to 1 over key
    query: A | None = axes("query embedding", optional=True)
    output: A | None = axes("query embedding", optional=True)
    keys_hw: tuple[int, int] | None = field(default=None, kw_only=True)  # if keys are its pixels

    def __post_init__(self):
        sizes = check_axes(self)
        if self.keys_hw is not None and self.keys_hw[0] * self.keys_hw[1] != sizes["key"]:
            height, width = self.keys_hw
            raise ShapeError(
                f"DenseTrace has {sizes['key']} on axis 'key', which is not {height}x{width}."
            )


@dataclass(frozen=True)
class GridTrace(_Arrays[A]):
    """What one layer with a deformed grid did to one map (DAT, Eq. 6 to 9; DAT++; lucidrains).

    Grid coordinates are what grid_sample reads, written (y, x): [-1, 1] spans the map of
    `query_hw` as `align_corners` says, and `geometry.grid_to_normalised` leads to the house frame.
    Head m attends to the knots of group m // (heads / groups).
    """

    reference_grid: A = axes("group knot yx")  # p, the undeformed grid
    offsets: A = axes("group knot yx")  # delta p, scaled
    positions: A = axes("group knot yx")  # where the features are read
    attention_weights: A = axes("head query knot")  # sums to 1 over knot
    position_bias: A | None = axes("head query knot", optional=True)  # added before softmax
    sampled_features: A | None = axes("channel knot", optional=True)  # x(p + delta p)
    query_grid: A | None = axes("query yx", optional=True)  # displacements start here
    output: A | None = axes("channel query", optional=True)  # after proj_out
    grid_hw: tuple[int, int] = field(kw_only=True)  # knots, row by row
    query_hw: tuple[int, int] = field(kw_only=True)  # queries and sampled map
    version: str = field(kw_only=True)  # "v1" | "++" | "lucidrains .."
    align_corners: bool = field(default=True, kw_only=True)

    def __post_init__(self):
        sizes = check_axes(self)
        for axis, (height, width) in (("knot", self.grid_hw), ("query", self.query_hw)):
            if height * width != sizes[axis]:
                raise ShapeError(
                    f"GridTrace has {sizes[axis]} on axis {axis!r}, which is not {height}x{width}."
                )
        if sizes["head"] % sizes["group"]:
            raise ShapeError(
                f"GridTrace has {sizes['head']} heads, not a multiple of {sizes['group']} groups."
            )

    def group_of(self, head: int) -> int:
        """The group whose knots a head attends to."""
        heads, groups = self.attention_weights.shape[-3], self.positions.shape[-3]
        return head // (heads // groups)


@dataclass(frozen=True)
class SpaceTrace(_Arrays[A]):
    """What one layer with a deformed grid did to a sequence or a volume (lucidrains 1-D, 3-D).

    Coordinates are what grid_sample received, in its order: (x), or (x, y, z). Head m attends to
    the knots of group m // (heads / groups).
    """

    reference_grid: A = axes("group knot coordinate")  # the undeformed grid
    offsets: A = axes("group knot coordinate")
    positions: A = axes("group knot coordinate")  # where the features are read
    attention_weights: A = axes("head query knot")  # sums to 1 over knot
    position_bias: A | None = axes("head query knot", optional=True)  # added before softmax
    output: A | None = axes("channel query", optional=True)
    grid_sizes: tuple[int, ...] = field(kw_only=True)  # knots along each axis of the features
    query_sizes: tuple[int, ...] = field(kw_only=True)
    version: str = field(kw_only=True)

    def __post_init__(self):
        sizes = check_axes(self)
        for axis, along in (("knot", self.grid_sizes), ("query", self.query_sizes)):
            if math.prod(along) != sizes[axis]:
                raise ShapeError(
                    f"SpaceTrace has {sizes[axis]} on axis {axis!r}, which is not "
                    f"{' x '.join(map(str, along))}."
                )


@dataclass(frozen=True)
class LocalTrace(_Arrays[A]):
    """What one layer with a fixed neighbourhood per query did (window, neighborhood, slide, QnA).

    Queries and keys are pixels of a map, counted row by row.
    """

    attention_weights: A = axes("head query key")  # sums to 1 over key
    keys: A = axes("query key")  # pixel index; -1 = padding
    map_hw: tuple[int, int] = field(kw_only=True)

    def __post_init__(self):
        check_axes(self)


@dataclass(frozen=True)
class DetectorOutput(Generic[A]):
    """What a detector says of a batch, before post-processing."""

    logits: A  # [batch query class], sigmoid classes
    boxes_cxcywh: A  # [batch query cxcywh], of the un-padded image
    auxiliary: tuple[DetectorOutput[A], ...] = ()  # one per earlier decoder layer
    proposals: DetectorOutput[A] | None = None  # two-stage: every encoder token's guess

    def image(self, index: int) -> DetectorOutput[A]:
        """The output for one image: [query class], [query cxcywh]."""
        logits: Any = self.logits
        boxes: Any = self.boxes_cxcywh
        return DetectorOutput(
            logits[index],
            boxes[index],
            tuple(layer.image(index) for layer in self.auxiliary),
            self.proposals and self.proposals.image(index),
        )

    def map(self, function: Callable[[Any], Any]) -> DetectorOutput:
        """A copy with `function` applied to every array."""
        return DetectorOutput(
            function(self.logits),
            function(self.boxes_cxcywh),
            tuple(layer.map(function) for layer in self.auxiliary),
            self.proposals and self.proposals.map(function),
        )


SHOWN_SCORE = 0.3  # detections below it are drawn only where all are asked for


@dataclass(frozen=True)
class Detections(_Arrays[A]):
    """Objects found in one image, best first."""

    boxes_xyxy_px: A = axes("detection xyxy")  # pixels of the original image
    scores: A = axes("detection")  # sigmoid, 0 to 1
    labels: A = axes("detection")  # index into `class_names`
    queries: A = axes("detection")  # the decoder query that found it
    class_names: tuple[str, ...] = ()
    masks: Array | None = axes("detection row column", optional=True)  # bool, original picture

    def __post_init__(self):
        check_axes(self, unbatched=tuple(axes_of(self)))

    def __len__(self) -> int:
        return int(self.scores.shape[0])

    def name(self, index: int) -> str:
        """The class of a detection in words, or its number where the model has no names."""
        label = int(self.labels[index])
        known = 0 <= label < len(self.class_names)
        return self.class_names[label] if known else f"class {label}"


@dataclass(frozen=True)
class ImageFrame:
    """The three sizes of one picture on its way into a model, each (height, width) in pixels."""

    original_hw: tuple[int, int]
    resized_hw: tuple[int, int]
    padded_hw: tuple[int, int]

    def __post_init__(self):
        for name in (f.name for f in fields(self)):
            height, width = getattr(self, name)
            if height < 1 or width < 1:
                raise ShapeError(f"{name} is {height}x{width}; both sides must be at least 1.")
        if any(r > p for r, p in zip(self.resized_hw, self.padded_hw, strict=True)):
            raise ShapeError(
                f"resized_hw {self.resized_hw} does not fit into padded_hw {self.padded_hw}."
            )


@dataclass(frozen=True)
class Trace:
    """Everything recorded while a model looked at one image: layers by name, and the answer.

    `trace["encoder.0"]` is the record of that layer; names run "encoder.0", .. "decoder.0", ..
    """

    layers: Mapping[str, AttentionTrace | DenseTrace | GridTrace]
    frame: ImageFrame
    detections: Detections | None = None
    output: DetectorOutput | None = None
    logits: Array | None = None  # classifiers: [class]
    proofs: Mapping[str, Any] = field(default_factory=dict)  # `tracing.proven.Proof` by layer

    def __getitem__(self, name: str) -> Any:
        if name not in self.layers:
            raise KeyError(
                f"No layer {name!r} in this trace; it has {', '.join(self.layers) or 'none'}."
            )
        return self.layers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)
