"""What a study says of every head, in words; every word rests on a number with its interval."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from deformviz.survey.bootstrap import Mean, discoveries, mean_over_pictures, p_values
from deformviz.survey.files import VERDICTS
from deformviz.survey.sums import ALL, LayerSums
from deformviz.words import say

if TYPE_CHECKING:
    from deformviz.survey.study import Study

STILL = 0.05  # spread below which a head has not left its star, cells or half sides
ON_REFERENCE = 0.05  # length of nearly all offsets below which a head stays on its reference
SILENT = 0.01  # share of the mean head's gain
EVEN = 0.98  # of the largest entropy there is
BEYOND = 0.25  # of the weight outside the map
ONE_LEVEL = 0.95  # of the weight on one level
TWINS = 0.9  # common area of two heads' histograms


# How the number of a finding is written: times what, with how many decimals.
WRITTEN = {
    "star": (1, 2),
    "reference": (1, 2),
    "even": (100, 1),
    "outside": (100, 0),
    "level": (100, 0),
    "silent": (100, 1),
    "twins": (100, 0),
}


@dataclass(frozen=True)
class Verdict:
    """One finding on one head (or two), with the number it rests on; `text` puts it in words."""

    kind: str  # of WRITTEN
    layer: str
    heads: tuple[int, ...]
    value: float
    low: float
    high: float
    number: float  # that its words name: the value, or of a star how far points stray in all
    pictures: int
    boxed: bool  # offsets are told in half sides of the box, else in cells
    level: int = -1  # of a head that reads one alone

    @property
    def text(self) -> str:
        """The finding as a sentence, in the language being spoken."""
        times, decimals = WRITTEN[self.kind]
        return say(
            f"survey.finding.{self.kind}",
            layer=self.layer,
            head=self.heads[0],
            other=self.heads[-1],
            level=self.level,
            number=f"{times * self.number:.{decimals}f}",
            unit=unit(self),
            pictures=f"{self.pictures:,}",
        )


def verdicts(study: Study) -> list[Verdict]:
    """All findings on a study: those kept when it was finished, else found now."""
    file = study.folder.path / VERDICTS
    kept = from_json(file.read_text(encoding="utf-8")) if file.is_file() else None
    return find_verdicts(study) if kept is None else kept


def to_json(found: list[Verdict]) -> str:
    """Findings as they are kept."""
    return json.dumps([asdict(verdict) for verdict in found], indent=1)


def from_json(text: str) -> list[Verdict] | None:
    """The inverse of `to_json`; None where they were kept in another form, to be found again."""
    told = json.loads(text)
    names = {field.name for field in fields(Verdict)}
    if any(set(one) != names for one in told):
        return None
    return [Verdict(**one | {"heads": tuple(one["heads"])}) for one in told]


def find_verdicts(study: Study) -> list[Verdict]:
    """All findings, layer by layer. A bound must be crossed beyond doubt: by the interval over
    resampled pictures, with the false discovery rate over all heads controlled."""
    found: list[Verdict] = []
    for kind in (_star, _reference, _even, _outside, _level):
        found += kind(study)
    found += _silent(study) + _twins(study)
    order = {name: place for place, name in enumerate(study.sums)}
    return sorted(found, key=lambda verdict: (order.get(verdict.layer, 0), verdict.heads))


def unit(layer: LayerSums | Verdict) -> str:
    """What the offsets of a layer are told in."""
    return say("survey.unit.box" if layer.boxed else "survey.unit.map")


def _below(means: dict[str, Mean], bound: float) -> dict[str, np.ndarray]:
    """Layer -> which of its numbers lie below a bound beyond doubt."""
    names = list(means)
    if not names:
        return {}
    flat = np.concatenate(
        [
            np.where(
                means[n].value < bound, p_values(means[n].value - bound, means[n].error), 1.0
            ).ravel()
            for n in names
        ]
    )
    found, start, chosen = discoveries(flat), 0, {}
    for name in names:
        size = means[name].value.size
        chosen[name] = found[start : start + size].reshape(means[name].value.shape)
        start += size
    return chosen


def _means(study: Study, measure: str) -> dict[str, Mean]:
    """Layer -> mean over pictures of a measure [head], on the level where it is largest."""
    return {
        layer: mean_over_pictures(values.max(axis=-1))
        for layer, values in study.per_picture(measure).items()
    }


def _verdict(
    study: Study,
    kind: str,
    layer: str,
    heads: tuple,
    interval: tuple,
    number: float | None = None,
    level: int = -1,
) -> Verdict:
    """A finding on heads, from its value and interval; the value is the number of its words."""
    value, low, high = (float(part) for part in interval)
    sums = study.sums.get(layer)
    return Verdict(
        kind,
        layer,
        tuple(map(int, heads)),
        value,
        low,
        high,
        number=value if number is None else float(number),
        pictures=sums.pictures if sums else study.covered,
        boxed=bool(sums and sums.boxed),
        level=int(level),
    )


def _interval(mean: Mean, *place: Any) -> tuple:
    """Value, low and high of one of several means."""
    return tuple(part[place] for part in (mean.value, mean.low, mean.high))


def _turned(interval: tuple, whole: float = 0.0) -> tuple:
    """The interval of a whole less what was averaged."""
    value, low, high = interval
    return whole - value, whole - high, whole - low


def _star(study: Study) -> list[Verdict]:
    """Heads whose points do not depend on the query: neither within a picture nor between them."""
    means, found = _means(study, "spread"), []
    for layer, still in _below(means, STILL).items():
        sums = study.sums[layer]
        between = sums.spread.max(axis=(1, 2))  # over all queries of all pictures
        for head in np.flatnonzero(still & (between < STILL) & (_reach(sums) >= ON_REFERENCE)):
            interval = _interval(means[layer], head)
            found.append(_verdict(study, "star", layer, (head,), interval, between[head]))
    return found


def _reach(sums: LayerSums) -> np.ndarray:
    """The longest mean offset of a head's points [head], in the layer's own unit."""
    return np.linalg.norm(sums.mean, axis=-1).max(axis=(1, 2))


def _reference(study: Study) -> list[Verdict]:
    """Heads that read only where their reference is: nine of ten offsets are next to nothing."""
    px, box = (_means(study, f"radius_90_{kind}") for kind in ("px", "box"))
    means = {
        name: (box if sums.boxed else px)[name] for name, sums in study.sums.items() if name in px
    }
    return [
        _verdict(study, "reference", layer, (head,), _interval(means[layer], head))
        for layer, still in _below(means, ON_REFERENCE).items()
        for head in np.flatnonzero(still)
    ]


def _even(study: Study) -> list[Verdict]:
    """Heads whose weights choose nothing: their entropy is next to the largest there is."""
    means = {}
    for layer, values in study.per_picture("entropy").items():
        most = np.log(sum(study.sums[layer].points))
        means[layer] = mean_over_pictures(1 - values[..., 0] / most)
    return [
        _verdict(study, "even", layer, (head,), _turned(_interval(means[layer], head), 1.0))
        for layer, even in _below(means, 1 - EVEN).items()
        for head in np.flatnonzero(even)
    ]


def _outside(study: Study) -> list[Verdict]:
    """Heads that spend much of their weight where there is nothing to read."""
    means = {
        layer: mean_over_pictures(-values.sum(axis=-1))
        for layer, values in study.per_picture("outside_share").items()
    }
    return [
        _verdict(study, "outside", layer, (head,), _turned(_interval(means[layer], head)))
        for layer, beyond in _below(means, -BEYOND).items()
        for head in np.flatnonzero(beyond)
    ]


def _level(study: Study) -> list[Verdict]:
    """Heads that read one level only."""
    means = {
        layer: mean_over_pictures(-values)
        for layer, values in study.per_picture("weight_share").items()
        if values.shape[-1] > 1
    }
    return [
        _verdict(
            study,
            "level",
            layer,
            (head,),
            _turned(_interval(means[layer], head, level)),
            level=level,
        )
        for layer, alone in _below(means, -ONE_LEVEL).items()
        for head, level in np.argwhere(alone)
    ]


def _silent(study: Study) -> list[Verdict]:
    """Heads whose values cannot reach the output, by the weights of the model."""
    return [
        _verdict(study, "silent", layer, (head,), (gains[head],) * 3)
        for layer, gains in study.gains.items()
        for head in np.flatnonzero(gains < SILENT)
    ]


def _twins(study: Study) -> list[Verdict]:
    """Pairs of heads that look at the same places with the same weights."""
    found = []
    for name, sums in study.sums.items():
        weights = sums.weights[ALL].reshape(sums.heads, -1)
        shares = weights / np.maximum(weights.sum(axis=-1, keepdims=True), 1e-12)
        for first in range(sums.heads):
            for second in range(first + 1, sums.heads):
                common = float(np.minimum(shares[first], shares[second]).sum())
                if common >= TWINS:
                    found.append(_verdict(study, "twins", name, (first, second), (common,) * 3))
    return found
