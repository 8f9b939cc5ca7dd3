"""Five attentions in Chromium: pointing at a place shows what each of them may read from there."""

import base64
import gzip
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from deformviz.analysis.key_sets import MAP_HW, KeySet
from deformviz.analysis.key_sets_store import pack_key_sets
from deformviz.figures.theme import PETROFF_10, palette
from tests.app.canvas.canvas_page import (
    eventually,
    expect_status,
    last_view,
    load_canvas,
    press,
    settle,
    wait_for_report,
)
from tests.app.synthetic_trace import picture_jpeg

pytestmark = pytest.mark.browser
ROWS, COLUMNS = MAP_HW
QUERIES = ROWS * COLUMNS
NAMES = ("Dense (ViT)", "Grid (DAT)", "Window (Swin)", "Points (DETR)", "Taps (DCN)")
KEYS = (5, 2, 3, 1, 4)  # of each kind, all different


def key_sets_of_one_place():
    """Each kind reads a row of its own, to the right of the query; the second one is trained."""
    cells = np.arange(QUERIES)
    centres = np.stack([cells % COLUMNS + 0.5, cells // COLUMNS + 0.5], -1) / [COLUMNS, ROWS]
    sets = []
    for at, (name, count) in enumerate(zip(NAMES, KEYS, strict=True)):
        steps = np.stack([np.arange(count), np.full(count, at)], -1) / [COLUMNS, ROWS]
        weights = None
        if at == 1:
            weights = np.tile([0.75, 0.25], (QUERIES, 1)).astype(np.float32)
        sets.append(
            KeySet(
                name=name.partition(" ")[0].lower(),
                title=name,
                places_xy=(centres[:, None] + steps).astype(np.float32),
                heads=np.array([0] * count),
                weights=weights,
                per_head=count,
                cost=[1.0],
                honesty="made up, by a test",
            )
        )
    return sets


def packed_key_sets():
    return pack_key_sets(key_sets_of_one_place(), (150, 231))


@pytest.fixture(scope="module")
def tab(browser):
    context = browser.new_context(viewport={"width": 1100, "height": 900})
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    load_canvas(page, "keys", ("keys/drawing",))
    yield page
    context.close()


@pytest.fixture
def five(tab):
    tab.errors.clear()
    tab.mouse.move(0, 0)
    tab.evaluate("window.leave?.(); window.told = [];")
    blob = gzip.compress(packed_key_sets())
    tab.evaluate(
        "(data) => window.show(data)",
        {
            "trace": base64.b64encode(blob).decode(),
            "trace_url": "keys",
            "title": "Boxes",
            "picture_url": "data:image/jpeg;base64," + base64.b64encode(picture_jpeg()).decode(),
            "palette": palette(),
            "link": True,
            "view": {},
        },
    )
    tab.wait_for_function("document.querySelector('.dv')?.__explorer.redraws > 0")
    wait_for_report(tab)
    settle(tab)
    yield tab
    assert tab.errors == []


def panels(page):
    """Left, top, width and height of each picture on the stage, as the canvas lays them out."""
    return page.evaluate(
        """() => {
          const box = document.querySelector(".dv-stage").getBoundingClientRect();
          const sets = Array.from({length: 5}, () => ({}));
          const { panels } = code.KEYS_DRAWING.compose({layer: {sets}}, box.width, box.height);
          return panels.map((one) => [box.left + one.left, box.top + one.top, one.panelWidth,
                                      one.panelHeight]);
        }"""
    )


def point_at(page, panel, row, column):
    left, top, width, height = panels(page)[panel]
    page.mouse.move(left + (column + 0.5) / COLUMNS * width, top + (row + 0.5) / ROWS * height)
    settle(page)


def ink(page, panel, x, y):
    """Red, green, blue and alpha of the marks at a normalised place of one picture."""
    left, top, width, height = panels(page)[panel]
    return page.evaluate(
        """([x, y]) => {
          const canvas = document.querySelector(".dv-canvas-marks");
          const box = canvas.getBoundingClientRect();
          const scale = canvas.width / box.width;
          const at = [Math.round((x - box.left) * scale), Math.round((y - box.top) * scale)];
          return Array.from(canvas.getContext("2d").getImageData(...at, 1, 1).data);
        }""",
        [left + x * width, top + y * height],
    )


@pytest.mark.parametrize("pointed", range(5), ids=NAMES)
def test_pointing_at_a_place_asks_the_same_cell_on_every_picture(five, pointed):
    point_at(five, pointed, 3, 4)
    expect_status(five, re.compile("^row 3, column 4 "))
    x, y = (4 + 0.5) / COLUMNS, (3 + 0.5) / ROWS
    for panel, count in enumerate(KEYS):
        for key in range(count + 1):
            place = x + key / COLUMNS, y + panel / ROWS
            *colour, alpha = ink(five, panel, *place)
            read = key < count
            assert (alpha > 200) == read, f"{NAMES[panel]}, key {key}: {colour} {alpha}"
            if read and panel != 1:
                assert min(colour) > 240  # a white dot: may be read, whatever the weight


def test_trained_weights_are_discs_whose_areas_are_the_weights(five):
    point_at(five, 1, 2, 2)
    x, y = (2 + 0.5) / COLUMNS, (3 + 0.5) / ROWS
    colour = [int(PETROFF_10[0][at : at + 2], 16) for at in (1, 3, 5)]
    radii = []
    for key in range(2):
        left = 0
        assert ink(five, 1, x + key / COLUMNS, y)[:3] == pytest.approx(colour, abs=3)
        while ink(five, 1, x + key / COLUMNS, y + left / 400)[3] > 200:
            left += 1
        radii.append(left)
    assert radii[0] ** 2 / radii[1] ** 2 == pytest.approx(3, rel=0.35)


def test_a_click_holds_the_place_and_the_arrows_move_it(five):
    point_at(five, 2, 1, 1)
    left, top, width, height = panels(five)[2]
    five.mouse.click(left + 1.5 / COLUMNS * width, top + 1.5 / ROWS * height)
    assert last_view(five)["pinned"] and last_view(five)["query"] == COLUMNS + 1
    point_at(five, 0, 5, 5)
    expect_status(five, "row 1, column 1 ")
    press(five, "ArrowDown")
    eventually(five, lambda: last_view(five)["query"] == 2 * COLUMNS + 1)
    press(five, "?")
    expect(five.get_by_role("dialog")).to_contain_text("a place that trained weights read")
    five.keyboard.press("Escape")


def test_an_exported_picture_names_all_five(five):
    five.get_by_text("Export", exact=True).click()
    with five.expect_download() as waiting:
        five.get_by_role("button", name="SVG picture").click()
    text = waiting.value.path().read_text()
    assert all(name in text for name in NAMES)
    assert text.count("<circle") == sum(KEYS)


def test_a_second_query_is_left_behind_and_taken_away(five):
    point_at(five, 0, 2, 3)
    press(five, "o")
    left = 2 * COLUMNS + 3
    eventually(five, lambda: last_view(five)["other"] == left)
    assert last_view(five)["params"]["other"] == str(left)
    point_at(five, 0, 7, 5)
    expect_status(five, re.compile("^row 7, column 5 .*second query at row 2, column 3"))
    for panel, (_, _, width, _) in enumerate(panels(five)):
        x, y = (3 + 0.5) / COLUMNS, (2 + 0.5 + panel) / ROWS
        assert ink(five, panel, 3 / COLUMNS, (2 + 0.5) / ROWS)[2] > 120  # the blue cell's edge
        assert ink(five, panel, x, y)[3] == 0  # rings are hollow ..
        if panel != 1:  # .. and as wide as an untrained place and a margin
            assert ink(five, panel, x + 4.5 / width, y)[2] > 120
    button = five.get_by_role("button", name="Second query")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    eventually(five, lambda: last_view(five)["other"] is None)
    expect(button).to_have_attribute("aria-pressed", "false")
