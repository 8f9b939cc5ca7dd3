"""Opens a canvas in a browser without Streamlit, and notes what it would tell Python."""

import base64
import json
import time
from functools import cache
from pathlib import Path

from playwright.sync_api import expect

from deformviz import bundles
from deformviz.figures.theme import palette
from deformviz.tracing.packing import compress, pack_layer, unpack_layer
from tests.app.synthetic_trace import picture_jpeg, synthetic_trace

SCRIPTS = Path(__file__).parents[3] / "app" / "canvas"
ORIGIN = "http://canvas.localhost"  # answered here; browsers trust it as they trust https

# Mounts the built canvas as Streamlit would. `code` holds names of single modules, as they are
# written: what the built file contains is the same code without names.
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>canvas</title>
<link rel="stylesheet" href="/built/{{kind}}.css"><body class="dv-page"><main id="explorer"></main>
<script type="module">
import { streamlit } from "/built/{{kind}}.js";
{{imports}}
window.told = [];
const words = {{words}};
const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer;
const parent = document.getElementById("explorer");
window.show = (data) => {
  window.leave = streamlit({
    data: {words, ...data, trace: data.trace && bytes(data.trace)}, parentElement: parent,
    setStateValue: (name, value) => window.told.push([name, value]),
    setTriggerValue: (name, value) => window.told.push([name, value]),
  });
};
window.code = {bytes, ...{{names}}};
</script></html>"""


@cache
def packed(layer):
    return compress(
        pack_layer(
            synthetic_trace(), layer, model_label="synthetic", honesty_label="random numbers"
        )
    )


def canvas_data(layer="encoder.0", **data):
    """What the page would send for one layer of the synthetic trace."""
    blob = packed(layer)
    return {
        "trace": base64.b64encode(blob).decode(),
        "trace_url": layer,
        "title": "Boxes",
        "picture_url": "data:image/jpeg;base64," + base64.b64encode(picture_jpeg()).decode(),
        "palette": palette(len(unpack_layer(blob).header["levels"])),
        "link": True,
        **data,
    }


def answer(route):
    """What the origin of these pages has: built files, and modules as they are written."""
    _, _, path = route.request.url.removeprefix(ORIGIN).partition("/")
    folder, _, name = path.partition("?")[0].partition("/")
    if not name.endswith((".js", ".css")):
        route.fulfill(status=404)
        return
    text = bundles.read(name) if folder == "built" else (SCRIPTS / path).read_text("utf-8")
    kind = "text/css" if name.endswith(".css") else "text/javascript"
    route.fulfill(body=text, content_type=kind)


def load_canvas(page, kind="sampling", modules=()):
    """Load the script of a canvas; `open_canvas` mounts it, `code` has the names of `modules`."""
    names = [f"m{at}" for at in range(len(modules))]
    imports = [
        f'import * as {name} from "/{module}.js";'
        for name, module in zip(names, modules, strict=True)
    ]
    parts = {
        "kind": kind,
        "words": json.dumps(bundles.words(kind)),
        "imports": "\n".join(imports),
        "names": "{" + ", ".join(f"...{name}" for name in names) + "}",
    }
    html = PAGE
    for name, text in parts.items():
        html = html.replace("{{" + name + "}}", text)
    page.route(f"{ORIGIN}/**", answer)
    page.route(f"{ORIGIN}/", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(f"{ORIGIN}/")
    page.wait_for_function("window.code")


def open_canvas(page, layer="encoder.0", **data):
    """Mount afresh and show a layer; returns when it is drawn."""
    page.mouse.move(0, 0)
    page.evaluate("window.leave?.(); window.told = [];")
    show(page, layer, **data)
    page.wait_for_function("document.querySelector('.dv')?.__explorer.redraws > 0")
    wait_for_report(page)
    settle(page)


def show(page, layer, **data):
    """What a rerun of the page does: hand over data, of another layer perhaps."""
    page.evaluate("(data) => window.show(data)", canvas_data(layer, **data))


def settle(page):
    """Wait until everything asked for is drawn."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def wait_for_report(page):
    """Wait until Python was told of the last change: reports bundle those of a quarter second."""
    page.wait_for_function("document.querySelector('.dv').__explorer.reporting === false")


def eventually(page, holds, patience_s=30):
    """Assert that something becomes true: a busy machine may take its time."""
    deadline = time.monotonic() + patience_s
    while not holds() and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert holds()


def expect_pressed(page, name, pressed=True):
    button = page.get_by_role("button", name=name, exact=True)
    expect(button).to_have_attribute("aria-pressed", "true" if pressed else "false")


def expect_status(page, words):
    """The line under the picture comes to hold these words (a string, or a pattern)."""
    expect(page.locator(".dv-status")).to_contain_text(words)


def counters(page):
    return page.locator(".dv").evaluate("(root) => root.__explorer")


def stage_point(page, share_x, share_y):
    """A place of the picture in pixels of the window."""
    box = page.locator(".dv-stage").bounding_box()
    return box["x"] + box["width"] * share_x, box["y"] + box["height"] * share_y


def hover(page, share_x, share_y):
    page.mouse.move(*stage_point(page, share_x, share_y))
    settle(page)


def click(page, share_x, share_y):
    page.mouse.click(*stage_point(page, share_x, share_y))
    settle(page)


def press(page, key):
    page.locator(".dv-stage").focus()
    page.keyboard.press(key)
    settle(page)


def last_view(page):
    """The view the component told last."""
    wait_for_report(page)
    views = [value for name, value in page.evaluate("window.told") if name == "view"]
    return views[-1] if views else None


def pixels_of(page, colour, surface="marks"):
    """How many pixels of a canvas have exactly this colour."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return page.evaluate(
        """([surface, r, g, b]) => {
          const canvas = document.querySelector(`.dv-canvas-${surface}`);
          const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const pixels = new Uint32Array(data.buffer);
          const wanted = new Uint32Array(new Uint8Array([r, g, b, 255]).buffer)[0];
          return pixels.reduce((count, pixel) => count + (pixel === wanted), 0);
        }""",
        [surface, red, green, blue],
    )


def picture_of(page, surface="marks"):
    """A canvas as text, to see whether it changed."""
    return page.locator(f".dv-canvas-{surface}").evaluate("(canvas) => canvas.toDataURL()")


def status(page):
    return page.locator(".dv-status").inner_text()
