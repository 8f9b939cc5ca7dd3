"""The pictures that are farthest out: found by hand in the rows, and kept as recordings."""

import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest

import deformviz as dv
from deformviz.survey.extremes import (
    KINDS,
    Extreme,
    find_extremes,
    keep_extremes,
    kept_extremes,
)
from deformviz.survey.make import plan
from deformviz.survey.pictures import SurveyError
from tests.survey.planted_study import planted_study

MODEL = "deformable-detr-scenes"


def test_the_farthest_pictures_are_those_of_the_rows(tmp_path):
    study = planted_study(tmp_path)
    found = find_extremes(study, each=3)
    assert [one.kind for one in found] == [kind for kind in KINDS for _ in range(3)]
    first = next(one for one in found if one.kind == "outside")
    best = {}
    for layer in study.sums:
        values = study.per_picture("outside_share")[layer].sum(-1)
        away = (values - values.mean(0)) / np.maximum(values.std(0), 1e-12)
        best[layer] = away.max()
        if layer == first.layer:
            assert values[first.picture, first.head] == pytest.approx(first.value)
            assert away[first.picture, first.head] == pytest.approx(first.deviations)
    assert first.deviations == pytest.approx(max(best.values()))
    assert first.name == f"noise-{first.picture:02d}.png"
    outside = [one.picture for one in found if one.kind == "outside"]
    assert len(set(outside)) == 3
    with pytest.raises(SurveyError, match="made by a function"):
        keep_extremes(study, lambda picture: None, [])


ONE = Extreme("outside", "encoder.0", 2, 3, "a.png", 0.75, 2.1, "extremes/outside-1.deformviz")


@pytest.fixture
def said_to_keep(tmp_path):
    """Reads what a study keeps by its own word; beside it lies a recording that is not its own."""
    kept = tmp_path / "study" / "extremes"
    kept.mkdir(parents=True)
    for place in (kept / "outside-1.deformviz", tmp_path / "other.deformviz"):
        place.write_bytes(b"recorded")
    (kept / "link.deformviz").symlink_to(tmp_path / "other.deformviz")

    def read(text):
        (kept / "extremes.json").write_text(text)
        return kept_extremes(SimpleNamespace(folder=SimpleNamespace(path=kept.parent)))

    return read


@pytest.mark.parametrize(
    "lie",
    [
        {"file": "../other.deformviz"},
        {"file": "extremes/link.deformviz"},
        {"file": "extremes/extremes.json"},
        {"file": "/etc/passwd"},
        {"file": "extremes/gone.deformviz"},
        {"kind": "unheard-of"},
        {"value": "much"},
        {"layer": None},
    ],
    ids=str,
)
def test_what_a_study_says_lies_elsewhere_is_left_out(said_to_keep, lie):
    assert said_to_keep(json.dumps([asdict(ONE), asdict(replace(ONE, **lie))])) == [ONE]


@pytest.mark.parametrize("text", ["{", "[1]", '[{"kind": "outside"}]', '{"a": 1}'])
def test_a_list_of_nothing_is_a_sentence(said_to_keep, text):
    with pytest.raises(SurveyError, match="lists no pictures"):
        said_to_keep(text)


@pytest.mark.slow
def test_they_are_kept_as_recordings_that_open(tmp_path):
    model = dv.load(MODEL)
    study = dv.survey(model, "scenes:6", out=tmp_path / "s")
    found = keep_extremes(study, model, plan(MODEL, "scenes:6")[1])
    assert kept_extremes(study) == found
    assert {one.kind for one in found} == {*KINDS, "disagreeing"}
    for one in found:
        recording = dv.open(study.folder.path / one.file)
        record = recording[one.layer]
        assert recording.images[0].title == one.name
        if one.kind == "heaviest":
            weights = np.asarray(record.attention_weights)
            weights = weights.reshape(-1, *weights.shape[-3:])
            heaviest = weights[:, one.head].max(-1).mean(0).max()
            assert heaviest == pytest.approx(one.value, rel=1e-4)
    (worst,) = [one for one in found if one.kind == "disagreeing"]
    assert -1 <= worst.value <= 1 and worst.layer == "decoder.2"
