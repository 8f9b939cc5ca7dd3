"""The pictures that are farthest out, kept as small recordings inside a study.

For each kind the pictures in which some head is farthest above what it does in the mean picture, in
standard deviations over pictures; and, of a seeded sample, those whose attention weights agree
least with an attribution of the best detection. What is kept opens with `dv.open`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deformviz.survey.files import EXTREMES
from deformviz.survey.pictures import Picture, SurveyError

if TYPE_CHECKING:
    from deformviz.survey.study import Study

# What is looked for -> the measure it is told by, of references that are points and boxes.
KINDS = {
    "heaviest": ("heaviest", "heaviest"),
    "farthest": ("radius_90_px", "radius_90_box"),
    "outside": ("outside_share", "outside_share"),
}
DISAGREEING = "disagreeing"
EACH, SAMPLED = 2, 8
LIST = "extremes.json"


@dataclass(frozen=True)
class Extreme:
    """One picture that is far out, and the head that makes it so."""

    kind: str  # of KINDS, or DISAGREEING
    layer: str
    head: int  # -1: all heads of the layer
    picture: int
    name: str
    value: float  # of the measure, or the rank correlation of weights with the attribution
    deviations: float  # above the mean picture; 0 where pictures are not compared
    file: str  # within the study's folder


def find_extremes(study: Study, each: int = EACH) -> list[Extreme]:
    """The farthest pictures of every kind, from the tables alone; each picture once a kind."""
    from deformviz.survey.heads import joined

    rows = study.pictures().to_pylist()
    names = {row["picture"]: row["name"] for row in rows if not row["problem"]}
    order = sorted(names)
    found = []
    for kind, measures in KINDS.items():
        tables = {name: study.per_picture(name) for name in set(measures)}
        candidates = []
        for layer, sums in study.sums.items():
            measure = measures[sums.boxed]
            levels = np.nan_to_num(tables[measure][layer], nan=-np.inf)
            values = levels.sum(-1) if joined(measure) == "sum" else levels.max(-1)
            values = np.where(np.isfinite(values), values, np.nan)
            away = values - np.nanmean(values, axis=0)
            away = away / np.maximum(np.nanstd(values, axis=0), 1e-12)
            ranked = np.argsort(-np.nan_to_num(away, nan=-np.inf), axis=None)[: 4 * each]
            for at in ranked:
                place, head = np.unravel_index(at, away.shape)
                candidates.append(
                    (float(away[place, head]), layer, int(head), int(place), values[place, head])
                )
        seen: set[int] = set()
        for deviations, layer, head, place, value in sorted(candidates, reverse=True):
            if place in seen or len(seen) == each:
                continue
            seen.add(place)
            number = order[place]
            file = f"{EXTREMES}/{kind}-{len(seen)}.deformviz"
            found.append(
                Extreme(kind, layer, head, number, names[number], float(value), deviations, file)
            )
    return found


def find_disagreeing(
    study: Study, model: Any, pictures: Sequence[Picture], each: int = 1, seed: int = 0
) -> list[Extreme]:
    """Of a sample of pictures, those where weights and attribution of the best detection agree
    least: rank correlation in the last decoder layer. Empty for models that cannot be asked."""
    from deformviz.models.deformable_detr import DeformableDETR

    if not isinstance(model, DeformableDETR):
        return []
    best = {row["picture"]: row for row in study.detections().to_pylist()[::-1]}
    numbers = np.array(sorted(best), int)
    drawn = np.random.default_rng(seed).permutation(numbers)[:SAMPLED]
    layer = [name for name in study.sums if name.startswith("decoder")][-1]
    told = [(_agreement(model, pictures[n], best[n]["query"], layer), int(n)) for n in drawn]
    known = sorted(pair for pair in told if np.isfinite(pair[0]))[:each]
    return [
        Extreme(
            DISAGREEING, layer, -1, number, pictures[number].name, value, 0.0,
            f"{EXTREMES}/{DISAGREEING}-{place + 1}.deformviz",
        )
        for place, (value, number) in enumerate(known)
    ]  # fmt: skip


def _agreement(model: Any, picture: Picture, query: int, layer: str) -> float:
    """Rank correlation of a query's weights with gradient times input of its best class."""
    from deformviz.analysis.attribution import attribute
    from deformviz.analysis.attribution_targets import Target, hold
    from deformviz.analysis.faithfulness import mean_agreement
    from deformviz.tracing.pictures import read_picture

    held = hold(model, read_picture(picture.read()[0]))
    label = int(held.output.logits[0, query].argmax())
    target = Target(query, label)
    found = attribute(held, target, layer, method="gradient x input")
    asked = held.asked(target, layer)
    weights = held.weights(layer).double().numpy()
    weights = weights[0] if weights.ndim == 5 else weights
    return mean_agreement(weights[asked], found.values[asked])


def keep_extremes(study: Study, model: Any, pictures: Sequence[Picture]) -> list[Extreme]:
    """Find them, and keep one layer of each as a recording beside a list.

    Args:
        model: the one the study was made with.
        pictures: of the study, in its order.

    Raises:
        SurveyError: the model cannot be recorded.
    """
    if not hasattr(model, "parameters"):
        raise SurveyError("Extremes are recorded of a model; this study was made by a function.")
    from deformviz.tracing.look import look

    folder = study.folder.path / EXTREMES
    folder.mkdir(exist_ok=True)
    found = find_extremes(study) + find_disagreeing(study, model, pictures)
    for one in found:
        picture = pictures[one.picture]
        recording = look(model, picture.read()[0], layers={one.layer}, title=one.name)
        recording.save(study.folder.path / one.file)
    (folder / LIST).write_text(json.dumps([asdict(one) for one in found], indent=1))
    return found


def kept_extremes(study: Study) -> list[Extreme]:
    """The extremes kept in a study and still there; none where nobody asked for them.

    A study may come from anybody: what it says lies elsewhere is left out. Raises SurveyError.
    """
    folder = study.folder.path / EXTREMES
    file = folder / LIST
    if not file.is_file():
        return []
    try:
        listed = [Extreme(**one) for one in json.loads(file.read_text(encoding="utf-8"))]
        return [one for one in listed if _is_kept(one, study.folder.path)]
    except (OSError, TypeError, ValueError):
        raise SurveyError(f"{EXTREMES}/{LIST} is damaged: it lists no pictures.") from None


def _is_kept(one: Extreme, study: Path) -> bool:
    kind = one.kind in (*KINDS, DISAGREEING) and isinstance(one.layer, str)
    numbers = all(isinstance(n, int | float) for n in (one.head, one.picture, one.value))
    place = (study / one.file).resolve()
    inside = place.parent == (study / EXTREMES).resolve() and place.suffix == ".deformviz"
    return kind and numbers and isinstance(one.name, str) and inside and place.is_file()
