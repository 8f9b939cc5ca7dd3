"""Every mark of dense attention against the trace."""

import pytest

from tests.drawing.oracle.dense import Dense, dense_subjects
from tests.drawing.oracle.drawn import hold_pictures


@pytest.mark.parametrize("query", [0, 7, 23])
@pytest.mark.parametrize("subject", dense_subjects(), ids=lambda subject: subject.name)
def test_every_head_shows_what_the_query_looks_at(subject, query):
    oracle = Dense(subject, query, dim=0.3)
    found = hold_pictures("dense", subject.packed, oracle, query, 0.3)
    assert not found.wrong, "\n".join(found.wrong[:12])
    assert found.marks > 20
