"""What a study says of every head, in words; every word rests on a number with its interval."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np

from deformviz.survey.bootstrap import Mean, discoveries, mean_over_pictures, p_values
from deformviz.survey.files import VERDICTS
from deformviz.survey.study import Study
from deformviz.survey.sums import ALL, LayerSums

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


def _number(mean: Mean, head: int) -> tuple[float, float, float]:
    return float(mean.value[head]), float(mean.low[head]), float(mean.high[head])


def _star(study: Study) -> list[Verdict]:
    """Heads whose points do not depend on the query: neither within a picture nor between them."""
    means, found = _means(study, "spread"), []
    for layer, still in _below(means, STILL).items():
        sums = study.sums[layer]
        between = sums.spread.max(axis=(1, 2))  # over all queries of all pictures
        for head in np.flatnonzero(still & (between < STILL) & (_reach(sums) >= ON_REFERENCE)):
            value, low, high = _number(means[layer], int(head))
            found.append(
                Verdict(
                    "star",
                    layer,
                    (int(head),),
                    value,
                    low,
                    high,
                    f"{layer} head {head} never left its star: its points stray "
                    f"{between[head]:.2f} {unit(sums)} over {_told(study, layer)}.",
                )
            )
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
            value, low, high = _number(means[layer], int(head))
            found.append(
                Verdict(
                    "reference",
                    layer,
                    (int(head),),
                    value,
                    low,
                    high,
                    f"{layer} head {head} stays on its reference: nine of ten offsets are "
                    f"shorter than {value:.2f} {unit(study.sums[layer])}, over "
                    f"{_told(study, layer)}.",
                )
            )
    return found


def _even(study: Study) -> list[Verdict]:
    """Heads whose weights choose nothing."""
    found, means = [], {}
    for layer, values in study.per_picture("entropy").items():
        most = np.log(sum(study.sums[layer].points))
        means[layer] = mean_over_pictures(1 - values[..., 0] / most)
    for layer, even in _below(means, 1 - EVEN).items():
        for head in np.flatnonzero(even):
            value, low, high = _number(means[layer], int(head))
            found.append(
                Verdict(
                    "even",
                    layer,
                    (int(head),),
                    1 - value,
                    1 - high,
                    1 - low,
                    f"{layer} head {head} weighs all its points alike: "
                    f"{100 * (1 - value):.1f} % of the largest entropy, over "
                    f"{_told(study, layer)}.",
                )
            )
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
            value, low, high = _number(means[layer], int(head))
            found.append(
                Verdict(
                    "outside",
                    layer,
                    (int(head),),
                    -value,
                    -high,
                    -low,
                    f"{layer} head {head} puts {-100 * value:.0f} % of its weight outside the map, "
                    f"over {_told(study, layer)}.",
                )
            )
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
            mean = means[layer]
            value, low, high = (
                -float(part[head, level]) for part in (mean.value, mean.high, mean.low)
            )
            found.append(
                Verdict(
                    "level",
                    layer,
                    (int(head),),
                    value,
                    low,
                    high,
                    f"{layer} head {head} reads level {level} alone: {100 * value:.0f} % of its "
                    f"weight, over {_told(study, layer)}.",
                )
            )
    return found


def _silent(study: Study) -> list[Verdict]:
    """Heads whose values cannot reach the output, by the weights of the model."""
    found = []
    for layer, gains in study.gains.items():
        for head in np.flatnonzero(gains < SILENT):
            gain = float(gains[head])
            found.append(
                Verdict(
                    "silent",
                    layer,
                    (int(head),),
                    gain,
                    gain,
                    gain,
                    f"{layer} head {head} is silent: what it passes on is "
                    f"{100 * gain:.1f} % of the layer's mean head, whatever the picture.",
                )
            )
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
                    found.append(
                        Verdict(
                            "twins",
                            name,
                            (first, second),
                            common,
                            common,
                            common,
                            f"{name} heads {first} and {second} are twins: their maps of "
                            f"where weight falls have {100 * common:.0f} % in common, over "
                            f"{_told(study, name)}.",
                        )
                    )
    return found
