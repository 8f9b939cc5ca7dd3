"""Every mark of the five kinds of attention against the key sets."""

import pytest

from tests.drawing.oracle.drawn import hold_pictures
from tests.drawing.oracle.keys import Keys, key_subject

WIDE = key_subject("a wide picture on a screen", (50, 90), 811.0, seed=3)
TALL = key_subject("a tall picture on a phone", (80, 60), 371.0, seed=4)


@pytest.mark.parametrize("query", [0, 7, 100, 143])
@pytest.mark.parametrize("subject", [WIDE, TALL], ids=lambda subject: subject.name)
def test_every_key_lies_and_looks_as_its_set_says(subject, query):
    oracle = Keys(subject, query, dim=0.3)
    found = hold_pictures("keys", subject.packed, oracle, query, 0.3)
    assert not found.wrong, "\n".join(found.wrong[:12])
    assert found.marks > 40


@pytest.mark.parametrize(("query", "other"), [(7, 100), (143, 143)])
@pytest.mark.parametrize("subject", [WIDE, TALL], ids=lambda subject: subject.name)
def test_places_of_a_query_left_behind_are_ringed_in_blue_and_ours_is_red(subject, query, other):
    oracle = Keys(subject, query, dim=0.3, other=other)
    found = hold_pictures("keys", subject.packed, oracle, query, 0.3, other=other)
    assert not found.wrong, "\n".join(found.wrong[:12])
    assert found.marks > 60
