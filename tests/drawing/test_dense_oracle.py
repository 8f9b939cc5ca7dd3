"""Every mark of dense attention against the trace."""

import pytest

from tests.drawing.engine import engine
from tests.drawing.oracle.dense import Dense, dense_subjects
from tests.drawing.oracle.drawn import hold_against


@pytest.mark.parametrize("query", [0, 7, 23])
@pytest.mark.parametrize("subject", dense_subjects(), ids=lambda subject: subject.name)
def test_every_head_shows_what_the_query_looks_at(subject, query):
    oracle = Dense(subject, query, dim=0.3)
    drawing = engine("dense")
    layer = drawing.decode(subject.packed)
    drawn = drawing.ask(
        "marks",
        layer=layer,
        view={"query": query, "dim": 0.3},
        query=query,
        width=oracle.size[0],
        height=oracle.size[1],
    )
    found = hold_against(drawn, oracle.layers(), lambda panel: oracle.windows[panel])
    assert not found.wrong, "\n".join(found.wrong[:12])
    assert found.marks > 20
