"""Every mark of the five kinds of attention against the key sets."""

import pytest

from tests.drawing.engine import engine
from tests.drawing.oracle.drawn import hold_against
from tests.drawing.oracle.keys import Keys, key_subject

WIDE = key_subject("a wide picture on a screen", (50, 90), 811.0, seed=3)
TALL = key_subject("a tall picture on a phone", (80, 60), 371.0, seed=4)


@pytest.mark.parametrize("query", [0, 7, 100, 143])
@pytest.mark.parametrize("subject", [WIDE, TALL], ids=lambda subject: subject.name)
def test_every_key_lies_and_looks_as_its_set_says(subject, query):
    oracle = Keys(subject, query, dim=0.3)
    drawing = engine("keys")
    drawn = drawing.ask(
        "marks",
        layer=drawing.decode(subject.packed),
        view={"query": query, "dim": 0.3},
        query=query,
        width=oracle.size[0],
        height=oracle.size[1],
    )
    found = hold_against(drawn, oracle.layers(), lambda panel: oracle.windows[panel])
    assert not found.wrong, "\n".join(found.wrong[:12])
    assert found.marks > 40
