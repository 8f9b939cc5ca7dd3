"""Two pictures beside each other, and a map of heads: who is pointed at leads."""

import base64
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from deformviz import bundles
from deformviz.geometry import normalised_to_original
from tests.app.canvas.canvas_page import (
    canvas_data,
    eventually,
    last_view,
    load_canvas,
    open_canvas,
    packed,
    settle,
)
from tests.app.synthetic_trace import FRAME, synthetic_trace

pytestmark = pytest.mark.browser
PAIR = "two"
MOUNT = """async ([kind, data]) => {
  const { streamlit } = await import(`/built/${kind}.js`);
  const parentElement = document.createElement("section");
  parentElement.id = "second";
  document.body.append(parentElement);
  const told = (name, value) => window.told.push([`second ${name}`, value]);
  const trace = data.trace && code.bytes(data.trace);
  const leave = streamlit({
    data: { ...data, trace }, parentElement, setStateValue: told, setTriggerValue: told,
  });
  window.leaveSecond = () => { leave(); parentElement.remove(); };
}"""


@pytest.fixture(scope="module")
def tab(browser):
    context = browser.new_context(viewport={"width": 900, "height": 1500})
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    load_canvas(page)
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def beside(tab):
    """Opens a first and a second picture; the second goes with the test."""

    def open_both(first, second, relation="layer", **view):
        open_canvas(tab, first, view=view, view_id=str(view), pair={"name": PAIR})
        data = canvas_data(
            second, view_id="1", pair={"name": PAIR, "second": True, "relation": relation}
        )
        tab.evaluate(MOUNT, ["sampling", data | {"words": bundles.words("sampling")}])
        expect(tab.locator("#second .dv-difference")).to_be_visible()
        settle(tab)

    yield open_both
    tab.evaluate("window.leaveSecond?.(); window.leaveSecond = undefined;")


def second_status(tab):
    return tab.locator("#second .dv-status")


def on_second(tab, share_x, share_y):
    box = tab.locator("#second .dv-stage").bounding_box()
    return box["x"] + box["width"] * share_x, box["y"] + box["height"] * share_y


def first_words(tab):
    """The cell on show: "level 1 · row 6, column 11"."""
    return " · ".join(tab.locator("#explorer .dv-status").inner_text().split(" · ")[:2])


def test_pointing_at_one_asks_the_other(tab, beside):
    beside("encoder.0", "encoder.1")
    hover_first(tab, 0.3, 0.4)
    cell = first_words(tab)
    expect(second_status(tab)).to_contain_text(cell)
    tab.mouse.move(*on_second(tab, 0.8, 0.7))
    expect(tab.locator("#explorer .dv-status")).not_to_contain_text(cell)
    expect(second_status(tab)).to_contain_text(first_words(tab))


def hover_first(tab, share_x, share_y):
    box = tab.locator("#explorer .dv-stage").bounding_box()
    tab.mouse.move(box["x"] + box["width"] * share_x, box["y"] + box["height"] * share_y)
    settle(tab)


def test_a_query_pinned_on_the_second_is_in_the_address_of_the_first(tab, beside):
    beside("decoder.0", "decoder.1", q="7", pin="1")
    tab.mouse.click(*on_second(tab, 0.65, 0.45))  # in the tree
    eventually(tab, lambda: (last_view(tab) or {}).get("query") == 2)
    assert last_view(tab)["params"]["q"] == "2"
    told = tab.evaluate("window.told.map(([name]) => name)")
    assert "second view" not in told


def test_heads_and_size_are_those_of_the_first(tab, beside):
    beside("decoder.0", "decoder.1", q="7", pin="1", heads="2", zoom="2")
    expect(second_status(tab)).to_contain_text("head 2")
    views = "[...document.querySelectorAll('.dv-stage')].length"
    assert tab.evaluate(views) == 2
    sizes = tab.evaluate(
        "[...document.querySelectorAll('.dv-stage')].map((s) => s.getBoundingClientRect().width)"
    )
    assert sizes[0] == pytest.approx(sizes[1], abs=1)


def test_the_numbers_are_those_of_the_traces(tab, beside):
    beside("encoder.0", "encoder.1", q="100", pin="1")
    trace = synthetic_trace()
    to_original = normalised_to_original(FRAME)
    at = [
        np.asarray(to_original(np.asarray(trace[name].sampling_locations, float)[100]))
        for name in ("encoder.0", "encoder.1")
    ]
    moved = np.linalg.norm(at[1] - at[0], axis=-1)
    median = np.median(moved)
    said = f"{median:.1f}" if median < 10 else f"{median:.0f}"
    points = tab.locator("#second .dv-difference-points dd")
    expect(points).to_contain_text(f"moved {said} px (median of 36)")
    head, level, point = np.unravel_index(moved.argmax(), moved.shape)
    expect(points).to_contain_text(f"head {head}, level {level}, point {point}")
    weights = [
        np.asarray(trace[name].attention_weights)[100] for name in ("encoder.0", "encoder.1")
    ]
    share = round(100 * np.abs(weights[1] - weights[0]).sum() / 2 / len(weights[0]))
    expect(tab.locator("#second .dv-difference-weights dd")).to_have_text(re.compile(f"^{share} %"))
    expect(tab.locator("#second .dv-difference-box")).to_be_hidden()


def test_what_moved_can_be_put_away_and_the_link_says_so(tab, beside):
    beside("encoder.0", "encoder.1", q="100", pin="1")
    button = tab.get_by_role("button", name="Show what moved")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    eventually(tab, lambda: (last_view(tab) or {}).get("params", {}).get("moved") == "0")


def test_the_first_has_its_own_room_again_when_the_second_leaves(tab, beside):
    beside("encoder.0", "encoder.1")
    expect(tab.locator("#explorer .dv")).to_have_class(re.compile("dv-paired"))
    tab.evaluate("window.leaveSecond(); window.leaveSecond = undefined;")
    expect(tab.locator("#explorer .dv")).not_to_have_class(re.compile("dv-paired"))


# -- the map of heads ------------------------------------------------------------------------------


@pytest.fixture
def map_of_heads(tab):
    open_canvas(tab, "encoder.0", view={"q": "100", "pin": "1"}, view_id="m", pair={"name": PAIR})
    layers = [
        {
            "name": name,
            "title": name.replace(".", " "),
            "url": "data:;base64," + base64.b64encode(packed(name)).decode(),
        }
        for name in ("encoder.0", "encoder.1", "decoder.1")
    ]
    data = canvas_data() | {"layers": layers, "pair": PAIR, "words": bundles.words("heads")}
    tab.evaluate(MOUNT, ["heads", {**data, "trace": None}])
    yield tab.locator("#second")
    tab.evaluate("window.leaveSecond?.(); window.leaveSecond = undefined;")


def drawn(cell):
    return cell.locator("canvas").evaluate("(canvas) => canvas.toDataURL()")


def test_every_head_of_every_layer_has_a_picture_that_follows_the_query(tab, map_of_heads):
    cells = map_of_heads.get_by_role("button", name=re.compile(r"^(en|de)coder \d, head \d"))
    expect(cells).to_have_count(3 * 4)
    reads = re.compile(r"encoder 1, head 2: reads \d+ px from its query")
    cell = map_of_heads.get_by_role("button", name=reads)
    before = drawn(cell)
    click_first(tab, 0.8, 0.8)
    eventually(tab, lambda: drawn(cell) != before)
    map_of_heads.get_by_role("button", name="Average", exact=True).click()
    expect(
        map_of_heads.get_by_role("button", name=re.compile("all queries on average"))
    ).to_have_count(12)


def click_first(tab, share_x, share_y):
    box = tab.locator("#explorer .dv-stage").bounding_box()
    tab.mouse.click(box["x"] + box["width"] * share_x, box["y"] + box["height"] * share_y)
    settle(tab)


def test_a_press_shows_that_head_alone_and_asks_for_its_layer(tab, map_of_heads):
    map_of_heads.get_by_role("button", name=re.compile("^decoder 1, head 3")).click()
    eventually(tab, lambda: (last_view(tab) or {}).get("heads") == [3])
    assert ["second layer", "decoder.1"] in tab.evaluate("window.told")
    assert last_view(tab)["levels"] == [0, 1, 2] and last_view(tab)["top"] == 0
    map_of_heads.get_by_role("button", name=re.compile("^encoder 0, head 1")).click()
    eventually(tab, lambda: (last_view(tab) or {}).get("heads") == [1])
    asked = [value for name, value in tab.evaluate("window.told") if name == "second layer"]
    assert asked == ["decoder.1"]  # it is on show already
