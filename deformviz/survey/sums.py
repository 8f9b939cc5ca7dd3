"""What adds up over pictures: counts, moments and histograms of offsets, the head atlas.

Counts are integers, so any order of adding gives the same; the rest is float64.
"""

from __future__ import annotations

import io
import json
import lzma
from dataclasses import dataclass, field

import numpy as np

from deformviz.survey.cells import BINS
from deformviz.survey.tally import Tally

ALL = "all"
WAITING = 1 << 18  # samples of a layer that may wait to be counted, so that few calls count many
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

    def __post_init__(self):
        levels = len(self.points)
        self.moments = np.zeros((self.heads, levels, max(self.points), 5))
        self.weight = np.zeros((self.heads, levels))
        self._counts: dict[str, np.ndarray] = {}
        self._weights: dict[str, np.ndarray] = {}
        self._waiting: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        self._waits = 0  # samples

    @property
    def _cells(self) -> int:
        """Of one histogram."""
        return self.heads * len(self.points) * BINS * BINS

    @property
    def counts(self) -> dict[str, np.ndarray]:
        """How many samples fell where: group -> [head level y x]."""
        self._settle()
        return self._counts

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """The same, weighed."""
        self._settle()
        return self._weights

    def group(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The two histograms of a group, made where there are none yet."""
        shape = (self.heads, len(self.points), BINS, BINS)
        if name not in self._counts:
            self._counts[name], self._weights[name] = np.zeros(shape, np.int64), np.zeros(shape)
        return self._counts[name], self._weights[name]

    def add(self, tally: Tally, groups: dict[str, np.ndarray]) -> None:
        """Count one picture's layer; `groups` says which of its queries belong to what."""
        layer = tally.layer
        first = layer.names.index(self.name) * self.heads
        mine = slice(first, first + self.heads)  # of the heads that were measured together
        self.pictures += 1
        self.queries += len(layer.queries)
        self.told += tally.own_moments.count
        sums = np.moveaxis(tally.own_moments.raw[:, mine], 0, -1)
        for level, (start, points) in enumerate(zip(layer.starts, self.points, strict=True)):
            self.moments[:, level, :points] += sums[:, start : start + points]
        self.weight += layer.by_level(tally.weight[mine])
        told = layer.with_box if self.boxed else slice(None)
        places, weights = tally.places[:, mine], layer.weights[told, mine]
        for group, chosen in groups.items():
            (theirs,) = chosen[told].nonzero()
            if len(theirs):
                whole = len(theirs) == len(places)
                where = (places if whole else places[theirs]).reshape(-1)
                heavy = (weights if whole else weights[theirs]).reshape(-1)
                if len(where) >= self._cells:
                    self._count(group, where, heavy)
                else:
                    self._waiting.setdefault(group, []).append((where, heavy))
                    self._waits += len(where)
        if self._waits > WAITING:
            self._settle()

    def _settle(self) -> None:
        """Count the samples that wait."""
        waiting, self._waiting, self._waits = self._waiting, {}, 0
        for group, parts in waiting.items():
            if len(parts) == 1:
                self._count(group, *parts[0])
            else:
                where, heavy = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
                self._count(group, where, heavy)

    def _count(self, group: str, where: np.ndarray, heavy: np.ndarray) -> None:
        """Add samples to the two histograms of a group: their flat places, and their weights."""
        counts, weights = (histogram.reshape(-1) for histogram in self.group(group))
        if len(where) < self._cells:  # few: touching all cells would take longer
            np.add.at(counts, where, 1)
            np.add.at(weights, where, heavy.astype(np.float64))
        else:
            counts += np.bincount(where, minlength=self._cells)
            weights += np.bincount(where, heavy, minlength=self._cells)

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
        theirs = other.counts, other.weights
        for name in theirs[0]:
            for ours, more in zip(self.group(name), theirs, strict=True):
                ours += more[name]

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
