"""What a study says of every head, in words; every word rests on a number with its interval."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deformviz.survey.bootstrap import Mean, discoveries, mean_over_pictures, p_values
from deformviz.survey.files import VERDICTS
from deformviz.survey.sums import ALL, LayerSums

if TYPE_CHECKING:
    from deformviz.survey.study import Study

STILL = 0.05  # spread below which a head has not left its star, cells or half sides
ON_REFERENCE = 0.05  # length of nearly all offsets below which a head stays on its reference
SILENT = 0.01  # share of the mean head's gain
EVEN = 0.98  # of the largest entropy there is
BEYOND = 0.25  # of the weight outside the map
ONE_LEVEL = 0.95  # of the weight on one level
TWINS = 0.9  # common area of two heads' histograms


@dataclass(frozen=True)
class Verdict:
    """One finding on one head (or two), in words, with the number it rests on."""

    kind: str  # "star", "reference", "silent", "even", "outside", "level" or "twins"
    layer: str
    heads: tuple[int, ...]
    value: float
    low: float
    high: float
    text: str


def verdicts(study: Study) -> list[Verdict]:
    """All findings on a study: those kept when it was finished, else found now."""
    file = study.folder.path / VERDICTS
    if not file.is_file():
        return find_verdicts(study)
    told = json.loads(file.read_text(encoding="utf-8"))
    return [Verdict(**one | {"heads": tuple(one["heads"])}) for one in told]


def to_json(found: list[Verdict]) -> str:
    """Findings as they are kept."""
    return json.dumps([asdict(verdict) for verdict in found], indent=1)


def find_verdicts(study: Study) -> list[Verdict]:
    """All findings, layer by layer. A bound must be crossed beyond doubt: by the interval over
    resampled pictures, with the false discovery rate over all heads controlled."""
    found: list[Verdict] = []
    for kind in (_star, _reference, _even, _outside, _level):
        found += kind(study)
    found += _silent(study) + _twins(study)
    order = {name: place for place, name in enumerate(study.sums)}
    return sorted(found, key=lambda verdict: (order.get(verdict.layer, 0), verdict.heads))


def unit(layer: LayerSums) -> str:
    """What the offsets of a layer are told in."""
    return "half sides of the box" if layer.boxed else "cells"


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


def _told(study: Study, layer: str) -> str:
    return f"{study.sums[layer].pictures:,} pictures"


def _verdict(kind: str, layer: str, heads: tuple, numbers: tuple, text: str) -> Verdict:
    """A finding on heads; `numbers` are the value and its interval, `text` goes on after them."""
    named = f"head {heads[0]}" if len(heads) == 1 else "heads {} and {}".format(*heads)
    value, low, high = (float(number) for number in numbers)
    return Verdict(kind, layer, tuple(map(int, heads)), value, low, high, f"{layer} {named} {text}")


def _interval(mean: Mean, *place: Any) -> tuple:
    """Value, low and high of one of several means."""
    return tuple(part[place] for part in (mean.value, mean.low, mean.high))


def _star(study: Study) -> list[Verdict]:
    """Heads whose points do not depend on the query: neither within a picture nor between them."""
    means, found = _means(study, "spread"), []
    for layer, still in _below(means, STILL).items():
        sums = study.sums[layer]
        between = sums.spread.max(axis=(1, 2))  # over all queries of all pictures
        for head in np.flatnonzero(still & (between < STILL) & (_reach(sums) >= ON_REFERENCE)):
            text = (
                f"never left its star: its points stray {between[head]:.2f} {unit(sums)} over "
                f"{_told(study, layer)}."
            )
            found.append(_verdict("star", layer, (head,), _interval(means[layer], head), text))
    return found


def _reach(sums: LayerSums) -> np.ndarray:
    """The longest mean offset of a head's points [head], in the layer's own unit."""
    return np.linalg.norm(sums.mean, axis=-1).max(axis=(1, 2))


def _reference(study: Study) -> list[Verdict]:
    """Heads that read only where their reference is."""
    found = []
    px, box = (_means(study, f"radius_90_{kind}") for kind in ("px", "box"))
    means = {
        name: (box if sums.boxed else px)[name] for name, sums in study.sums.items() if name in px
    }
    for layer, still in _below(means, ON_REFERENCE).items():
        for head in np.flatnonzero(still):
            numbers = _interval(means[layer], head)
            text = (
                f"stays on its reference: nine of ten offsets are shorter than {numbers[0]:.2f} "
                f"{unit(study.sums[layer])}, over {_told(study, layer)}."
            )
            found.append(_verdict("reference", layer, (head,), numbers, text))
    return found


def _even(study: Study) -> list[Verdict]:
    """Heads whose weights choose nothing."""
    found, means = [], {}
    for layer, values in study.per_picture("entropy").items():
        most = np.log(sum(study.sums[layer].points))
        means[layer] = mean_over_pictures(1 - values[..., 0] / most)
    for layer, even in _below(means, 1 - EVEN).items():
        for head in np.flatnonzero(even):
            value, low, high = _interval(means[layer], head)
            text = (
                f"weighs all its points alike: {100 * (1 - value):.1f} % of the largest entropy, "
                f"over {_told(study, layer)}."
            )
            numbers = (1 - value, 1 - high, 1 - low)
            found.append(_verdict("even", layer, (head,), numbers, text))
    return found


def _outside(study: Study) -> list[Verdict]:
    """Heads that spend much of their weight where there is nothing to read."""
    found = []
    means = {
        layer: mean_over_pictures(-values.sum(axis=-1))
        for layer, values in study.per_picture("outside_share").items()
    }
    for layer, beyond in _below(means, -BEYOND).items():
        for head in np.flatnonzero(beyond):
            value, low, high = _interval(means[layer], head)
            text = (
                f"puts {-100 * value:.0f} % of its weight outside the map, over "
                f"{_told(study, layer)}."
            )
            found.append(_verdict("outside", layer, (head,), (-value, -high, -low), text))
    return found


def _level(study: Study) -> list[Verdict]:
    """Heads that read one level only."""
    found = []
    means = {
        layer: mean_over_pictures(-values)
        for layer, values in study.per_picture("weight_share").items()
        if values.shape[-1] > 1
    }
    for layer, alone in _below(means, -ONE_LEVEL).items():
        for head, level in np.argwhere(alone):
            value, low, high = _interval(means[layer], head, level)
            text = (
                f"reads level {level} alone: {-100 * value:.0f} % of its weight, over "
                f"{_told(study, layer)}."
            )
            found.append(_verdict("level", layer, (head,), (-value, -high, -low), text))
    return found


def _silent(study: Study) -> list[Verdict]:
    """Heads whose values cannot reach the output, by the weights of the model."""
    found = []
    for layer, gains in study.gains.items():
        for head in np.flatnonzero(gains < SILENT):
            gain = gains[head]
            text = (
                f"is silent: what it passes on is {100 * gain:.1f} % of the layer's mean head, "
                "whatever the picture."
            )
            found.append(_verdict("silent", layer, (head,), (gain, gain, gain), text))
    return found


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
                    text = (
                        f"are twins: their maps of where weight falls have {100 * common:.0f} % in "
                        f"common, over {_told(study, name)}."
                    )
                    numbers = (common, common, common)
                    found.append(_verdict("twins", name, (first, second), numbers, text))
    return found
