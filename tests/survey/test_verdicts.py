"""What a study says of heads: found where it was planted, and nowhere else."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import deformviz as dv
from deformviz.models.parts import attention_layers
from deformviz.survey.bootstrap import discoveries, mean_over_pictures, p_values
from deformviz.survey.contrast import changes
from deformviz.survey.make import make, plan
from deformviz.survey.shipped import shipped_studies
from deformviz.survey.study import Study
from deformviz.survey.verdicts import from_json, to_json, verdicts
from deformviz.words import speaking

SCENES = 12


def study_of(model, out, scenes=f"scenes:{SCENES}"):
    make(out, *plan("a model in memory", scenes), model=model)
    return Study(out)


def told(study):
    return {(v.kind, v.layer, v.heads): v for v in verdicts(study)}


@pytest.fixture(scope="module")
def shipped():
    return dv.load("deformable-detr-scenes")


@pytest.fixture(scope="module")
def as_it_is(shipped, tmp_path_factory):
    return study_of(shipped, tmp_path_factory.mktemp("as-it-is"))


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """The shipped model with one head on its star, one on its reference, one silent, two alike."""
    model = dv.load("deformable-detr-scenes")
    layers = attention_layers(model)
    with torch.no_grad():
        rows = layers["encoder.1"].sampling_offsets.weight.unflatten(0, (8, -1))
        rows[3] = 0  # the bias alone is left: a star
        decoder = layers["decoder.1"].sampling_offsets
        decoder.weight.unflatten(0, (8, -1))[5] = 0
        decoder.bias.unflatten(0, (8, -1))[5] = 0
        layers["decoder.0"].output_proj.weight.unflatten(1, (8, -1))[:, 6] = 0
        for linear in (layers["encoder.0"].sampling_offsets, layers["encoder.0"].attention_weights):
            linear.weight.unflatten(0, (8, -1))[4] = linear.weight.unflatten(0, (8, -1))[2]
            linear.bias.unflatten(0, (8, -1))[4] = linear.bias.unflatten(0, (8, -1))[2]
    return study_of(model, tmp_path_factory.mktemp("planted"))


PLANTED = {
    ("star", "encoder.1", (3,)),
    ("reference", "decoder.1", (5,)),
    ("silent", "decoder.0", (6,)),
    ("twins", "encoder.0", (2, 4)),
}


def test_what_was_planted_is_found_and_said(planted, as_it_is):
    found, before = told(planted), told(as_it_is)
    assert PLANTED <= set(found)
    assert not PLANTED & set(before)
    kinds = {"star", "reference", "silent", "twins"}
    assert {key for key in found if key[0] in kinds} - PLANTED == {
        key for key in before if key[0] in kinds
    }
    assert found["star", "encoder.1", (3,)].text == (
        f"encoder.1 head 3 never left its star: its points stray 0.00 cells over {SCENES} pictures."
    )


def weight_outside(layer, head):
    """The mean share of a head's weight on points beyond the map, from a recorded layer itself."""
    points, weights = layer.sampling_locations[:, head], layer.attention_weights[:, head]
    beyond = ((points < 0) | (points > 1)).any(-1)
    return float((weights * beyond).sum((-1, -2)).mean())


def test_verdicts_agree_with_a_direct_computation(as_it_is, shipped):
    found = [verdict for verdict in verdicts(as_it_is) if verdict.kind == "outside"]
    assert len(found) > 10
    _, pictures = plan("m", f"scenes:{SCENES}")
    traces = [dv.run(shipped, picture.read()[0], prove=False) for picture in pictures]
    for verdict in found:
        shares = [weight_outside(trace[verdict.layer], verdict.heads[0]) for trace in traces]
        assert verdict.value == pytest.approx(np.mean(shares), rel=1e-5)
        assert verdict.low <= verdict.value <= verdict.high
        assert f" {100 * np.mean(shares):.0f} % of its weight" in verdict.text


def test_findings_are_kept_without_their_words_and_said_in_the_language_being_spoken(planted):
    found = verdicts(planted)
    assert from_json(to_json(found)) == found
    star = told(planted)["star", "encoder.1", (3,)]
    with speaking("zh"):
        assert star.text.startswith("encoder.1 头 3 从未离开初始的星形")
    assert from_json('[{"kind": "star", "layer": "encoder.1", "text": "kept before"}]') is None


def test_two_studies_differ_in_the_heads_that_were_changed(as_it_is, planted):
    found = changes(as_it_is, planted)
    first = found[0]
    assert {("encoder.0", 4), ("encoder.1", 3), ("decoder.1", 5)} <= {
        (c.layer, c.head) for c in found
    }
    assert (first.low <= first.after - first.before <= first.high) and first.p < 1e-3


def test_two_halves_of_one_study_flag_at_most_one_head_in_twenty(as_it_is, shipped, tmp_path):
    other = study_of(shipped, tmp_path, scenes=f"scenes:{SCENES}:77")
    flagged = {(change.layer, change.head) for change in changes(as_it_is, other)}
    assert len(flagged) <= 0.05 * 5 * 8


def some_rows(study, chosen, name):
    """What a comparison reads of some pictures of a study."""
    return SimpleNamespace(
        settings=SimpleNamespace(digest=name),
        per_picture=lambda measure: {
            layer: values[chosen] for layer, values in study.per_picture(measure).items()
        },
    )


def test_halves_of_the_shipped_study_flag_at_most_one_head_in_twenty():
    """Its rows are dealt out at random, five times."""
    study = Study(shipped_studies()["trained"])
    rng, flagged, rounds = np.random.default_rng(6), 0, 5
    for _ in range(rounds):
        first, second = np.split(rng.permutation(50), 2)
        flagged += len(changes(some_rows(study, first, "a"), some_rows(study, second, "b")))
    assert flagged <= 0.05 * 5 * 8 * rounds


def measured(values, pictures):
    """What a comparison reads of a study that measured one layer [picture head level]."""
    return SimpleNamespace(
        settings=SimpleNamespace(digest=pictures),
        per_picture=lambda measure: {"encoder.0": values} if measure == "spread" else {},
    )


def test_pictures_are_paired_where_they_are_the_same_and_nowhere_else():
    """A small change under pictures that differ much shows only picture by picture."""
    rng = np.random.default_rng(3)
    first = rng.normal(0, 5, (80, 2, 1))
    second = first + 0.2 + rng.normal(0, 0.01, first.shape)
    same = changes(measured(first, "a"), measured(second, "a"))
    assert [change.head for change in same] in ([0, 1], [1, 0])
    assert all(change.low < 0.2 < change.high for change in same)
    assert changes(measured(first, "a"), measured(second, "b")) == []


def test_false_discoveries_are_controlled_where_there_is_nothing_to_find():
    rng = np.random.default_rng(0)
    flagged = 0
    for trial in range(20):
        halves = rng.normal(size=(2, 60, 400))
        first, second = (mean_over_pictures(half, seed=trial, resamples=300) for half in halves)
        p = p_values(first.value - second.value, np.hypot(first.error, second.error))
        flagged += discoveries(p).sum()
    assert flagged <= 0.05 * 20 * 400


def test_discoveries_by_hand():
    p = np.array([0.9, 0.011, 0.02, 0.6, 0.001])
    assert discoveries(p, 0.05).tolist() == [False, True, True, False, True]
    assert not discoveries(np.array([0.04, 0.9]), 0.05).any()


def test_an_interval_holds_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(1)
    values = rng.exponential(size=(200, 500))
    mean = mean_over_pictures(values, resamples=400)
    held = ((mean.low <= 1) & (mean.high >= 1)).mean()
    assert 0.91 <= held <= 0.98
    assert mean.error == pytest.approx(values.std(axis=0) / np.sqrt(200), rel=0.2)
