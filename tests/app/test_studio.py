"""A figure for a paper below each picture: opened by a press or a link, closed on another page."""

import re

import pytest

from app import studio, work
from app.rooms import PAGES
from deformviz.figures.studio import FIGURES
from tests.app.visit import SECONDS, address, me, settled, texts, visit


def printed(page):
    """Caption and code of the figure that is open."""
    work.settle(SECONDS)
    page.run()
    assert not page.exception
    return [str(code.value) for code in page.code][-2:]


@pytest.mark.slow
def test_a_link_opens_a_figure_and_a_choice_is_in_the_address(tiny_server):
    page = settled(visit("explore", model="tiny.safetensors", picture="wide", figure="figure-6"))
    caption, code = printed(page)
    assert "in the style of Fig. 6" in caption and "decoder.1" in caption
    assert 'dv.figure(\n    "figure-6",\n    picture="wide"' in code
    assert 'model="tiny.safetensors"' in code
    names = [button.proto.label for button in page.get("download_button")]
    assert {"PDF", "SVG", "PNG"} <= set(names)
    page.selectbox(key="figure_name").set_value("offsets").run()
    caption, _ = printed(page)
    assert caption.startswith("Sampling offsets of query")
    assert address(page)["figure"] == "offsets"
    page.number_input(key="figure_width").set_value(120).run()
    assert "width_mm=120.0" in printed(page)[1]


def test_another_page_begins_without_a_figure(tiny_server):
    page = settled(visit("explore", picture="wide", figure="offsets"))
    assert me(page).figure == "offsets"
    page.query_params.clear()
    page.switch_page("views/checkpoint.py").run()
    assert not page.exception and me(page).figure == ""


def test_a_figure_that_is_not_of_this_page_is_said(tiny_server):
    page = settled(visit("explore", picture="wide", figure="dat-grid"))
    assert me(page).figure == "" and "cannot be made of what is shown here" in texts(page)


def test_every_figure_is_offered_on_some_page():
    offered = {*studio.OF_SAMPLES, *studio.OF_TRAINING, *studio.OF_GRIDS}
    assert offered | {"five-attentions", "deletion-curves"} == set(FIGURES)


@pytest.mark.slow
@pytest.mark.parametrize(
    "page, name, asked",
    [
        ("dat", "dat-importance", {"picture": "single-boat"}),
        ("compare_attention", "five-attentions", {"picture": "single-boat"}),
        ("training", "over-training", {"run": "detector", "picture": "beach-dusk"}),
        ("training", "dat-grid", {"run": "dat", "picture": "single-boat"}),
    ],
)
def test_a_page_makes_its_figure(page, name, asked):
    assert page in {one.name for one in PAGES}
    shown = settled(visit(page, figure=name, **asked))
    caption, code = printed(shown)
    assert re.search(rf'"{name}"', code) and "{" not in caption
