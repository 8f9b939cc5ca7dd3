"""The badge of pages that draw without a canvas: the canvas's own words, red where it is."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from app.proof import is_wrong
from tests.drawing.engine import engine

PROOFS = {
    "right": {"difference": 2.4e-7, "tolerance": 1e-5, "placement": None},
    "at the edge": {"difference": 1e-5, "tolerance": 1e-5, "placement": None},
    "wrong": {"difference": 0.0099, "tolerance": 1e-5, "placement": None},
    "no number": {"difference": "nan", "tolerance": 1e-2, "placement": None},
    "unknown": None,
}


def page(proofs, beside_canvas):
    import streamlit as st

    from app.proof import may_be_drawn

    if may_be_drawn(proofs, beside_canvas=beside_canvas):
        st.write("drawn")


def shown(names, beside_canvas=False):
    """What the badge says, and whether what it stands for was drawn."""
    given = {"proofs": [PROOFS[name] for name in names], "beside_canvas": beside_canvas}
    test = AppTest.from_function(page, kwargs=given).run()
    assert not test.exception
    badges = [each.proto.body for each in test.get("html")]
    return badges[0] if badges else "", bool(test.markdown)


@pytest.mark.parametrize("name", PROOFS)
def test_it_says_what_the_badge_of_a_canvas_says(name):
    said, drawn = shown([name])
    wrong = name in ("wrong", "no number")
    assert is_wrong(PROOFS[name]) == wrong == (not drawn) == ('"dv-proof dv-proof-bad"' in said)
    words, meaning = engine("replay").evaluate(f"deformviz.proofWords({json.dumps(PROOFS[name])})")
    assert f">{words}</span>" in said
    assert meaning.replace("'", "&#x27;") in said


@pytest.mark.parametrize(
    ("names", "least"),
    [(["right", "wrong"], "wrong"), (["unknown", "right"], "unknown"), (["right"], "right")],
)
def test_of_several_layers_the_one_that_says_least_good_speaks(names, least):
    for order in (names, names[::-1]):
        assert shown(order) == shown([least])


def test_beside_a_canvas_only_what_is_wrong_is_said():
    assert shown(["right", "unknown"], beside_canvas=True) == ("", True)
    said, drawn = shown(["right", "wrong"], beside_canvas=True)
    assert "does not agree with the model: 1e-2" in said and not drawn
