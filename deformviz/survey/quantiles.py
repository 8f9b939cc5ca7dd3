"""Quantiles of many rows of numbers at once, exact, and without putting all of them in order.

Numbers are counted by their leading bits; only those that share a bucket with a wanted rank are
sorted. Plain NumPy.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

FEW = 256  # numbers a row, from which on counting is quicker than sorting
TOGETHER = 1 << 16  # numbers that are counted at once: their buckets fit a processor's cache
# A float32 that is not negative is ordered as its bits are: exponent, then mantissa.
SHIFT = 18  # 32 buckets for each power of two
LOWEST, HIGHEST = 2.0**-20, 2.0**14  # what lies below, or above, shares a bucket


def quantiles_of_roots(squares: np.ndarray, rows: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Quantiles of square roots as NumPy has them, between two roots in proportion: [share row].

    Args:
        squares: [number column] float32, finite and not negative.
        rows: [column], which row each column belongs to: 0, 1, .. in order, each with some.
        shares: [share] from 0 to 1.
    """
    sizes = np.bincount(rows) * len(squares)  # numbers of every row
    places = shares[:, None] * (sizes - 1)
    below = places.astype(int)
    ranks = np.stack([below, np.minimum(below + 1, sizes - 1)])  # [2 share row]
    of = _by_counting if sizes.min() > FEW else _by_sorting
    low, high = np.sqrt(of(squares, rows, ranks, sizes))
    share = (places - below).astype(np.float32)
    return low * (1 - share) + high * share


def _by_sorting(values, rows, ranks, sizes) -> np.ndarray:
    edges = np.cumsum([0, *np.bincount(rows)]).tolist()
    if len(set(sizes.tolist())) == 1:
        split = values.reshape(len(values), len(sizes), -1).swapaxes(0, 1)
        ordered = np.sort(split.reshape(len(sizes), -1), axis=1)
        return ordered[np.arange(len(sizes)), ranks]
    columns = (values[:, start:end] for start, end in pairwise(edges))
    found = [np.sort(mine, axis=None)[ranks[..., row]] for row, mine in enumerate(columns)]
    return np.stack(found, axis=-1)


def _by_counting(values, rows, ranks, sizes) -> np.ndarray:
    lowest, highest = (int(np.float32(edge).view(np.int32)) >> SHIFT for edge in (LOWEST, HIGHEST))
    buckets = highest - lowest + 1
    bits = np.ascontiguousarray(values, np.float32).view(np.int32)
    first = (rows * buckets - lowest).astype(np.int32)
    counts, blocks = np.zeros(len(sizes) * buckets, np.intp), []
    step = max(1, TOGETHER // len(rows))
    for start in range(0, len(bits), step):
        some = bits[start : start + step]
        codes = np.clip(some >> SHIFT, lowest, highest)
        codes += first
        blocks.append((codes.reshape(-1).astype(np.intp), some.reshape(-1)))
        counts += np.bincount(blocks[-1][0], minlength=len(counts))
    upto = counts.cumsum()
    ranks = ranks + (sizes.cumsum() - sizes)  # among the numbers of all rows
    # The bucket of a rank is the first with more numbers up to its end than the rank.
    wanted = np.searchsorted(upto, ranks, "right")  # [2 share row]
    needed = np.zeros(len(counts), bool)
    needed[wanted] = True
    picked = [np.flatnonzero(needed[codes]) for codes, _ in blocks]
    keys = np.concatenate(
        [codes[at] << 32 | some[at] for (codes, some), at in zip(blocks, picked, strict=True)]
    )
    keys.sort()  # bucket by bucket, and in order within each
    kept = np.where(needed, counts, 0)
    within = ranks - (upto - counts)[wanted]
    found = keys[(kept.cumsum() - kept)[wanted] + within] & 0xFFFFFFFF
    return found.astype(np.int32).view(np.float32)
