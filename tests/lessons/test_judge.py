"""Whether a prediction is right, and how far away: by hand, for every kind of question."""

import math

import pytest

from tests.drawing.scripts import modules

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def judge(browser):
    with modules(browser, "lesson/judge", "lesson/terms") as page:

        def judge(asked, said):
            return page.evaluate("([asked, said]) => code.judge(asked, said)", [asked, said])

        judge.place_of = lambda text, form: page.evaluate(
            "([text, form]) => code.placeOf(text, form)", [text, form]
        )
        judge.shown = lambda text: page.evaluate(
            """(text) => {
                const said = code.explained(text, [], new Set());
                return [said.textContent, said.querySelector("code").textContent];
            }""",
            text,
        )
        yield judge


def number(answer, tolerance, **more):
    asked = {"kind": "number", "answer": answer, "tolerance": tolerance}
    return asked | {"low": 0.0, "high": 10.0, "log": False} | more


@pytest.mark.parametrize(("said", "right", "distance"), [(2, True, 0), (1, False, 1)])
def test_of_choices_one_is_right(judge, said, right, distance):
    asked = {"kind": "choice", "answer": 2, "tolerance": 0}
    assert judge(asked, said) == {"right": right, "distance": distance}


@pytest.mark.parametrize(
    ("asked", "said", "distance"),
    [
        (number(4.0, 0.1), 5.0, 0.25),
        (number(4.0, 0.3), 3.0, 0.25),
        (number(0.0, 0.1), 0.5, 0.05),  # of the slider's length, where the answer is nothing
        (number(8.0, 0.5, log=True), 16.0, 1.0),  # twice as much ..
        (number(8.0, 0.5, log=True), 4.0, 1.0),  # .. is as far as half
        (number(-2.0, 0.2), -1.5, 0.25),
    ],
)
def test_a_number_is_as_far_as_its_share_of_the_answer(judge, asked, said, distance):
    found = judge(asked, said)
    assert found["distance"] == pytest.approx(distance)
    assert found["right"] == (distance <= asked["tolerance"])


LINE = [[0.2, 0.2], [0.6, 0.2], [0.6, 0.8]]


@pytest.mark.parametrize(
    ("right", "said", "distance"),
    [
        ([[0.5, 0.4]], [[0.5, 0.1]], 0.3),
        ([[0.5, 0.4]], [[0.2, 0.4], [0.8, 0.4], [0.5, 0.7]], 0.1),  # their middle speaks
        (LINE, [[0.4, 0.5]], 0.2),  # beside its second piece
        (LINE, [[0.4, 0.1]], 0.1),  # beside its first one
        (LINE, [[0.0, 0.2]], 0.2),  # before it begins
        (LINE, [[0.6, 1.0]], 0.2),  # behind its end
        (LINE, [[0.9, 0.1]], math.hypot(0.3, 0.1)),
    ],
)
def test_a_place_is_as_far_as_the_nearest_right_one(judge, right, said, distance):
    for kind in ("place", "drawing"):
        found = judge({"kind": kind, "answer": right, "tolerance": 0.15}, said)
        assert found["distance"] == pytest.approx(distance)
        assert found["right"] == (distance <= 0.15)


def test_a_slider_gives_back_the_number_it_was_set_to(browser):
    with modules(browser, "lesson/judge") as page:
        for low, high, log in ((0.0, 10.0, False), (1.0, 1e6, True), (-3.0, 5.0, False)):
            asked = {"low": low, "high": high, "log": log}
            for step in (0, 250, 999, 1000):
                value = page.evaluate("([a, s]) => code.fromSlider(a, s)", [asked, step])
                share = step / 1000
                wanted = low * (high / low) ** share if log else low + share * (high - low)
                assert value == pytest.approx(wanted)
                assert page.evaluate("([a, v]) => code.toSlider(a, v)", [asked, value]) == step


def test_what_stands_between_backticks_is_code(judge):
    assert judge.shown("the `amax` over keys") == ["the amax over keys", "amax"]


@pytest.mark.parametrize(
    ("text", "form", "place"),
    [
        ("a header, a head", "head", 12),
        ("heads", "head", -1),
        ("最大值和值", "值", 4),  # "maximum and value"
        ("开头的快照，每个头", "头", 8),  # "snapshots of the beginning, each head"
        ("哪里值得看", "值", -1),  # "where to look"
    ],
)
def test_a_word_is_explained_where_it_stands_alone(judge, text, form, place):
    assert judge.place_of(text, form) == place
