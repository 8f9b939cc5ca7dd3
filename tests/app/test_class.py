"""A class of thirty on one server: nobody's click costs anybody else's picture."""

import asyncio

import pytest

from tests.bench.page import running_server
from tests.bench.visitors import another_model, in_words, measure


@pytest.mark.slow
def test_thirty_visitors_are_all_served_within_bounds_and_leave_nothing_open():
    with another_model(), running_server() as server:
        report = asyncio.run(measure(server, visitors=30, seconds=180))
    print(in_words(report))
    assert report.faults == [] and report.unserved == []
    assert report.acts["live training"] == 1 and report.acts["abandoned study"] > 0
    assert report.peak_web_mib <= 350
    assert report.peak_all_mib <= 3 * 1024
    assert report.after.files <= report.before.files + 2  # answers are kept, not open
    assert report.after.threads <= report.before.threads + 2
