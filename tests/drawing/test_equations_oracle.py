"""Every mark of the picture beside the equations against the trace."""

import json

import pytest

from deformviz.figures.theme import palette
from deformviz.walkthrough.pictures import picture_of
from deformviz.walkthrough.sight import Sight
from deformviz.walkthrough.subject import Subject as Asked
from tests.drawing.engine import engine
from tests.drawing.oracle.compare import Comparison, compare
from tests.drawing.oracle.equations import Equations
from tests.drawing.oracle.subject import SUBJECTS

SCREENS = ((420.0, 500.0), (300.0, 180.0))


@pytest.mark.parametrize("scope", ["all", "pixels"])
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_every_mark_lies_and_looks_as_the_trace_says(subject, scope):
    queries, heads, levels, points = subject.weights.shape
    for number, query in enumerate((1, queries - 1)):
        sample = (heads - 1, number % levels, points - 1)
        oracle = Equations(subject, query, sample, scope, SCREENS[number])
        head, level, point = sample
        asked = Asked(layer=subject.layer, query=query, head=head, level=level, point=point)
        sight = Sight(
            subject.record, subject.frame, "Right", subject.trace.detections, subject.trace.output
        )
        data = picture_of(asked, sight)
        drawn = engine("equations").evaluate(
            "deformviz.marks("
            + engine_arguments(data, scope, SCREENS[number], len(subject.shapes))
            + ").picture"
        )
        expected = oracle.layers()["picture"]
        names = list(dict.fromkeys(mark["layer"] for mark in drawn))
        assert names == [name for name, marks in expected.items() if marks]
        found = Comparison()
        for name, marks in expected.items():
            found += compare(marks, [mark for mark in drawn if mark["layer"] == name], name)
        assert not found.wrong, "\n".join(found.wrong[:12])
        assert found.marks > 15


def engine_arguments(data, scope, screen, levels):
    given = {"data": data, "scope": scope, "width": screen[0], "height": screen[1]}
    return json.dumps({**given, "palette": palette(levels)})
