"""Headers of packed traces, as they stand in the files; script types are written from it.

Sizes are (height, width); an affine is [scale x, shift x, scale y, shift y] and goes from
normalised places of the padded picture, unless its name says otherwise.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

Affine4 = list[float]
Size = list[int]


class FrameHeader(TypedDict):
    """Sizes of the picture on its way into the model."""

    original_hw: Size
    resized_hw: Size
    padded_hw: Size


class FoundHeader(TypedDict):
    """The best detection of a query; the box in pixels of the original picture."""

    label: int
    class_name: str
    score: float
    box_xyxy_px: list[float]


class ClassHeader(TypedDict):
    """A class a classifier names."""

    label: int
    probability: float
    class_name: str


class KeySetHeader(TypedDict):
    """What one kind of attention may read."""

    name: str
    title: str
    shared: bool  # one list of places for all queries
    keys: int
    per_head: int
    heads: int
    cost: list[float]  # multiply-adds for pictures of `cost_sides`
    honesty: str
    weight_scale: float | None  # None: its weights are not trained


class ProofHeader(TypedDict):
    """How far a replay of the layer was from what its module returned, of its largest value."""

    difference: float | str  # "nan" for what is no number
    tolerance: float
    placement: float | None  # cells of its level


class TraceHeader(TypedDict):
    """What every packed trace says first."""

    v: int
    kind: str  # encoder, decoder, grid, dense or key-sets
    layer: str
    queries: int
    levels: list[Size]  # of the feature maps whose cells are queries, or are read
    level_starts: list[int]
    start_query: int  # the one to show first
    frame: FrameHeader
    to_original: Affine4  # pixels of the original picture; centres are whole numbers
    from_original: Affine4
    edges_from_original: Affine4  # box edges, which count from the corner of a pixel
    to_padded: Affine4
    valid_to_padded: Affine4
    to_levels: list[Affine4]
    model_label: NotRequired[str]
    honesty_label: NotRequired[str]
    proof: NotRequired[ProofHeader | None]  # None: nobody looked


class LayerHeader(TraceHeader):
    """Sampling points of one layer, see `packing.py`."""

    heads: int
    points_per_level: NotRequired[list[int]]  # every level may have its own number
    points: NotRequired[int]  # in files from before that: the number of each level
    references: str  # points or boxes
    location_zero: list[float]
    location_scale: list[float]
    weight_scale: float
    box_layers: int
    detections: list[FoundHeader | None]  # of each query of a decoder
    shown_score: float


class GridHeader(TraceHeader):
    """A deformed grid, see `packing_grid.py`."""

    version: str
    heads: int
    knots: int
    groups: int
    grid_hw: Size
    query_hw: Size
    to_grid: Affine4  # the coordinates of the model's own grid
    weight_scale: float
    align_corners: bool
    has_starts: bool
    has_bias: bool
    bias_zero: NotRequired[float]
    bias_scale: NotRequired[float]
    mask_hw: Size | None
    surface_hw: Size | None
    classes: list[ClassHeader]
    start_group: int


class DenseHeader(TraceHeader):
    """Dense attention, see `packing_dense.py`; `levels` is empty where keys are the queries."""

    side: str  # encoder or decoder
    heads: int
    keys: int
    detections: list[FoundHeader | None]  # of each query of a decoder
    shown_score: float


class KeySetsHeader(TraceHeader):
    """What one query may read under several kinds of attention."""

    sets: list[KeySetHeader]
    cost_sides: list[int]
    channels: int


RECORDS = (
    FrameHeader,
    FoundHeader,
    ClassHeader,
    KeySetHeader,
    ProofHeader,
    TraceHeader,
    LayerHeader,
    GridHeader,
    DenseHeader,
    KeySetsHeader,
)


def points_per_level(header: LayerHeader) -> list[int]:
    """How many points each level has; files from before levels could differ say it once for all."""
    each = header.get("points_per_level")
    return list(each) if each else [header.get("points", 0)] * len(header["levels"])
