"""The Attribution page: from a detection to what its samples are worth, and what deletion says."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import session, studies

ROOT = Path(__file__).parents[2]
SECONDS = 90


@pytest.fixture
def page(tiny_server):
    page = AppTest.from_file(str(ROOT / "app" / "pages.py"), default_timeout=SECONDS)
    page.run()
    page.session_state["model"] = "tiny.safetensors"
    page.switch_page("views/attribution.py").run()
    finish(page)
    return page.run()


def finish(page):
    """Wait for everything in line."""
    for key in list(session.QUEUE._jobs):
        session.QUEUE.wait(key, SECONDS)


def texts(page):
    kinds = ("title", "subheader", "markdown", "caption", "info", "error")
    return " ".join(str(element.value) for kind in kinds for element in getattr(page, kind))


def test_from_a_detection_to_the_verdict_and_the_curves(page):
    assert not page.exception
    assert page.title[0].value == "Do the weights mean anything?"
    page.button(key="trace_back").click().run()
    finish(page)
    page.run()
    assert not page.exception
    said = texts(page)
    assert "heaviest of 24 points, decoder.1 would move" in said
    assert "mean score while deleting" in said and "completeness error" in said
    assert len(page.get("plotly_chart")) == 2 + 3 + 1
    page.segmented_control(key="attributed_method").set_value("gradient x input").run()
    assert "by gradient x input" in texts(page)


def test_pixels_are_attributed_by_four_methods(page, monkeypatch):
    monkeypatch.setattr(studies, "PIXEL_STEPS", 16)     # a draft will do here
    page.segmented_control(key="attributed_part").set_value(studies.PIXELS).run()
    page.button(key="trace_back").click().run()
    finish(page)
    page.run()
    assert not page.exception
    assert len(page.get("plotly_chart")) == 4
    assert all(name in texts(page) for name in ("Integrated gradients", "Occlusion", "Grad-cam"))
