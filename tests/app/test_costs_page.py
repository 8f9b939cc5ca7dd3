"""The cost lab: sliders change what it says, and its address restores them."""

import pytest

from app import work
from app.rooms import entry_of, page_called
from deformviz.analysis.cost_lab_records import LabSizes
from tests.app.visit import SECONDS, address, settled, texts, visit

SMALL = "64-32-4-2-2-0-4-2-6"


def test_it_is_a_page_of_compare():
    assert entry_of(page_called("costs")).name == "compare"


def test_a_link_restores_the_sliders_and_a_slider_changes_the_table():
    page = settled(visit("costs", sizes=SMALL))
    assert not page.exception
    assert page.select_slider(key="cost_channels").value == 32
    before = texts(page)
    assert "| Dense | $4NC^2 + 2N^2C$ |" in before and "8×11" in before and "≠" not in before
    page.select_slider(key="cost_channels").set_value(64).run()
    work.settle(SECONDS)
    page.run()
    assert address(page)["sizes"] == "64-64-4-2-2-0-4-2-6" and texts(page) != before
    assert "values are projected first" in texts(page)


@pytest.mark.slow
def test_measuring_shows_times_and_curves():
    page = settled(visit("costs", sizes=SMALL))
    assert " ms " not in texts(page) and len(page.get("plotly_chart")) == 2
    page.button(key="cost_measure").click().run()
    work.settle(SECONDS)
    page.run()
    assert not page.exception and " ms " in texts(page)
    assert len(page.get("plotly_chart")) == 6
    assert address(page)["measured"] == "1"


def test_a_setting_nobody_can_make_is_said():
    page = settled(visit("costs", sizes="1-2-3"))
    assert page.select_slider(key="cost_side").value == LabSizes().side
    assert page.info
