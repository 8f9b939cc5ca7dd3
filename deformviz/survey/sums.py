"""What adds up over pictures: counts, moments and histograms of offsets, the head atlas.

Counts are integers, so any order of adding gives the same; the rest is float64.
"""

from __future__ import annotations

import io
import json
import lzma
from dataclasses import dataclass, field

import numpy as np

from deformviz.survey.samples import LayerOfQueries

BINS = 33
REACH_PX = 8.25  # of the histogram on either side, level pixels
REACH_BOX = 2.0625  # the same in half sides of the box: 1 is its edge
ALL = "all"
XZ = b"\xfd7zXZ"  # what LZMA's files begin with
# COCO's bounds of the root of a box's area, pixels of the original picture.
SIZES = {"S": (0.0, 32.0), "M": (32.0, 96.0), "L": (96.0, np.inf)}


@dataclass(eq=False)
class LayerSums:
    """The sums of one layer. Points of levels with fewer than the most are left at zero."""

    name: str
    boxed: bool  # histograms count half sides of the box, else level pixels
    heads: int
    points: tuple[int, ...]  # of every level
    pictures: int = 0
    queries: int = 0
    moments: np.ndarray = field(init=False)  # [head level point (x y xx yy xy)], own unit
    weight: np.ndarray = field(init=False)  # [head level], summed over queries
    told: int = 0  # queries behind the moments: all, or those with a box
    counts: dict[str, np.ndarray] = field(default_factory=dict)  # group -> [head level y x]
    weights: dict[str, np.ndarray] = field(default_factory=dict)  # the same, weighed

    def __post_init__(self):
        levels = len(self.points)
        self.moments = np.zeros((self.heads, levels, max(self.points), 5))
        self.weight = np.zeros((self.heads, levels))

    def group(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The two histograms of a group, made where there are none yet."""
        shape = (self.heads, len(self.points), BINS, BINS)
        if name not in self.counts:
            self.counts[name], self.weights[name] = np.zeros(shape, np.int64), np.zeros(shape)
        return self.counts[name], self.weights[name]

    def add(self, layer: LayerOfQueries, groups: dict[str, np.ndarray]) -> None:
        """Count one picture's layer; `groups` says which of its queries belong to what."""
        self.pictures += 1
        self.queries += len(layer.queries)
        own = layer.moments_box if self.boxed else layer.moments_px
        self.told += own.count
        sums = np.moveaxis(own.raw, 0, -1)
        for level, (start, points) in enumerate(zip(layer.starts, self.points, strict=True)):
            self.moments[:, level, :points] += sums[:, start : start + points]
        self.weight += layer.by_level(layer.weight_sums)
        told = layer.with_box if self.boxed else np.arange(len(layer.queries))
        places = self._places(layer)
        weighed = layer.weights[told] if self.boxed else layer.weights
        for group, chosen in groups.items():
            mine = chosen[told]
            if mine.any():
                whole = mine.all()
                where = (places if whole else places[mine]).reshape(-1)
                heavy = (weighed if whole else weighed[mine]).reshape(-1)
                self._count(group, where, heavy)

    def _count(self, group: str, where: np.ndarray, heavy: np.ndarray) -> None:
        """Add samples to the two histograms of a group: their flat places, and their weights."""
        counts, weights = (histogram.reshape(-1) for histogram in self.group(group))
        if len(where) < len(counts):  # few: touching all cells would take longer
            np.add.at(counts, where, 1)
            np.add.at(weights, where, heavy.astype(np.float64))
        else:
            counts += np.bincount(where, minlength=len(counts))
            weights += np.bincount(where, heavy, minlength=len(counts))

    def _places(self, layer: LayerOfQueries) -> np.ndarray:
        """Where every sample falls in a group's flattened histogram [query head sample]."""
        cells = (
            bins(layer.offsets_box, REACH_BOX) if self.boxed else bins(layer.offsets_px, REACH_PX)
        )
        level = np.repeat(np.arange(len(self.points)), self.points)
        own = np.arange(self.heads)[:, None] * len(self.points) + level
        cells += own * (BINS * BINS)
        return cells

    def merge(self, other: LayerSums) -> None:
        """Add what another part of the study counted of the same layer."""
        if (self.boxed, self.heads, self.points) != (other.boxed, other.heads, other.points):
            raise ValueError(
                f"Parts of the study disagree about {self.name}: {self.heads} heads with "
                f"{self.points} points and {other.heads} with {other.points}."
            )
        self.pictures += other.pictures
        self.queries += other.queries
        self.told += other.told
        self.moments += other.moments
        self.weight += other.weight
        for name in other.counts:
            counts, weights = self.group(name)
            counts += other.counts[name]
            weights += other.weights[name]

    # -- what they say ---------------------------------------------------------------------------

    @property
    def mean(self) -> np.ndarray:
        """Mean offset of every point [head level point xy], in the layer's own unit."""
        return self.moments[..., :2] / max(self.told, 1)

    @property
    def spread(self) -> np.ndarray:
        """How far a point strays from its mean over all queries of all pictures [head level point].

        The root of the summed variances of x and y, in the layer's own unit.
        """
        variance = self.moments[..., 2:4] / max(self.told, 1) - self.mean**2
        return np.sqrt(np.maximum(variance, 0).sum(axis=-1))


def bins(offsets: np.ndarray, reach: float) -> np.ndarray:
    """The cell of a histogram that offsets [xy ..] fall in [..]; the rim holds what is beyond.

    Cells are counted row by row, y first.
    """
    columns, rows = (_cells(plane, reach) for plane in offsets)
    rows *= np.float32(BINS)
    rows += columns
    return rows.astype(np.intp)


def _cells(along: np.ndarray, reach: float) -> np.ndarray:
    places = along + np.float32(reach)
    places *= np.float32(BINS / (2 * reach))
    np.clip(places, 0, BINS - 1, out=places)
    return np.trunc(places, out=places)  # which is down from the clip on


def size_class(side_px: float) -> str:
    """S, M or L by the root of a box's area."""
    return next(name for name, (low, high) in SIZES.items() if low <= side_px < high)


def shares_by_size(sums: dict[str, LayerSums]) -> dict[str, np.ndarray]:
    """How weight is shared out among levels [level], of every layer and size of object.

    Sizes as COCO bounds them: of the detected box in a decoder, of the annotated object around the
    reference in an encoder.
    """
    found = {}
    for name, layer in sums.items():
        for size in SIZES:
            weights = layer.weights.get(f"size {size}")
            if weights is not None and weights.sum() > 0:
                of_levels = weights.sum(axis=(0, 2, 3))
                found[f"{name} · {size}"] = of_levels / of_levels.sum()
    return found


# -- on disk ---------------------------------------------------------------------------------------


def to_bytes(sums: dict[str, LayerSums], *, small: bool = False) -> bytes:
    """All layers as one NumPy archive, of histograms what is not zero.

    Packed by Zstandard, which takes a moment; or by LZMA, which takes long and is smaller.
    """
    arrays: dict[str, np.ndarray] = {}
    about = {}
    for name, layer in sums.items():
        about[name] = {
            "boxed": layer.boxed,
            "heads": layer.heads,
            "points": list(layer.points),
            "pictures": layer.pictures,
            "queries": layer.queries,
            "told": layer.told,
            "groups": sorted(layer.counts),
        }
        arrays[f"{name}|moments"], arrays[f"{name}|weight"] = layer.moments, layer.weight
        for group in sorted(layer.counts):
            counts = layer.counts[group].reshape(-1)
            (filled,) = counts.nonzero()
            arrays[f"{name}|{group}|gaps"] = _smallest(np.diff(filled, prepend=0))
            arrays[f"{name}|{group}|counts"] = _smallest(counts[filled])
            weights = layer.weights[group].reshape(-1)[filled]
            arrays[f"{name}|{group}|weights"] = weights.astype(np.float32)
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    if small:
        return lzma.compress(buffer.getvalue(), preset=6)
    import pyarrow as pa  # which who only reads what was found does without

    return pa.Codec("zstd", 1).compress(buffer.getvalue(), asbytes=True)


def _smallest(numbers: np.ndarray) -> np.ndarray:
    """Whole numbers from 0 on in the smallest type that holds them."""
    return numbers.astype(np.min_scalar_type(numbers.max(initial=0)))


def from_bytes(data: bytes) -> dict[str, LayerSums]:
    """The inverse of `to_bytes`. Raises ValueError, OSError or LZMAError if the bytes are something
    else."""
    if data.startswith(XZ):
        unpacked = lzma.decompress(data)
    else:
        import pyarrow as pa

        unpacked = pa.input_stream(pa.py_buffer(data), compression="zstd").read()
    with np.load(io.BytesIO(unpacked), allow_pickle=False) as arrays:
        about = json.loads(arrays["about"].tobytes())
        found = {}
        for name, told in about.items():
            layer = LayerSums(
                name,
                told["boxed"],
                told["heads"],
                tuple(told["points"]),
                told["pictures"],
                told["queries"],
                told["told"],
            )
            layer.moments = arrays[f"{name}|moments"]
            layer.weight = arrays[f"{name}|weight"]
            for group in told["groups"]:
                counts, weights = layer.group(group)
                cells = np.cumsum(arrays[f"{name}|{group}|gaps"], dtype=np.int64)
                counts.reshape(-1)[cells] = arrays[f"{name}|{group}|counts"]
                weights.reshape(-1)[cells] = arrays[f"{name}|{group}|weights"]
            found[name] = layer
    return found
