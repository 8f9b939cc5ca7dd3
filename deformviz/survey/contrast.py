"""Two studies side by side: which heads differ, by how much, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deformviz.survey.bootstrap import LEVEL, discoveries, mean_over_pictures, p_values

if TYPE_CHECKING:
    from deformviz.survey.study import Study

COMPARED = (
    "spread",
    "entropy",
    "heaviest",
    "outside_share",
    "inside_share",
    "weight_share",
    "offset_x_px",
    "offset_y_px",
)


@dataclass(frozen=True)
class Change:
    """How one head's measure differs between two studies."""

    layer: str
    head: int
    measure: str
    level: int
    before: float
    after: float
    low: float  # of the 95 % interval of the difference
    high: float
    effect: float  # the difference in standard deviations over pictures
    p: float


def changes(before: Study, after: Study, level: float = LEVEL) -> list[Change]:
    """Heads that differ between two studies, the measure that tells it best, largest effect first.

    A head asks one question: whether any of its measures differs. Its p is that of the best
    measure times how many there are; false discoveries over heads are controlled at `level`.
    Studies of the same pictures are compared picture by picture.
    """
    paired = before.settings.digest == after.settings.digest
    best: dict[tuple[str, int], tuple[Change, int]] = {}
    for measure in COMPARED:
        first, second = before.per_picture(measure), after.per_picture(measure)
        for layer in first.keys() & second.keys():
            if first[layer].shape[1:] == second[layer].shape[1:]:
                _take_best(best, layer, measure, first[layer], second[layer], paired)
    told = [(change, min(1.0, change.p * count)) for change, count in best.values()]
    kept = discoveries(np.array([p for _, p in told]), level) if told else []
    found = [change for (change, _), keep in zip(told, kept, strict=True) if keep]
    return sorted(found, key=lambda change: -abs(change.effect))


def _take_best(best, layer: str, measure: str, first, second, paired: bool) -> None:
    both = paired and first.shape == second.shape
    if both:
        mean = mean_over_pictures(second - first)
        difference, error, low, high = mean.value, mean.error, mean.low, mean.high
    else:
        a, b = mean_over_pictures(first), mean_over_pictures(second, seed=1)
        difference, error = b.value - a.value, np.hypot(a.error, b.error)
        low, high = difference - 1.96 * error, difference + 1.96 * error
    deviation = np.sqrt((np.nanvar(first, axis=0) + np.nanvar(second, axis=0)) / 2)
    p = p_values(difference, error)
    for head in range(p.shape[0]):
        for level in range(p.shape[1]):
            if not np.isfinite(difference[head, level]):
                continue
            change = Change(
                layer,
                head,
                measure,
                level,
                float(np.nanmean(first[:, head, level])),
                float(np.nanmean(second[:, head, level])),
                float(low[head, level]),
                float(high[head, level]),
                float(difference[head, level] / max(deviation[head, level], 1e-12)),
                float(p[head, level]),
            )
            known, count = best.get((layer, head), (change, 0))
            best[layer, head] = (change if change.p <= known.p else known, count + 1)
