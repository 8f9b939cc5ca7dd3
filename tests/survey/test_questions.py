"""Answers of the tables against the same counted by hand, row by row."""

import numpy as np
import pytest

from deformviz.survey.pictures import SurveyError
from deformviz.survey.questions import (
    Which,
    bars,
    correctness,
    layer_means,
    pictures_behind,
)
from deformviz.survey.shipped import shipped_studies
from deformviz.survey.study import Study

pytest.importorskip("duckdb", reason="DuckDB is not installed (extra [survey])")


@pytest.fixture(scope="module")
def study():
    return Study(shipped_studies()["trained"])


@pytest.fixture(scope="module")
def connection(study):
    return study.connect()


def chosen(study, which):
    """Numbers of the pictures asked about, from the rows themselves."""
    rows = study.detections().to_pylist()
    kind, _, value = which.group.partition(" ")
    fits = {
        "all": lambda row: True,
        "size": lambda row: row["size"] == value,
        "class": lambda row: row["class"] == value,
        "right": lambda row: row["right"] is True,
        "wrong": lambda row: row["right"] is False,
    }[kind]
    found = {row["picture"] for row in rows if fits(row)}
    return set(range(50)) if which.group == "all" else found


@pytest.mark.parametrize("group", ["all", "size S", "class cat", "wrong"])
def test_means_of_heads_are_those_of_the_rows(study, connection, group):
    which = Which(group)
    wanted = sorted(chosen(study, which))
    assert 0 < len(wanted)
    for measure, joined in (("outside_share", np.sum), ("spread", np.max), ("entropy", np.max)):
        found = layer_means(connection, measure, which)
        values = study.per_picture(measure)
        assert found.layers == tuple(name for name in study.sums for _ in range(8))
        by_hand = [joined(values[name][wanted], axis=-1).mean(axis=0) for name in study.sums]
        assert np.allclose(found.mean, np.concatenate(by_hand), rtol=1e-5)
        assert found.heads.tolist() == list(range(8)) * 5 and found.pictures == len(wanted)


def test_bars_hold_every_picture_and_lead_to_those_behind_them(study, connection):
    values = study.per_picture("outside_share")["encoder.1"][:, 3].sum(axis=-1)
    found = bars(connection, "outside_share", "encoder.1", 3, count=7)
    assert found.counts.tolist() == np.histogram(values, 7)[0].tolist()
    low, high = found.edges[-2], found.edges[-1]
    behind = pictures_behind(connection, "outside_share", "encoder.1", 3, low, high, limit=99)
    wanted = [number for number in np.argsort(-values) if values[number] >= low]
    assert [one["picture"] for one in behind] == wanted
    best = {row["picture"]: row["query"] for row in study.detections().to_pylist()[::-1]}
    for one in behind:
        assert one["path"] == f"scenes:30000:{one['picture']}"
        assert one["value"] == pytest.approx(values[one["picture"]])
        assert one["query"] == best.get(one["picture"])


def test_correlation_with_being_right_is_that_of_the_detections(study, connection):
    rows = [row for row in study.detections().to_pylist() if row["size"] == "M"]
    right = np.array([row["right"] for row in rows], float)
    found = correctness(connection, Which("size M"))
    for name in ("score", "entropy", "outside_share"):
        r, count = found[name]
        by_hand = np.corrcoef(right, [row[name] for row in rows])[0, 1]
        assert r == pytest.approx(by_hand, rel=1e-4) and count == len(rows)


def test_a_group_and_a_measure_that_are_not_there(connection):
    with pytest.raises(SurveyError, match="no group 'ears'"):
        layer_means(connection, "entropy", Which("ears"))
    with pytest.raises(SurveyError, match="no measure 'beauty'"):
        bars(connection, "beauty", "encoder.0", 0)


def test_a_name_is_a_value_and_never_a_command(connection):
    found = layer_means(connection, "entropy", Which("class cat' OR TRUE; DROP TABLE x; --"))
    assert not len(found.heads)
