"""The pictures that are farthest out: found by hand in the rows, and kept as recordings."""

import numpy as np
import pytest

import deformviz as dv
from deformviz.survey.extremes import KINDS, find_extremes, keep_extremes, kept_extremes
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
