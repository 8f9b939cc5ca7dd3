"""What the star of an offset bias tells: how many heads, levels and points a layer has.

The paper starts `sampling_offsets` with one compass ray per head; training moves the bias, but it
keeps looking like the star it began as.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from deformviz.attention.reference import star_offsets

MOST_HEADS, MOST_LEVELS = 64, 8
CLEAR, APART = 0.8, 0.05  # likeness of the best reading, and how far ahead of other heads it is


@dataclass(frozen=True)
class StarReading:
    """One way to read a bias, and how like a star it then is (cosine, 1 = as initialised)."""

    heads: int
    levels: int
    points: int
    likeness: float


def readings(bias: Tensor, channels: int, levels: Sequence[int]) -> list[StarReading]:
    """Every way to read the bias [(head level point xy)] of a layer, the likest first.

    levels: what the number of levels may be.
    """
    rows, numbers = bias.numel() // 2, bias.detach().double().flatten()
    size = float(numbers.norm())
    found = []
    for heads in range(1, min(channels, MOST_HEADS) + 1):
        for count in levels:
            if channels % heads or rows % (heads * count) or not size:
                continue
            star = star_offsets(heads, count, rows // (heads * count)).double().flatten()
            likeness = float(numbers @ star) / size / float(star.norm())
            found.append(StarReading(heads, count, rows // (heads * count), likeness))
    return sorted(found, key=lambda reading: -reading.likeness)


def estimate_heads(biases: Iterable[Tensor], channels: int, levels: int) -> StarReading | None:
    """The number of heads that all biases speak for; None where they are no clear stars."""
    totals: dict[int, list[StarReading]] = {}
    layers = 0
    for bias in biases:
        layers += 1
        if not bool(torch.isfinite(bias).all()):
            return None
        for reading in readings(bias, channels, (levels,)):
            totals.setdefault(reading.heads, []).append(reading)
    means = sorted(
        (
            (sum(r.likeness for r in group) / layers, group[0])
            for group in totals.values()
            if len(group) == layers
        ),
        key=lambda pair: -pair[0],
    )
    if not means or means[0][0] < CLEAR or len(means) > 1 and means[0][0] - means[1][0] < APART:
        return None
    likeness, best = means[0]
    return StarReading(best.heads, levels, best.points, likeness)
