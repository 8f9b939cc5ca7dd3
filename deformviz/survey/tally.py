"""What the samples of a layer add up to, some queries at a time: one pass behind rows and sums.

Plain NumPy, in single precision where numbers are many and in double where they are added up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np

from deformviz.survey.cells import BINS, REACH_BOX, REACH_PX, cells
from deformviz.survey.samples import Block, LayerOfQueries

BLOCK = 512  # queries added up in single precision before double takes over
ONES = np.ones(BLOCK, np.float32)


@dataclass(frozen=True, eq=False)
class Moments:
    """First and second moments of offsets over queries; told from the first query's offset, so
    that one that never moves has a variance of exactly zero."""

    count: int
    first: np.ndarray  # [xy head sample], offsets of the first query, float32
    sums: np.ndarray  # [(x y xx yy xy) head sample] of the differences to it

    def __add__(self, more: np.ndarray) -> Moments:
        """With the offsets [xy query head sample] of more queries."""
        if not more.shape[1]:
            return self
        first = self.first if self.count else more[:, 0].copy()
        x, y = (plane - start for plane, start in zip(more, first, strict=True))
        added = np.array([total(part) for part in (x, y, x * x, y * y, x * y)])
        return Moments(self.count + more.shape[1], first, self.sums + added)

    @property
    def mean(self) -> np.ndarray:
        """[xy head sample]"""
        return self.first.astype(np.float64) + self.sums[:2] / max(self.count, 1)

    @property
    def covariance(self) -> np.ndarray:
        """[(xx yy xy) head sample]"""
        x, y, *squares = self.sums / max(self.count, 1)
        found = np.array(squares) - np.array([x * x, y * y, x * y])
        np.maximum(found[:2], 0, out=found[:2])
        return found

    @cached_property
    def raw(self) -> np.ndarray:
        """Sums of the offsets themselves [(x y xx yy xy) head sample], to add up over pictures."""
        (x, y), (sx, sy, xx, yy, xy) = self.first.astype(np.float64), self.sums
        n = self.count
        return np.array(
            [
                n * x + sx,
                n * y + sy,
                xx + 2 * x * sx + n * x * x,
                yy + 2 * y * sy + n * y * y,
                xy + x * sy + y * sx + n * x * y,
            ]
        )


def no_moments(heads: int, samples: int) -> Moments:
    """Of no query at all."""
    return Moments(0, np.zeros((2, heads, samples), np.float32), np.zeros((5, heads, samples)))


def total(values: np.ndarray) -> np.ndarray:
    """The sum over queries of single precision values: [query ..] -> [..], in double."""
    flat = values.reshape(len(values), math.prod(values.shape[1:]))
    found = np.zeros(flat.shape[1])
    for start in range(0, len(flat), BLOCK):
        some = flat[start : start + BLOCK]
        found += ONES[: len(some)] @ some
    return found.reshape(values.shape[1:])


class Tally:
    """What the queries of a layer, or of several alike, add up to. Sums are [head sample]."""

    def __init__(self, layer: LayerOfQueries):
        self.layer = layer
        count, *inner = layer.weights.shape
        owners, told = len(layer.with_box), layer.with_box if layer.boxed else range(count)
        self.weight, self.entropy = np.zeros(inner), np.zeros(inner)
        self.outside, self.inside = np.zeros(inner), np.zeros(inner)
        self.heaviest = np.zeros((inner[0], len(layer.points)))
        self.moments_px, self.moments_box = no_moments(*inner), no_moments(*inner)
        self.squares_px = np.empty((count, *inner), np.float32)  # of the offsets' lengths
        self.squares_box = np.empty((owners, *inner), np.float32)
        # Where samples fall in the layer's histograms; queries without a box are not told of there
        # where offsets are told by boxes.
        self.places = np.empty((len(told), *inner), np.intp)
        self._first_cells = _first_cells(layer)
        queries = owned = 0
        for block in layer.blocks():
            self._add(block, queries, owned)
            queries, owned = queries + len(block.weights), owned + len(block.with_box)

    def _add(self, block: Block, queries: int, owned: int) -> None:
        """Count a block that comes after so many queries, of which so many own a box."""
        weights, theirs = block.weights, block.weights_of_owners
        self.weight += total(weights)
        self.entropy -= total(times_log(weights))
        self.heaviest += total(_most(self.layer, weights))
        self.outside += total(weights * block.outside)
        self.inside += total(theirs * block.inside)
        self.moments_px += block.offsets_px
        self.moments_box += block.offsets_box
        all_of, owners = slice(queries, queries + len(weights)), slice(owned, owned + len(theirs))
        _squares(block.offsets_px, self.squares_px[all_of])
        _squares(block.offsets_box, self.squares_box[owners])
        if self.layer.boxed:
            found, told = cells(block.offsets_box, REACH_BOX), owners
        else:
            found, told = cells(block.offsets_px, REACH_PX), all_of
        found += self._first_cells
        with np.errstate(invalid="ignore"):  # what is not finite is told by `broken`
            self.places[told] = found

    @property
    def own_moments(self) -> Moments:
        """In the layer's own unit."""
        return self.moments_box if self.layer.boxed else self.moments_px

    @property
    def broken(self) -> str:
        """The first layer that holds numbers that are not finite; "" where none does."""
        names = self.layer.names
        known = np.isfinite(self.moments_px.sums.sum(axis=0) + self.weight)
        of_layers = known.reshape(len(names), -1).all(axis=1)
        return next((name for name, good in zip(names, of_layers, strict=True) if not good), "")


def times_log(weights: np.ndarray) -> np.ndarray:
    """Every weight times its logarithm; 0 log 0 is 0."""
    found = np.maximum(weights, np.finfo(weights.dtype).tiny)
    np.log(found, out=found)
    found *= weights
    return found


def _first_cells(layer: LayerOfQueries) -> np.ndarray:
    """Where the histogram of each sample's head and level begins in its layer's [head sample]."""
    levels = len(layer.points)
    own = np.arange(layer.heads)[:, None] * levels + layer.levels
    return np.tile((own * BINS * BINS).astype(np.float32), (len(layer.names), 1))


def _most(layer: LayerOfQueries, weights: np.ndarray) -> np.ndarray:
    """The largest weight of every level [query head level]."""
    if len(set(layer.points)) > 1:
        return np.maximum.reduceat(weights, layer.starts, axis=-1)
    levels = weights.reshape(*weights.shape[:2], len(layer.points), -1)
    return reduce(np.maximum, (levels[..., point] for point in range(levels.shape[-1])))


def _squares(offsets: np.ndarray, into: np.ndarray) -> None:
    """Squared lengths of offsets [xy query head sample]: [query head sample]."""
    x, y = offsets
    np.multiply(x, x, out=into)
    into += y * y
