"""The Attribution page: from a detection to what its samples are worth, and what deletion says."""

import numpy as np
import pytest

from app import work
from deformviz.analysis import layers_studied as studies
from tests.app.visit import address, settled, texts, visit


def follow(**link):
    """A new visitor who opens a link to the page."""
    return settled(visit("attribution", **{"model": "tiny.safetensors", **link}))


@pytest.fixture
def page(tiny_server):
    return follow()


def trace_back(page):
    """Ask, unless somebody did before, and wait for the answer."""
    if any(button.key == "trace_back" for button in page.button):
        page.button(key="trace_back").click()
        settled(page)


def shown_layer(page):
    """The study on show, and the layer of it that is drawn."""
    [control] = [
        control for control in page.segmented_control if (control.key or "").startswith("layer-")
    ]
    return work.kept(control.key.removeprefix("layer-")).study, control.value


@pytest.mark.slow
def test_from_a_detection_to_the_verdict_and_the_curves(page):
    assert not page.exception
    assert page.title[0].value == "Do the weights mean anything?"
    trace_back(page)
    assert not page.exception
    said = texts(page)
    _, layer = shown_layer(page)
    assert f"heaviest of 24 points, {layer} would move" in said
    assert "mean score while deleting" in said and "completeness error" in said
    assert len(page.get("plotly_chart")) == 1 + 2 + 3 + 1
    page.segmented_control(key="attributed_method").set_value("gradient x input").run()
    assert "by gradient x input" in texts(page)


@pytest.mark.slow
def test_pixels_are_attributed_by_four_methods(page, monkeypatch):
    monkeypatch.setitem(studies.MOST_STEPS, studies.PIXELS, 16)  # a draft will do here
    page.segmented_control(key="attributed_part-sampling").set_value(studies.PIXELS).run()
    trace_back(page)
    assert not page.exception
    assert len(page.get("plotly_chart")) == 1 + 4
    assert all(name in texts(page) for name in ("Integrated gradients", "Occlusion", "Grad-cam"))


def test_it_opens_on_the_layer_that_moves_the_answer_most(page):
    trace_back(page)
    study, layer = shown_layer(page)
    moves = {layer: abs(study.score - score) for layer, score in study.without_any.items()}
    assert moves[layer] == max(moves.values())


def test_the_table_can_be_taken_away(page):
    trace_back(page)
    study, _ = shown_layer(page)
    [rows] = [frame.value for frame in page.dataframe]
    assert len(rows) == len(study.rows) == 2 * (3 * 2 + 2)
    assert page.get("download_button")[0].proto.label == "Table (CSV)"


def test_a_study_can_be_cancelled(page):
    page.selectbox(key="attributed_side").set_value("left").run()
    work.ask(
        "busy", "tests.app.pieces_of_work:until_stopped", visitor="somebody else", lane=work.LONG
    )
    try:
        page.button(key="trace_back").click().run()
        assert page.get("progress")[0].proto.text.endswith(": next in line")
        [key] = [key for key in work.LANES[work.LONG].line.keys() if key != "busy"]
        [cancel] = [button for button in page.button if button.label == "Cancel"]
        cancel.click().run()
    finally:
        work.leave("busy", "somebody else")
    assert work.wait(key, 10).state == "cancelled" and work.kept(key) is None
    assert page.run().button(key="trace_back").label == "Trace it back"


@pytest.mark.slow
def test_a_class_logit_of_a_dat_is_traced_back_to_its_knots(page, monkeypatch):
    monkeypatch.delenv("DEFORMVIZ_CHECKPOINTS")
    monkeypatch.setitem(studies.MOST_STEPS, "stages", 8)
    page.segmented_control(key="attribution_kind").set_value("grid")
    settled(page)
    assert not page.exception
    assert [choice for choice in page.selectbox if choice.label == "Class"]
    trace_back(page)
    assert not page.exception
    said = texts(page)
    assert "would move the logit of the" in said and "mean score while deleting" in said
    assert "completeness error" in said
    assert len(page.get("plotly_chart")) == 1 + 2 + 3 + 1


def test_copying_the_address_copies_the_question(page):
    [choice] = [box for box in page.selectbox if box.label == "Detection"]
    assert len(choice.options) >= 3
    choice.set_value(2).run()
    page.selectbox(key="attributed_side").set_value("top").run()
    page.segmented_control(key="attributed_part-sampling").set_value("encoder").run()
    copied = address(page)
    assert copied["of"] == "top" and copied["part"] == "encoder"
    assert f"(query {copied['detection']})" in choice.options[2]
    again = follow(**copied)
    assert not again.exception and not again.info
    [found] = [box for box in again.selectbox if box.label == "Detection"]
    assert found.value == 2 and again.selectbox(key="attributed_side").value == "top"
    assert again.segmented_control(key="attributed_part-sampling").value == "encoder"
    assert address(again) == copied


def test_what_a_link_names_in_vain_is_said(tiny_server):
    page = follow(detection="7777", of="colour", part="roof")
    assert not page.exception
    said = " ".join(note.value for note in page.info)
    assert "7777" in said and "colour" in said and "roof" in said
    [choice] = [box for box in page.selectbox if box.label == "Detection"]
    assert choice.value == 0 and page.selectbox(key="attributed_side").value == ""
    assert not {"of", "part"} & set(address(page))


def test_what_explore_does_not_draw_is_not_offered(page):
    [choice] = [box for box in page.selectbox if box.label == "Detection"]
    scores = [float(name.split(", ")[1].split()[0]) for name in choice.options]
    assert scores == sorted(scores, reverse=True) and len(scores) < 6  # of six queries


def test_heads_that_are_drawn_as_one_mark_add_up():
    values = np.arange(4 * 2 * 3, dtype=float).reshape(4, 2, 3)  # [head level point]
    added = studies.add_up(values, 2)
    assert added.shape == (2, 2, 3)
    np.testing.assert_array_equal(added[1], values[2] + values[3])
    np.testing.assert_array_equal(studies.add_up(values, 1), values)
