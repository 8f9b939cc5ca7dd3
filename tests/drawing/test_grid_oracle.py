"""Every mark of a deformed grid against the trace, on sizes that all differ."""

import numpy as np
import pytest

from deformviz.schema import ImageFrame
from tests.drawing.engine import engine
from tests.drawing.oracle.drawn import hold_against
from tests.drawing.oracle.grid import Grid
from tests.drawing.oracle.grid_subject import grid_subject

WIDE = grid_subject(
    "wide, padded, first code",
    ImageFrame((60, 100), (36, 60), (48, 80)),
    version="v1",
    query_hw=(6, 10),
)
TALL = grid_subject(
    "tall, second code",
    ImageFrame((90, 40), (90, 40), (90, 40)),
    version="++",
    query_hw=(9, 4),
    bias="log_cpb",
    mask=False,
    width=333.0,
)
BARE = grid_subject(
    "without bias, unbounded",
    ImageFrame((30, 64), (30, 64), (40, 64)),
    version="v1",
    query_hw=(4, 8),
    bias="none",
    offset_range_factor=-1.0,
    width=900.0,
)
SUBJECTS = (WIDE, TALL, BARE)
VIEWS = {
    "one group": {"heads": [2, 3]},
    "all heads": {"heads": [0, 1, 2, 3, 4, 5]},
    "one head of each of two groups": {"heads": [1, 4]},
    "half way": {"heads": [0, 1], "slide": 0.5},
    "at the start": {"heads": [4, 5], "slide": 0},
    "average query": {"heads": [0, 3], "importance": True},
    "two pictures": {"heads": [2, 3], "split": True, "slide": 0.8},
    "padding": {"heads": [0, 1], "padding": True, "dim": 0},
    "bias": {"heads": [1, 2], "surface": True},
    "object": {"heads": [5], "object": True, "mesh": False, "arrows": False, "lines": False},
    "twelve lines": {"heads": [0, 5], "top": 12},
}


def differences(subject, view, focus=None):
    oracle = Grid(subject, view, focus)
    drawing = engine("grid")
    drawn = drawing.ask(
        "marks",
        layer=drawing.decode(subject.packed),
        view=view,
        query=view["query"],
        focus=focus,
        width=oracle.size[0],
        height=oracle.size[1],
    )
    return hold_against(drawn, oracle.layers(), lambda panel: oracle.panels[panel][0])


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_every_mark_lies_and_looks_as_the_trace_says(subject, view):
    queries = subject.weights.shape[1]
    for query in (1, queries - 2):
        found = differences(subject, {**view, "query": query})
        assert not found.wrong, "\n".join(found.wrong[:12])
        assert found.marks > 10


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_a_knot_in_focus_has_its_ring_and_its_displacement(subject):
    for head, knot in ((0, 1), (5, subject.weights.shape[2] - 1)):
        for view in ({"heads": [0, 5]}, {"heads": [0, 5], "split": True, "slide": 0.4}):
            found = differences(subject, {**view, "query": 3}, {"head": head, "knot": knot})
            assert not found.wrong, "\n".join(found.wrong[:12])


def test_the_surface_passes_through_the_bias_of_every_knot():
    """What is drawn between the knots is what the layer added at them."""
    drawing = engine("grid")
    layer = drawing.decode(WIDE.packed)
    for query, head, knot in ((0, 0, 0), (17, 3, 5), (59, 5, 14)):
        group = WIDE.group_of(head)
        place = f"layers[{layer}].place({group}, {knot}, 1)"
        drawn = drawing.evaluate(f"layers[{layer}].surfaceAt({query}, {place}, [{head}])")
        added = float(WIDE.record.position_bias[head, query, knot])
        np.testing.assert_allclose(drawn, added, atol=1e-5)
