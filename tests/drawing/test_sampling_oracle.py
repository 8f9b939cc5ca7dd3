"""Every mark of a picture of sampling points against the trace, on sizes that all differ."""

import pytest

from tests.drawing.engine import engine
from tests.drawing.oracle.drawn import hold_against
from tests.drawing.oracle.sampling import Sampling
from tests.drawing.oracle.subject import BOXES, POINTS, SUBJECTS, TALL, WIDE

VIEWS = {
    "as it opens": {},
    "two heads": {"heads": [0, 2]},
    "one level": {"levels": [1]},
    "the five heaviest": {"top": 5},
    "coloured by level": {"colour": "level"},
    "coloured by weight": {"colour": "weight"},
    "coloured by place": {"colour": "outside", "padding": True},
    "without lines": {"lines": False, "dim": 0},
    "padding": {"padding": True},
    "enlarged": {"zoom": 2, "centre": [0.3, 0.55]},
    "enlarged at a corner": {"zoom": 4, "centre": [0.05, 0.9], "padding": True},
    "all queries": {"all": True},
    "mass": {"mass": True},
    "mass of the first level": {"mass": True, "level": 0, "heads": [0]},
    "who reads": {"reverse": True, "lookup": [0.4, 0.6]},
    "who reads the first level": {"reverse": True, "lookup": [0.71, 0.2], "level": 0},
}


def cases():
    for subject in SUBJECTS:
        _, heads, levels, _ = subject.weights.shape
        for name, view in VIEWS.items():
            if max(view.get("heads", [0])) < heads and max(view.get("levels", [0])) < levels:
                yield pytest.param(subject, view, id=f"{subject.name}: {name}")


def differences(subject, view, focus=None):
    """All marks of a view against what they should be."""
    oracle = Sampling(subject, view, focus)
    drawing = engine("sampling")
    drawn = drawing.ask(
        "marks",
        levels=len(subject.shapes),
        layer=drawing.decode(subject.packed),
        view=view,
        query=view["query"],
        focus=focus,
        width=oracle.window.width,
        height=oracle.window.height,
    )
    return hold_against(drawn, oracle.layers(), lambda _: oracle.window)


@pytest.mark.parametrize(("subject", "view"), list(cases()))
def test_every_mark_lies_and_looks_as_the_trace_says(subject, view):
    queries = len(subject.weights)
    for query in (0, queries // 2, queries - 1):
        found = differences(subject, {**view, "query": query})
        assert not found.wrong, "\n".join(found.wrong[:12])
        assert found.marks > 1


@pytest.mark.parametrize("subject", [TALL, WIDE, BOXES, POINTS], ids=lambda subject: subject.name)
def test_a_point_in_focus_has_its_ring_and_its_cells(subject):
    _, heads, levels, points = subject.weights.shape
    for head, level, point in [(0, 0, points - 1), (heads - 1, levels - 1, 0)]:
        focus = {"head": head, "level": level, "point": point}
        for view in ({"padding": True}, {"zoom": 2, "centre": [0.4, 0.4]}):
            found = differences(subject, {**view, "query": 2}, focus)
            assert not found.wrong, "\n".join(found.wrong[:12])
