"""Sampling points under a pointer, a keyboard and a finger, in Chromium."""

import re

import pytest
from playwright.sync_api import expect

from deformviz.figures.theme import PETROFF_10
from tests.app.canvas.canvas_page import (
    click,
    counters,
    eventually,
    expect_pressed,
    expect_status,
    hover,
    last_view,
    load_canvas,
    open_canvas,
    picture_of,
    pixels_of,
    press,
    settle,
    show,
    stage_point,
    status,
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def tab(browser):
    """One tab for the module, since loading costs more than mounting."""
    context = browser.new_context(viewport={"width": 1000, "height": 640})
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda said: said.type == "error" and page.errors.append(said.text))
    load_canvas(page)
    yield page
    context.close()


@pytest.fixture
def encoder(tab):
    tab.errors.clear()
    open_canvas(tab, "encoder.0")
    yield tab
    assert tab.errors == []


@pytest.fixture
def decoder(tab):
    tab.errors.clear()
    open_canvas(tab, "decoder.1")
    yield tab
    assert tab.errors == []


# -- hover ---------------------------------------------------------------------------------------


def test_hover_changes_what_is_drawn_and_the_page_returns_to_its_query(encoder):
    first, at_start = picture_of(encoder), status(encoder)
    hover(encoder, 0.8, 0.2)
    eventually(encoder, lambda: picture_of(encoder) != first)
    expect_status(encoder, "level 1 · row")
    expect(encoder.locator(".dv-status")).not_to_have_text(at_start)
    encoder.mouse.move(2, 2)
    eventually(encoder, lambda: picture_of(encoder) == first)


def test_sixty_moves_are_sixty_redraws_and_no_word_to_the_server(encoder):
    requests = []
    encoder.on("request", lambda request: requests.append(request.url))
    hover(encoder, 0.5, 0.5)
    before, told = counters(encoder), encoder.evaluate("window.told.length")
    for step in range(60):
        hover(encoder, 0.1 + 0.8 * (step * 37 % 61) / 61, 0.1 + 0.8 * (step * 53 % 59) / 59)
    after = counters(encoder)
    assert after["moves"] - before["moves"] == 60
    assert after["redraws"] - before["redraws"] == 60
    assert after["painted"]["photo"] == before["painted"]["photo"]
    assert len(after["hoverToDrawnMs"]) - len(before["hoverToDrawnMs"]) == 60
    assert requests == [] and encoder.evaluate("window.told.length") == told


def test_moves_within_one_frame_are_drawn_once(encoder):
    before = counters(encoder)["redraws"]
    x, y = stage_point(encoder, 0.3, 0.3)
    encoder.evaluate(
        """([x, y]) => { for (let step = 0; step < 20; step++)
        document.querySelector(".dv-stage").dispatchEvent(new PointerEvent("pointermove",
            {clientX: x + step, clientY: y, pointerType: "mouse", bubbles: true})); }""",
        [x, y],
    )
    eventually(encoder, lambda: counters(encoder)["redraws"] > before)
    settle(encoder)
    assert counters(encoder)["redraws"] == before + 1


# -- pin and readout -----------------------------------------------------------------------------


def test_a_click_pins_the_query_and_tells_it_once(encoder):
    told = encoder.evaluate("window.told.length")
    click(encoder, 0.25, 0.75)
    expect_pressed(encoder, "Pin")
    expect_status(encoder, "pinned, the pointer")
    view = last_view(encoder)
    assert view["pinned"] and view["level"] == 1 and view["layer"] == "encoder.0"
    assert encoder.evaluate("window.told.length") == told + 1
    kept = status(encoder)
    hover(encoder, 0.9, 0.1)
    assert status(encoder) == kept


def test_a_query_is_pinned_from_the_start_and_the_first_move_lets_it_go(encoder):
    expect_pressed(encoder, "Pin")
    expect_status(encoder, "an example: move over")
    assert not last_view(encoder)["pinned"] and "pin" not in last_view(encoder)["params"]
    hover(encoder, 0.9, 0.1)
    expect_pressed(encoder, "Pin", False)
    expect_status(encoder, "click to pin")


def test_sampling_mass_and_reverse_look_up_take_turns(encoder):
    press(encoder, "m")
    press(encoder, "r")
    expect_pressed(encoder, "Who reads here?")
    expect_pressed(encoder, "Sampling mass", False)
    press(encoder, "m")
    expect_pressed(encoder, "Sampling mass")
    expect_pressed(encoder, "Who reads here?", False)


def test_clicking_the_pinned_cell_lets_it_go(encoder):
    press(encoder, "Enter")
    expect_pressed(encoder, "Pin")
    for head in range(4):
        press(encoder, str(head))  # no point of the cell itself is in the way
    box = encoder.evaluate("document.querySelector('.dv-status').textContent")
    row, column = (int(part.split()[-1]) for part in box.split("·")[1].split(","))
    click(encoder, (column + 0.5) / 16 / (462 / 512), (row + 0.5) / 10 / (300 / 320))
    expect_pressed(encoder, "Pin", False)


def test_a_pinned_query_lets_the_pointer_read_single_points(encoder):
    press(encoder, "Enter")
    readout = encoder.locator(".dv-readout")
    press(encoder, ".")
    expect(readout).not_to_contain_text("strongest")
    first = readout.text_content()
    press(encoder, ".")
    expect(readout).not_to_have_text(first)
    expect(readout).not_to_contain_text("strongest")


def test_the_readout_never_changes_the_layout(encoder):
    heights = set()
    for at in range(12):
        hover(encoder, 0.05 + 0.08 * at, 0.5)
        heights.add(encoder.evaluate("document.querySelector('.dv-explorer').offsetHeight"))
    assert len(heights) == 1


# -- legend --------------------------------------------------------------------------------------


def test_a_term_of_the_legend_hides_a_head(encoder):
    assert pixels_of(encoder, PETROFF_10[1]) > 20
    encoder.get_by_role("button", name="head 1").click()
    eventually(encoder, lambda: pixels_of(encoder, PETROFF_10[1]) == 0)
    assert pixels_of(encoder, PETROFF_10[0]) > 20
    assert last_view(encoder)["heads"] == [0, 2, 3]


def test_shift_click_isolates_and_brings_all_back(encoder):
    chip = encoder.get_by_role("button", name="head 2")
    chip.click(modifiers=["Shift"])
    assert last_view(encoder)["heads"] == [2]
    chip.click(modifiers=["Shift"])
    assert last_view(encoder)["heads"] == [0, 1, 2, 3]


def test_a_level_hides_its_points(encoder):
    encoder.get_by_role("button", name="level 0 · 20×32", exact=True).click()
    expect_status(encoder, "24 points")


# -- keyboard ------------------------------------------------------------------------------------


def test_arrows_move_the_query_cell_by_cell(encoder):
    press(encoder, "Enter")
    start = last_view(encoder)["query"]
    for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
        press(encoder, key)
    assert last_view(encoder)["query"] == start + 1 + 2 * 16


def test_arrows_step_through_detections_in_the_decoder(decoder):
    for name in ("house 0.91", "tree <b> 0.72", "ball 0.44", "house 0.91"):
        expect_status(decoder, f" · {name} · ")
        press(decoder, "ArrowRight")


def test_digits_toggle_heads_and_escape_resets(encoder):
    press(encoder, "0")
    press(encoder, "Shift+3")
    press(encoder, "m")
    view = last_view(encoder)
    assert view["heads"] == [3] and view["mass"]
    press(encoder, "Escape")
    view = last_view(encoder)
    assert view["heads"] == [0, 1, 2, 3] and not view["mass"] and not view["pinned"]


def test_brackets_ask_python_for_another_layer(encoder):
    press(encoder, "]")
    press(encoder, "[")
    eventually(
        encoder,
        lambda: (
            [told for told in encoder.evaluate("window.told") if told[0] == "layer"]
            == [["layer", 1], ["layer", -1]]
        ),
    )


def test_l_walks_the_levels_and_the_query_stays_at_its_place(encoder):
    press(encoder, "l")
    view = last_view(encoder)
    assert view["level"] == 2 and view["query"] >= 800
    press(encoder, "l")
    assert last_view(encoder)["level"] == 0 and last_view(encoder)["query"] < 640


def test_help_opens_and_closes(encoder):
    press(encoder, "?")
    expect(encoder.get_by_role("dialog")).to_be_visible()
    encoder.keyboard.press("Escape")
    expect(encoder.locator("dialog")).to_be_hidden()


def test_keys_leave_other_controls_alone(encoder):
    encoder.get_by_label("Darken the picture").focus()
    encoder.keyboard.press("ArrowLeft")
    assert last_view(encoder)["dim"] == pytest.approx(0.3)


# -- decoder, mass, look-up ----------------------------------------------------------------------


def test_hover_picks_the_smallest_box(decoder):
    hover(decoder, 75 / 231, 105 / 150)
    expect_status(decoder, "ball")
    hover(decoder, 30 / 231, 60 / 150)
    expect_status(decoder, "house")


def test_names_of_classes_stay_text(decoder):
    hover(decoder, 150 / 231, 60 / 150)
    expect_status(decoder, "tree <b>")
    expect(decoder.locator(".dv b:not(.dv-sign)")).to_have_count(0)


def test_all_queries_can_be_pointed_at(decoder):
    decoder.get_by_role("button", name="All queries").click()
    seen = set()
    for at in range(20):
        hover(decoder, 0.05 + 0.045 * at, 0.1 + 0.04 * at)
        seen.add(status(decoder).split(" · ")[0])
    assert len(seen) > 3
    expect_status(decoder, re.compile(r"white dots: references of the \d+ queries without"))


def test_sampling_mass_draws_a_map_with_its_scale(encoder):
    empty = picture_of(encoder, "field")
    press(encoder, "m")
    eventually(encoder, lambda: picture_of(encoder, "field") != empty)
    expect(encoder.locator(".dv-scale")).to_contain_text(
        re.compile("sampling mass per cell of level 1.*≥")
    )
    assert "attention map" not in encoder.locator(".dv").inner_text().lower()


def test_reverse_look_up_lists_who_reads_a_place(encoder):
    press(encoder, "r")
    click(encoder, 0.5, 0.5)
    expect_status(encoder, "queries read cell (4, 7) of level 1")
    rows = encoder.locator(".dv-lookup li")
    expect(rows).to_have_count(9)
    amounts = [float(text.split()[-1]) for text in rows.all_inner_texts()]
    assert amounts == sorted(amounts, reverse=True)
    assert last_view(encoder)["lookup"] == pytest.approx([0.451, 0.469], abs=0.01)
    rows.first.get_by_role("button").click()
    expect_pressed(encoder, "Pin")
    expect_pressed(encoder, "Who reads here?", False)


def test_zoom_enlarges_around_the_query_and_keeps_it_in_sight(encoder):
    press(encoder, "z")
    press(encoder, "z")
    expect(encoder.get_by_role("button", name="Zoom 4×")).to_have_attribute("aria-pressed", "true")
    zoomed = picture_of(encoder, "photo")
    for _ in range(8):
        press(encoder, "ArrowRight")
    eventually(encoder, lambda: picture_of(encoder, "photo") != zoomed)
    view = last_view(encoder)
    assert view["zoom"] == 4 and view["centre"][0] > 0.5
    press(encoder, "z")
    assert last_view(encoder)["zoom"] == 1 and last_view(encoder)["centre"] is None


# -- layers come and go --------------------------------------------------------------------------


def test_a_new_layer_keeps_the_pinned_query_and_the_choices(encoder):
    click(encoder, 0.3, 0.3)
    press(encoder, "2")
    before = last_view(encoder)
    show(encoder, "encoder.1")
    encoder.wait_for_function("window.told.at(-1)[1].layer === 'encoder.1'")
    after = last_view(encoder)
    assert (after["query"], after["pinned"], after["heads"]) == (before["query"], True, [0, 1, 3])


def test_the_encoder_query_is_remembered_while_the_decoder_shows(encoder):
    click(encoder, 0.3, 0.3)
    query = last_view(encoder)["query"]
    for layer in ("decoder.1", "encoder.0"):
        show(encoder, layer)
        encoder.wait_for_function(f"window.told.at(-1)[1].layer === '{layer}'")
    assert last_view(encoder)["query"] == query


def test_a_layer_that_cannot_be_read_leaves_the_old_picture(encoder):
    before = picture_of(encoder)
    show(encoder, "encoder.1", picture_url="data:image/jpeg;base64,AAAA")
    notice = encoder.locator(".dv-notice")
    expect(notice).to_contain_text("The picture could not be loaded. The old picture stays.")
    expect(notice.get_by_role("button", name="Try again")).to_be_visible()
    assert picture_of(encoder) == before
