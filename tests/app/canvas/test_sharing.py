"""Links, exports, small screens, dark mode, and people who do not use a mouse."""

import base64
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from deformviz import bundles
from deformviz.figures.page import offline_page
from deformviz.tracing.packing import unpack_layer
from tests.app.canvas.canvas_page import (
    click,
    eventually,
    expect_status,
    hover,
    last_view,
    load_canvas,
    open_canvas,
    packed,
    picture_of,
    press,
    settle,
    stage_point,
    status,
)
from tests.app.synthetic_trace import picture_jpeg

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def open_tab(browser):
    """Opens tabs with options of their own; their console must stay quiet."""
    contexts, errors = [], []

    def open_one(width=1000, height=640, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: said.type == "error" and errors.append(said.text))
        load_canvas(page, modules=("kit/view", "sampling/view"))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture(scope="module")
def tab(open_tab):
    return open_tab(accept_downloads=True)


# -- links ---------------------------------------------------------------------------------------


def test_the_address_restores_the_whole_view(tab):
    open_canvas(tab, "encoder.0")
    click(tab, 0.7, 0.6)
    press(tab, "1")
    press(tab, "m")
    tab.get_by_label("What the colour of a point shows").select_option("weight")
    tab.get_by_label("How many points, heaviest first").fill("9")
    view = last_view(tab)
    address = tab.evaluate(
        """(view) => { const layer = {samplesPerQuery: 36, levels: [0, 0, 0],
        header: {heads: 4, queries: 840, start_query: 0}};
        const from = "http://host/?picture=boats&q=3&dim=90";
        return code.viewAddress(from, view, layer, code.SAMPLING_VIEW); }""",
        view,
    )
    assert "picture=boats" in address and "dim=90" not in address
    settle(tab)
    before = picture_of(tab)
    parameters = dict(part.split("=") for part in address.partition("?")[2].split("&"))
    open_canvas(tab, "encoder.0", view={k: v.replace("%2C", ",") for k, v in parameters.items()})
    eventually(tab, lambda: picture_of(tab) == before)
    assert last_view(tab) == view


def test_a_reported_view_restores_itself(tab):
    open_canvas(tab, "decoder.1")
    press(tab, "Shift+2")
    view = last_view(tab)
    open_canvas(tab, "decoder.1", view=view)
    assert last_view(tab) == view


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"q": "840"}, 'The link\'s "q" was ignored: query 840 is not one of 0 to 839.'),
        ({"heads": "0,9"}, "head 9 is not one of 0 to 3"),
        ({"colour": "<script>"}, "colour <script> is unknown"),
        ({"at": "0.5"}, "is not x,y with both between 0 and 1"),
        ({"mass": "maybe"}, "maybe is neither 1 nor 0"),
        ({"top": "-3"}, "top -3 is not one of 0 to 36"),
    ],
)
def test_bad_values_fall_back_with_a_note(tab, wrong, words):
    open_canvas(tab, "encoder.0", view=wrong)
    expect(tab.locator(".dv-notice")).to_contain_text(words)
    view = last_view(tab)
    assert (view["heads"], view["colour"], view["lookup"], view["mass"]) == (
        [0, 1, 2, 3],
        "head",
        None,
        False,
    )


# -- exports -------------------------------------------------------------------------------------


def export(tab, name):
    tab.locator(".dv-menu summary").click()
    with tab.expect_download() as caught:
        tab.get_by_role("button", name=name).click()
    return caught.value


def test_png_has_a_size_of_its_own_and_room_for_legend_and_caption(tab):
    open_canvas(tab, "encoder.0")
    got = export(tab, "PNG picture")
    assert re.fullmatch(r"boxes-encoder-0-query-\d+\.png", got.suggested_filename)
    picture = Image.open(got.path()).convert("RGB")
    assert picture.width == 2000
    assert picture.height > 2000 * 150 / 231 + 120
    assert len(picture.getcolors(10**7)) > 200


def test_svg_says_what_it_shows_and_holds_names_as_text(tab):
    open_canvas(tab, "decoder.1")
    press(tab, "ArrowRight")
    text = export(tab, "SVG picture").path().read_text()
    assert text.startswith("<svg") and "random numbers" in text and "synthetic" in text
    assert "tree &lt;b&gt; 0.72" in text and "<b>" not in text
    assert text.count("<circle") + text.count("<polygon") > 36
    assert 'href="data:image/jpeg' in text
    assert set(re.findall(r"https?://[^/\"]+", text)) <= {"http://www.w3.org"}


def test_the_offline_page_opens_without_a_server_where_the_visitor_was(open_tab, tmp_path):
    view = {"query": 653, "pinned": True, "heads": [1], "levels": [0, 1, 2]}
    path = tmp_path / "offline.html"
    path.write_text(offline_page(packed("encoder.0"), picture_jpeg(), title="Boxes", view=view))
    page = open_tab()
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelector('.dv')?.__explorer.redraws > 0")
    expect_status(page, re.compile("level 1 · row 0, column 13 · head 1 · 9 points.*pinned"))
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    expect(page.get_by_role("button", name="Copy link")).to_have_count(0)


def test_a_saved_page_opens_with_the_view_it_was_saved_with(open_tab, tmp_path):
    def as_address(text):
        return "data:text/plain;base64," + base64.b64encode(text.encode()).decode()

    page = open_tab(accept_downloads=True)
    open_canvas(
        page,
        "decoder.1",
        source={
            "script": as_address(bundles.read("sampling.js")),
            "style": as_address(bundles.read("sampling.css")),
            "template": as_address(bundles.read(bundles.TEMPLATE)),
        },
    )
    press(page, "ArrowRight")
    press(page, "0")
    seen = status(page)
    saved = tmp_path / "saved.html"
    export(page, "Offline HTML of this layer").save_as(saved)
    page.goto(saved.as_uri())
    page.wait_for_function("document.querySelector('.dv')?.__explorer.redraws > 0")
    assert "tree <b>" in seen and "27 points" in seen
    expect_status(page, seen)


# -- screens -------------------------------------------------------------------------------------


def test_a_phone_scrolls_only_down(open_tab):
    page = open_tab(390, 844, has_touch=True, device_scale_factor=3)
    for layer in ("encoder.0", "decoder.1"):
        open_canvas(page, layer)
        press(page, "m")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    canvas = page.evaluate("document.querySelector('.dv-canvas-marks').width")
    assert canvas == pytest.approx(3 * page.locator(".dv-stage").bounding_box()["width"], abs=2)
    heights = page.locator(".dv-toolbar .dv-button:visible, .dv-chip").evaluate_all(
        "(nodes) => nodes.map((node) => node.offsetHeight)"
    )
    assert min(heights) >= 40


def test_a_tap_pins_and_the_page_may_still_scroll(open_tab):
    page = open_tab(390, 844, has_touch=True)
    open_canvas(page, "encoder.0")
    page.touchscreen.tap(*stage_point(page, 0.3, 0.6))
    expect_status(page, "pinned, the pointer")
    assert last_view(page)["pinned"]
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.dv-stage')).touchAction")
        == "pan-y"
    )


def test_the_picture_follows_the_size_of_the_window(tab):
    open_canvas(tab, "encoder.0")
    canvas, widths = tab.locator(".dv-canvas-marks"), []
    for width in (500, 1000):
        tab.set_viewport_size({"width": width, "height": 640})
        eventually(
            tab,
            lambda: (
                int(canvas.get_attribute("width"))
                == round(tab.locator(".dv-stage").bounding_box()["width"])
            ),
        )
        widths.append(int(canvas.get_attribute("width")))
    assert widths[0] < 500 < widths[1]


# -- accessibility -------------------------------------------------------------------------------


def test_every_control_has_a_name(tab):
    for layer in ("encoder.0", "decoder.1"):
        open_canvas(tab, layer)
        nameless = tab.locator("button, select, input, summary, [role]").evaluate_all(
            """(nodes) => nodes.filter((node) => !(node.textContent.trim()
                || node.getAttribute("aria-label") || node.labels?.[0]?.textContent.trim()
                || node.getAttribute("role") === "status")).map((node) => node.outerHTML)"""
        )
        assert nameless == []
    expect(tab.get_by_role("application")).to_have_attribute(
        "aria-label", re.compile("Boxes.*Arrow keys")
    )


def test_keys_are_spoken_and_hover_is_not(tab):
    open_canvas(tab, "encoder.0")
    spoken = tab.locator(".dv-live[aria-live=polite]")
    hover(tab, 0.2, 0.3)
    assert spoken.inner_text() == ""
    press(tab, "ArrowRight")
    expect(spoken).to_have_text(re.compile("^level "))


def test_the_table_tells_the_same_and_sorts(tab):
    open_canvas(tab, "encoder.0", view={"q": "700", "pin": "1"})
    tab.locator(".dv-table summary").click()
    rows = tab.locator(".dv-table tbody tr")
    expect(rows).to_have_count(36)
    weights = unpack_layer(packed("encoder.0")).weights[700]
    first = rows.first.inner_text().split()
    assert float(first[3]) == pytest.approx(float(weights.max()), abs=1e-4)
    tab.locator(".dv-table").get_by_role("button", name="level").click()
    expect(tab.locator(".dv-table th[aria-sort=ascending]")).to_have_text("level")
    levels = [int(text.split()[1]) for text in rows.all_inner_texts()]
    assert levels == sorted(levels)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background(open_tab, scheme, tmp_path):
    path = tmp_path / "offline.html"
    path.write_text(offline_page(packed("encoder.0"), picture_jpeg()))
    page = open_tab(color_scheme=scheme)
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelector('.dv')?.__explorer.redraws > 0")
    press(page, "1")  # a struck-out chip counts too
    weak = page.evaluate(WEAK_TEXT)
    assert weak == []


# WCAG 2 contrast of every text with the nearest opaque background; below 4.5 is reported.
WEAK_TEXT = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (css) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = css;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const background = (node) => {
    for (; node; node = node.parentElement) {
      const colour = rgba(getComputedStyle(node).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return [255, 255, 255];
  };
  const contrast = (node) => {
    const a = light(rgba(getComputedStyle(node).color));
    const b = light(background(node));
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  return Array.from(document.querySelectorAll(".dv *"))
    .filter((node) => node.offsetParent && Array.from(node.childNodes)
      .some((child) => child.nodeType === 3 && child.textContent.trim()))
    .filter((node) => contrast(node) < 4.5)
    .map((node) => [contrast(node), node.className, node.textContent]);
}"""
