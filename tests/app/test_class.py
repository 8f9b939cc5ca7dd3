"""A class of thirty on one server: nobody's click costs anybody else's picture."""

import asyncio

import pytest

from tests.bench.server_weights import class_server
from tests.bench.visitors import in_words, measure

WEB_MIB = 350  # at most, of the web process


@pytest.mark.slow
def test_thirty_visitors_are_all_served_within_bounds_and_leave_nothing_open():
    with class_server() as server:
        report = asyncio.run(measure(server, visitors=30, seconds=180))
    print(in_words(report))
    assert report.faults == [] and report.unserved == []
    assert report.acts["live training"] == 1 and report.acts["abandoned study"] > 0
    assert report.peak_all_mib <= 3 * 1024
    # Sessions that were left last may wait for the collector; each holds three files.
    assert report.after.files <= report.before.files + 9
    assert report.after.threads <= report.before.threads + 2
    assert report.peak_web_mib <= WEB_MIB
