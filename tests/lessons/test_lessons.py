"""Every lesson fits together, and every right answer is computed afresh."""

import re

import numpy as np
import pytest
import torch

from deformviz.lessons import lesson as room
from deformviz.lessons.ablations import (
    ACCURACY,
    AS_IT_IS,
    CHANGES,
    ON_OBJECT,
    REPORTED,
    SHARED_SCENES,
    SMALL_ACCURACY,
    SMALL_MODEL,
    SMALL_SCENES,
    SMALL_SIZES,
    measure,
)
from deformviz.lessons.answers_cost import REPORTED as REPORTED_DETR
from deformviz.lessons.lesson import KINDS, ORDER, LessonError, lesson, lessons, read_sections

ASKED = [(one.name, step.name) for one in lessons() for step in one.steps if step.prediction]


@pytest.mark.parametrize(("name", "step"), ASKED, ids=lambda part: part)
def test_the_stored_answer_is_the_computed_one(name, step):
    prediction = lesson(name)[step].prediction
    assert np.allclose(prediction.compute(), prediction.answer, rtol=1e-5, atol=1e-6)


def test_ten_lessons_take_about_85_minutes():
    found = lessons()
    assert [one.name for one in found] == list(ORDER)
    assert sum(one.minutes for one in found) == 85
    assert all(one.title and one.goal and len(one.steps) >= 4 for one in found)


@pytest.mark.parametrize("name", ORDER)
def test_every_step_says_little_and_asks_with_a_reveal_and_a_why(name):
    for step in lesson(name).steps:
        assert step.title and 40 <= len(step.text) <= 480, step.name
        if step.prediction:
            assert step.question.endswith(("?", ".")) and step.reveal and step.why, step.name
            assert len(step.choices) != 1
            assert bool(step.choices) == (step.prediction.kind == "choice"), step.name


NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
COUNTED_IN_TENS_OF_THOUSANDS = {("every-pair", "reveal"), ("dearer", "reveal")}


@pytest.mark.parametrize("name", ORDER)
def test_a_lesson_has_the_same_steps_choices_and_numbers_in_chinese(name):
    english, chinese = lesson(name), lesson(name, "zh")
    for one, other in zip(english.steps, chinese.steps, strict=True):
        assert len(one.choices) == len(other.choices)
        for part in ("text", "question", "reveal", "why"):
            told = getattr(other, part)
            assert bool(getattr(one, part)) == bool(told), (one.name, part)
            assert not told or re.search("[\u3000-\u9fff\uff00-\uffef]", told), (one.name, part)
            if (one.name, part) not in COUNTED_IN_TENS_OF_THOUSANDS:
                said = NUMBER.findall(getattr(one, part))
                assert set(said) <= set(NUMBER.findall(told)), (one.name, part)


@pytest.mark.parametrize(("language", "reported"), [("en", "reported"), ("zh", "报告")])
def test_reported_figures_are_said_to_be_reported(language, reported):
    dat = lesson("one-grid", language)["without"].why
    detr = lesson("bill", language)["slow"].reveal
    assert reported in dat and (reported in detr or "report" in detr)
    assert all(figure in dat for figure in REPORTED.values())
    for epochs, ap, small in REPORTED_DETR.values():
        assert str(ap) in detr and str(small) in detr
        assert str(epochs) in detr


def test_subtracting_the_largest_changes_neither_weights_nor_gradients():
    """`amax` over the keys, cut off from the gradient, as the lesson on DAT++ says of it."""
    raw = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wanted = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = []
    for shifted in (False, True):
        logits = raw.clone().requires_grad_()
        sums = logits - logits.amax(-1, keepdim=True).detach() if shifted else logits
        weights = sums.exp() / sums.exp().sum(-1, keepdim=True)
        (slope,) = torch.autograd.grad((weights * wanted).sum(), logits)
        found.append((weights, slope))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_every_kind_of_prediction_is_asked():
    kinds = {lesson(name)[step].prediction.kind for name, step in ASKED}
    assert kinds == set(KINDS)


@pytest.mark.parametrize(("name", "step"), ASKED, ids=lambda part: part)
def test_an_answer_of_a_slider_lies_on_it(name, step):
    prediction = lesson(name)[step].prediction
    if prediction.kind == "number":
        assert prediction.low <= prediction.answer <= prediction.high
        assert prediction.tolerance > 0
        assert not prediction.log or prediction.low > 0


def test_no_right_choice_is_always_in_the_same_place():
    right = [p.answer for p in (lesson(n)[s].prediction for n, s in ASKED) if p.kind == "choice"]
    assert {0, 1, 2, 3} == set(right)
    assert max(right.count(place) for place in set(right)) <= 0.5 * len(right)


def test_sections_of_a_lesson():
    head, steps = read_sections(
        "# Name\nGoal.\n\n## a: First\nOne\ntwo.\n### Question\nWhich?\n### Choices\n- x\n- y\n"
        "### Reveal\nx.\n## b: Second\nText."
    )
    assert head == {"title": "Name", "goal": "Goal."}
    assert steps["a"] == {
        "title": "First",
        "text": "One two.",
        "question": "Which?",
        "choices": ["x", "y"],
        "reveal": "x.",
    }
    assert steps["b"]["title"] == "Second"
    with pytest.raises(LessonError, match="form"):
        read_sections("## nameless")


PLAN = """
minutes = 1
[[step]]
name = "a"
predict = { kind = "choice", answer = 5, computed = "m:f" }
"""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("# T\ng\n## b: B\nt", "has the steps b; bill.toml has a"),
        ("# T\ng\n## a: A\nt", "a prediction and its question go together"),
        ("# T\ng\n## a: A\nt\n### Question\nq?\n### Choices\n- x\n- y", "there are 2"),
    ],
)
def test_files_that_do_not_fit_are_named(tmp_path, monkeypatch, words, says):
    (tmp_path / "bill.toml").write_text(PLAN)
    (tmp_path / "bill.xx.md").write_text(words)
    monkeypatch.setattr(room, "FOLDER", tmp_path)
    with pytest.raises(LessonError, match=says):
        lesson("bill", "xx")


def test_a_lesson_or_language_that_is_not_there():
    with pytest.raises(KeyError, match="star-to-gaze"):
        lesson("nothing")
    with pytest.raises(KeyError, match="'tlh'"):
        lesson("bill", "tlh")


@pytest.mark.slow
def test_what_the_lesson_says_of_the_shipped_dat_is_measured():
    import deformviz as dv
    from deformviz.analysis.grid_scenes import object_shares

    model = dv.load("dat-scenes")
    shares = object_shares(model, scenes=SHARED_SCENES)
    told = {"attention": shares.weighted, "knots": shares.plain, "undeformed": shares.undeformed}
    assert told == pytest.approx(ON_OBJECT, abs=0.002)
    found = measure()
    assert list(found) == list(ACCURACY) == list(CHANGES)
    assert found == pytest.approx(ACCURACY, abs=0.0051)


@pytest.mark.slow
def test_of_the_dat_for_small_objects_deformation_is_what_matters():
    found = measure(SMALL_SCENES, SMALL_MODEL, SMALL_SIZES, tuple(SMALL_ACCURACY))
    assert found == pytest.approx(SMALL_ACCURACY, abs=0.0081)
    assert found[AS_IT_IS] - found["offsets_off"] > 0.1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_accuracies_in_a_lesson_are_the_measured_ones(language):
    reveal = lesson("one-grid", language)["without"].reveal
    assert f"{ACCURACY[AS_IT_IS]:.3f}" in reveal and f"{ACCURACY['offsets_off']:.3f}" in reveal
