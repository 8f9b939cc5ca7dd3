"""The built modules as a notebook and a plain page open them, and pages that need no server."""

import base64
import gzip
import re

import pytest
from playwright.sync_api import expect

from deformviz import bundles
from deformviz.figures.page import offline_page
from deformviz.figures.theme import palette
from deformviz.tracing.packing import unpack_layer
from tests.app.canvas.canvas_page import canvas_data, eventually, packed, settle
from tests.app.canvas.test_grid import grid_of
from tests.app.canvas.test_keys import packed_key_sets
from tests.app.synthetic_trace import picture_jpeg

pytestmark = pytest.mark.browser

# A model as anywidget gives one: bytes arrive as a DataView, changes are heard by name.
PAGE = """<!doctype html><meta charset="utf-8"><title>widget</title><main id="cell"></main>
<script type="module">
import widget from "/widget.js";
const view = (text) => new DataView(
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer);
const heard = {};
window.told = [];
let data;
const model = {
  get: (name) => (name === "data" ? data : undefined),
  set: (name, value) => window.told.push([name, value]),
  save_changes: () => window.told.push("saved"),
  on: (name, run) => { heard[name] = run; },
  off: (name) => { delete heard[name]; },
};
window.open_widget = (given) => {
  data = {...given, trace: view(given.trace)};
  window.leave = widget.render({ model, el: document.getElementById("cell") });
};
window.renew = (given) => {
  data = {...given, trace: view(given.trace)};
  heard["change:data"]();
};
window.heard = heard;
</script>"""


@pytest.fixture
def open_widget(page):
    """Opens the built module of a kind with a packed layer, as a cell of a notebook would."""

    def opened(kind, blob, **more):
        files = {
            "/": (PAGE, "text/html"),
            "/widget.js": (bundles.read(f"{kind}.js"), "text/javascript"),
        }

        def answer(route):
            path = route.request.url.removeprefix("http://notebook.localhost")
            body, media_type = files.get(path, ("", "text/plain"))
            route.fulfill(body=body, content_type=media_type)

        page.route("http://notebook.localhost/**", answer)
        page.goto("http://notebook.localhost/")
        page.add_style_tag(content=bundles.read(f"{kind}.css"))
        page.wait_for_function("Boolean(window.open_widget)")
        page.evaluate(
            "(data) => window.open_widget(data)", data_of(blob, words=bundles.words(kind), **more)
        )
        page.wait_for_function("document.querySelector('.dv')?.__explorer.redraws > 0")
        settle(page)
        return page

    return opened


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 900, "height": 900})
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def data_of(blob, **more):
    return canvas_data() | {
        "trace": base64.b64encode(blob).decode(),
        "palette": palette(5),
        "link": False,
        **more,
    }


EACH = pytest.mark.parametrize(
    ("kind", "blob", "words"),
    [
        ("sampling", lambda: packed("decoder.1"), "query 7 · house 0.91"),
        ("grid", grid_of, "3 × 5 knots"),
        ("keys", lambda: gzip.compress(packed_key_sets()), "keys of all heads"),
    ],
    ids=["sampling", "grid", "keys"],
)


@EACH
def test_a_notebook_shows_it_hears_of_a_choice_and_takes_it_away(open_widget, kind, blob, words):
    page = open_widget(kind, blob())
    expect(page.locator(".dv-status")).to_contain_text(words)
    expect(page.get_by_role("button", name="Copy link")).to_have_count(0)
    page.locator(".dv-stage").click(position={"x": 30, "y": 60})
    eventually(
        page,
        lambda: any(
            told[0] == "view" and told[1]["pinned"]
            for told in page.evaluate("window.told")
            if told != "saved"
        ),
    )
    assert "saved" in page.evaluate("window.told")
    page.evaluate("window.leave()")
    expect(page.locator(".dv")).to_have_count(0)
    assert page.evaluate("Object.keys(window.heard)") == []


def test_a_notebook_hands_in_another_layer(open_widget):
    page = open_widget("sampling", packed("decoder.1"), trace_url="one")
    words = bundles.words("sampling")
    renewed = data_of(packed("encoder.0"), trace_url="two", words=words)
    page.evaluate("(data) => window.renew(data)", renewed)
    expect(page.locator(".dv-status")).to_contain_text("level 1 · row")


@EACH
def test_every_kind_of_layer_becomes_a_page_without_a_server(page, tmp_path, kind, blob, words):
    path = tmp_path / "offline.html"
    path.write_text(offline_page(blob(), picture_jpeg(), title="Boxes"), encoding="utf-8")
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelector('.dv')?.__explorer.redraws > 0")
    expect(page.locator(".dv-status")).to_contain_text(words)
    assert [url for url in requests if not re.match("file:|data:|blob:", url)] == []


def test_a_page_with_unequal_levels_counts_its_points(page, tmp_path):
    from deformviz.tracing.packing import pack_layer
    from tests.app.synthetic_trace import HEADS, synthetic_trace, with_unequal_levels

    blob = pack_layer(with_unequal_levels(synthetic_trace(), "decoder.1", (1, 3, 2)), "decoder.1")
    assert unpack_layer(blob).weights.shape[1:] == (HEADS, 6)
    path = tmp_path / "offline.html"
    path.write_text(offline_page(blob, picture_jpeg()), encoding="utf-8")
    page.goto(path.as_uri())
    expect(page.locator(".dv-status")).to_contain_text(f"{HEADS * 6} points")
