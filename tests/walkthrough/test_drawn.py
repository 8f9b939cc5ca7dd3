"""The picture beside the equations shows the numbers of the lines, or nothing."""

from dataclasses import replace

import pytest
import torch

from deformviz.attention.dat import DATAttention
from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.walkthrough.change import Change
from deformviz.walkthrough.follow import follow
from deformviz.walkthrough.passes import Material
from deformviz.walkthrough.payload import payload
from deformviz.walkthrough.sight import MOST_KEYS, heaviest
from deformviz.walkthrough.subject import TOY, Subject
from tests.analysis.test_attribution import picture
from tests.models.tiny_detector import RECIPE, tiny_detector

ROUNDING = 1e-4
ASKED = {
    "all levels": Subject(derivation="multi_scale", layer="encoder.0"),
    "one level": Subject(derivation="single_scale", layer="decoder.1"),
    "one sample": Subject(derivation="bilinear", layer="encoder.1"),
    "queries as keys": Subject(derivation="multi_head", layer="decoder.1"),
    "queries as keys, x and y exchanged": Subject(
        derivation="multi_head", layer="decoder.1", mistake="swap_xy"
    ),
    "the decoder": Subject(derivation="decoder", layer="decoder.1"),
    "x and y exchanged": Subject(derivation="multi_scale", layer="decoder.1", mistake="swap_xy"),
    "softmax over points": Subject(layer="encoder.0", mistake="softmax_over_points"),
    "one point moved": Subject(
        layer="decoder.1", query=2, change=Change(moved=(((0, 0, 0), (0.4, 0.3)),))
    ),
    "the toy": Subject(example=TOY),
    "the broken toy": Subject(example=TOY, mistake="swap_hw"),
}


@pytest.fixture(scope="module")
def material():
    model = tiny_detector(**RECIPE).eval()
    return Material("tiny", lambda: model, picture, lambda name: model)


@pytest.mark.parametrize("subject", ASKED.values(), ids=ASKED)
def test_marks_are_those_of_the_lines(material, subject):
    assert follow(subject, material).drawn_apart < ROUNDING


def test_eq_1_shows_the_queries_that_are_its_keys(material):
    """Not the samples of the deformable layer behind it."""
    found = follow(ASKED["queries as keys"], material)
    asking, weights = found.subject.query, found.worked["attention_weights"].value  # [head key]
    record = material.look().observation.traces["decoder.1"].image(0)
    stand = record.references[:, 0, :2]
    assert found.sizes == (len(weights), 1, len(stand)) and len(stand) == weights.shape[1]
    drawn = found.sight.trace
    for head in range(len(weights)):
        assert torch.allclose(drawn.sampling_locations[asking, head, 0], stand)
        assert torch.allclose(drawn.attention_weights[asking, head, 0], weights[head], atol=1e-6)
    assert torch.allclose(drawn.reference_points[asking, 0], stand[asking])
    shown = payload(found)
    assert shown["pictures"][0]["corners"] == [] and "key" in shown["legend"]
    assert shown["pictures"][0]["title"] == f"All {len(stand)} queries, as keys of each head"
    assert "samples" in {step["part"] for step in shown["steps"]}


def test_of_very_many_keys_the_heaviest_are_drawn_in_their_order():
    weights, where = heaviest(torch.arange(70.0).flip(0)[None].repeat(2, 1))
    assert where.tolist() == [list(range(MOST_KEYS))] * 2
    assert weights[1].tolist() == [69.0 - key for key in range(MOST_KEYS)]


def lying(monkeypatch, module_class, **factors):
    """Modules whose traces say other numbers than were used."""
    forward = module_class.forward

    def say_otherwise(self, *given, **options):
        output, trace = forward(self, *given, **options)
        wrong = {name: getattr(trace, name) * by for name, by in factors.items() if trace}
        return output, trace and replace(trace, **wrong)

    monkeypatch.setattr(module_class, "forward", say_otherwise)


@pytest.mark.parametrize("name", ["attention_weights", "sampling_locations"])
def test_marks_one_per_cent_away_are_found(material, monkeypatch, name):
    lying(monkeypatch, MultiScaleDeformableAttention, **{name: 1.01})
    fresh = replace(material, key=f"another {name}")
    for subject in (ASKED["all levels"], ASKED["one sample"], ASKED["the toy"]):
        found = follow(subject, fresh)
        assert found.drawn_apart == pytest.approx(0.01, rel=0.5)
        assert float(payload(found)["drawn_apart"]) > 1e-3
        assert found.worked.difference < 1e-4  # the lines themselves are right


@pytest.mark.parametrize(("factor", "apart"), [(1.0, 0.0), (1.01, 0.01)])
def test_a_grid_of_other_weights_is_found(material, monkeypatch, factor, apart):
    from deformviz.checkpoints.load import load

    lying(monkeypatch, DATAttention, attention_weights=factor)
    model = load("dat-scenes")
    found = follow(Subject(derivation="dat"), replace(material, load=lambda name: model))
    assert found.drawn_apart == pytest.approx(apart, abs=1e-4)
