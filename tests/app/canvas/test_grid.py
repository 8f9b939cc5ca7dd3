"""The grid canvas in Chromium: numbers of the library, knots that follow pointer and slider."""

import base64
import re

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from deformviz.analysis.grid import knot_importance, mask_share
from deformviz.attention.dat import DATAttention
from deformviz.figures.theme import palette
from deformviz.geometry import grid_to_normalised
from deformviz.schema import ImageFrame, Trace
from deformviz.tracing.packing import compress
from deformviz.tracing.packing_grid import pack_grid, unpack_grid
from tests.app.canvas.canvas_page import (
    click,
    eventually,
    expect_status,
    hover,
    last_view,
    load_canvas,
    picture_of,
    press,
    settle,
    wait_for_report,
)
from tests.app.synthetic_trace import picture_jpeg

pytestmark = pytest.mark.browser
MODULES = ("grid/decode", "grid/knots_csv", "kit/packed")


def grid_of(version="v1"):
    """A layer whose map, grid, heads and groups all differ in size; a mask of one corner."""
    torch.manual_seed(5)
    layer = DATAttention(
        12, 6, 3, (6, 10), version=version, stride=2, offset_kernel=5, offset_range_factor=2.0
    )
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.4 * torch.randn(parameter.shape))
        _, record = layer.eval()(torch.randn(1, 12, 6, 10))
    frame = ImageFrame(original_hw=(60, 80), resized_hw=(48, 64), padded_hw=(48, 80))
    mask = np.zeros((24, 40), bool)
    mask[8:20, 6:24] = True
    trace = Trace({"stages.0.attns.1": record.image(0)}, frame, logits=torch.tensor([0.1, 2.0]))
    return compress(
        pack_grid(
            trace,
            "stages.0.attns.1",
            class_names=("cat", "boat"),
            mask=mask,
            surface=layer.bias_surface(),
        )
    )


@pytest.fixture(scope="module")
def packed():
    return grid_of()


@pytest.fixture(scope="module")
def tab(browser):
    context = browser.new_context(viewport={"width": 1000, "height": 640})
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    load_canvas(page, "grid", MODULES)
    yield page
    context.close()


@pytest.fixture
def grid(tab, packed):
    tab.errors.clear()
    show(tab, packed)
    yield tab
    assert tab.errors == []


def show(page, blob, **data):
    page.mouse.move(0, 0)
    page.evaluate("window.leave?.(); window.told = [];")
    page.evaluate(
        "(data) => window.show(data)",
        {
            "trace": base64.b64encode(blob).decode(),
            "trace_url": "grid",
            "title": "Noise",
            "picture_url": "data:image/jpeg;base64," + base64.b64encode(picture_jpeg()).decode(),
            "palette": palette(),
            "link": True,
            **data,
        },
    )
    page.wait_for_function("document.querySelector('.dv')?.__explorer.redraws > 0")
    wait_for_report(page)
    settle(page)


def in_browser(page, blob, code):
    """What an expression over `layer` gives in the browser."""
    return page.evaluate(
        "async ([blob, expression]) => { const layer = window.code.decodeGrid("
        "await window.code.unzipped(window.code.bytes(blob))); return eval(expression); }",
        [base64.b64encode(blob).decode(), code],
    )


@pytest.mark.parametrize("version", ["v1", "++"])
def test_knots_are_drawn_where_the_layer_reads_them(tab, version):
    blob = grid_of(version)
    trace = unpack_grid(blob).trace
    for share, grid in (
        (0, trace.reference_grid),
        (1, trace.positions),
        (0.25, 0.75 * trace.reference_grid + 0.25 * trace.positions),
    ):
        drawn = in_browser(
            tab,
            blob,
            "[0, 1, 2].map((group) => Array.from({length: 15}, "
            f"(_, knot) => layer.place(group, knot, {share})))",
        )
        np.testing.assert_allclose(drawn, grid_to_normalised(grid, trace.query_hw), atol=1e-6)


def test_the_surface_passes_through_the_bias_of_every_knot(tab, packed):
    trace = unpack_grid(packed).trace
    read = in_browser(
        tab,
        packed,
        "Array.from({length: 15}, (_, knot) => layer.surfaceAt(37, layer.place(1, knot, 1), [3]))",
    )
    np.testing.assert_allclose(read, trace.position_bias[3, 37], atol=1e-4)


def test_importance_and_share_of_the_object_are_those_of_the_library(tab, packed):
    kept = unpack_grid(packed)
    mean = in_browser(tab, packed, "[0, 4].map((head) => Array.from(layer.importance(head)))")
    np.testing.assert_allclose(mean, knot_importance(kept.trace)[[0, 4]], atol=1e-6)
    share = in_browser(
        tab,
        packed,
        "layer.objectShare(layer.weighted(0, {heads: [0, 1, 2, 3, 4, 5], importance: true}))",
    )
    assert share == pytest.approx(mask_share(kept.trace, kept.mask).weighted, abs=1e-4)
    assert 0.05 < share < 0.95


def test_the_slider_moves_the_grid_and_tells_nothing_until_it_is_let_go(grid):
    deformed, told = picture_of(grid), len(grid.evaluate("window.told"))
    slider = grid.get_by_label("Move the grid from its reference to where it is read")
    slider.evaluate("(input) => { input.value = 40; input.dispatchEvent(new Event('input')); }")
    eventually(grid, lambda: picture_of(grid) != deformed)
    part = picture_of(grid)
    slider.evaluate("(input) => { input.value = 0; input.dispatchEvent(new Event('input')); }")
    eventually(grid, lambda: picture_of(grid) not in (deformed, part))
    grid.wait_for_timeout(350)  # longer than reports wait for another change
    assert len(grid.evaluate("window.told")) == told
    slider.evaluate("(input) => input.dispatchEvent(new Event('change'))")
    assert last_view(grid)["slide"] == 0 and last_view(grid)["params"]["slide"] == "0"


def test_hover_asks_for_another_query_and_stays_in_the_browser(grid):
    told, before = len(grid.evaluate("window.told")), picture_of(grid)
    hover(grid, 0.05, 0.05)
    expect_status(grid, re.compile("^row 0, column 0 · 3 × 5 knots"))
    eventually(grid, lambda: picture_of(grid) != before)
    hover(grid, 0.97, 0.97)
    expect_status(grid, re.compile("^row 5, column 7 "))  # of 10 columns 8 show the picture
    assert len(grid.evaluate("window.told")) == told


def test_pointer_to_picture_takes_less_than_a_frame_or_two(grid):
    for step in range(30):
        hover(grid, 0.1 + 0.025 * step, 0.5)
    times = grid.locator(".dv").evaluate("(root) => root.__explorer.drawMs.slice(-30)")
    assert np.median(times) < 16


def test_a_click_pins_and_keys_do_what_help_says(grid):
    click(grid, 0.5, 0.5)
    assert last_view(grid)["pinned"] is True
    query = last_view(grid)["query"]
    press(grid, "ArrowRight")
    assert last_view(grid)["query"] == query + 1
    press(grid, "s")
    assert last_view(grid)["split"] is True
    press(grid, "b")
    assert last_view(grid)["surface"] is True
    press(grid, "g")
    groups = {head // 2 for head in last_view(grid)["heads"]}
    assert len(groups) in (1, 3)
    press(grid, "Escape")
    view = last_view(grid)
    assert (view["pinned"], view["split"], view["surface"]) == (False, False, False)
    press(grid, "?")
    expect(grid.get_by_text("regular and deformed grid side by side")).to_be_visible()
    grid.keyboard.press("Escape")


def test_side_by_side_shows_the_regular_grid_first_and_both_answer(grid):
    press(grid, "s")
    hover(grid, 0.02, 0.05)
    expect_status(grid, re.compile("^row 0, column 0"))
    hover(grid, 0.97, 0.97)
    expect_status(grid, re.compile("^row 5, column 7 "))
    hover(grid, 0.53, 0.05)
    expect_status(grid, re.compile("^row 0, column 0"))


def test_side_by_side_never_begins_with_two_regular_grids(tab, packed):
    show(tab, packed, view={"slide": "0"}, view_id="regular")
    assert last_view(tab)["slide"] == 0
    press(tab, "s")
    assert (last_view(tab)["split"], last_view(tab)["slide"]) == (True, 1)


def test_a_link_restores_the_view_and_says_what_it_cannot(tab, packed):
    wanted = {
        "q": "13",
        "pin": "1",
        "heads": "2,5",
        "slide": "0.35",
        "all": "0",
        "split": "1",
        "bias": "1",
        "top": "3",
        "object": "1",
    }
    show(tab, packed, view=wanted, view_id="a")
    params = last_view(tab)["params"]
    assert {k: v for k, v in wanted.items() if k != "all"} == {
        k: params[k] for k in wanted if k != "all"
    }
    show(tab, packed, view={"q": "600", "heads": "9"}, view_id="b")
    expect(tab.locator(".dv-notice")).to_contain_text('"q" was ignored')
    expect(tab.locator(".dv-notice")).to_contain_text('"heads" was ignored')


def test_the_csv_holds_every_shown_knot_with_the_librarys_numbers(tab, packed):
    lines = in_browser(
        tab,
        packed,
        "[code.KNOT_COLUMNS, ...code.knotRows({layer, query: 21, view: {heads: [5]}})]",
    )
    header, *rows = [line.split(",") for line in lines]
    trace = unpack_grid(packed).trace
    assert len(rows) == 15 and len(header) == len(rows[0]) == 14
    for row in rows:
        knot = int(row[3]) * 5 + int(row[4])
        assert float(row[11]) == pytest.approx(trace.attention_weights[5, 21, knot], abs=1e-5)
        assert float(row[12]) == pytest.approx(trace.position_bias[5, 21, knot], abs=1e-4)


def test_a_phone_sees_all_of_it(tab, packed):
    tab.set_viewport_size({"width": 390, "height": 844})
    try:
        show(tab, packed)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        stage = tab.locator(".dv-stage").bounding_box()
        assert stage["width"] > 320 and stage["y"] < 200
        press(tab, "s")  # one over the other
        tab.wait_for_function("""() => { const box = document.querySelector(".dv-stage")
            .getBoundingClientRect(); return box.height > box.width; }""")
    finally:
        tab.set_viewport_size({"width": 1000, "height": 640})


@pytest.mark.slow
def test_an_exported_picture_says_what_it_shows(grid):
    for kind, start in (("SVG picture", b"<svg"), ("PNG picture", b"\x89PNG")):
        grid.get_by_text("Export", exact=True).click()
        with grid.expect_download() as waiting:
            grid.get_by_role("button", name=kind).click()
        content = open(waiting.value.path(), "rb").read()
        assert content.startswith(start)
        if kind == "SVG picture":
            text = content.decode()
            assert "Mesh: deformed grid" in text and "stages.0.attns.1" in text
            assert text.count("<circle") >= 2 * 15  # two heads of one group
