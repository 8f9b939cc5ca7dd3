"""Draws the recorded views in Chromium, and keeps what was drawn.

`python -m tests.drawing.record` writes `recordings/<kind>.json.xz` anew; do it on purpose only: the
recordings are the drawing as it was, and `differences.toml` has to say what a new one changes.
"""

from __future__ import annotations

import gzip
import json
import lzma
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from deformviz.tracing.packing import pack_layer
from tests.app.synthetic_trace import picture_jpeg, synthetic_trace
from tests.drawing import canvases
from tests.drawing.oracle.atlas import SUBJECTS
from tests.drawing.oracle.dense import dense_subjects
from tests.drawing.views import VIEWS, View

HERE = Path(__file__).parent
RECORDINGS = HERE / "recordings"
ASSETS = HERE.parents[1] / "deformviz" / "assets"
ORIGIN = "http://drawing.test"
PAGE = """<!doctype html><meta charset="utf-8"><title>drawing</title>
<style>body { margin: 0 } {{style}}</style>
<script>{{recorder}}</script><div id="host" style="width: {{width}}px"></div>"""
QUIET_MS, PATIENCE_MS = 120, 20_000
SETTLED_MS = 600  # sampling mass comes in slices
ITERATIONS = [0, 100, 1000, 13000]
SNAPSHOTS = {  # pictures of one size stand for snapshots of one picture
    "sampling": (
        "traces",
        ["garden", "dream", "night-city", "rainy-day"],
        ["encoder.1", "decoder.2"],
    ),
    "grid": (
        "grids",
        ["single-bird", "single-cat", "single-boat", "single-fish"],
        ["stages.2.attns.0"],
    ),
}


def read(kind: str) -> dict[str, dict[str, str]]:
    """What was drawn of each view of a kind, by surface."""
    return json.loads(lzma.decompress((RECORDINGS / f"{kind}.json.xz").read_bytes()))


def write(kind: str, drawn: dict[str, dict[str, str]]) -> None:
    text = json.dumps(drawn, indent=0, sort_keys=True)
    (RECORDINGS / f"{kind}.json.xz").write_bytes(lzma.compress(text.encode(), preset=9))


HANDED: dict[str, bytes] = {}  # further layers and pictures by address, of a test's own


# -- what the canvases are given -----------------------------------------------------------------


def packed(address: str) -> bytes:
    """A packed layer by its place: "traces/garden/encoder.1", or "synthetic/encoder.0"."""
    if address in HANDED:
        return HANDED[address]
    folder, _, layer = address.rpartition("/")
    if folder == "dense":
        return next(one.packed for one in dense_subjects() if one.layer == layer)
    if folder == "atlas":
        return SUBJECTS[layer].packed
    if folder == "synthetic":
        return pack_layer(
            synthetic_trace(), layer, model_label="synthetic", honesty_label="random numbers"
        )
    return gzip.decompress((ASSETS / folder / f"{layer}.bin.gz").read_bytes())


def picture(folder: str) -> bytes:
    if folder in HANDED:
        return HANDED[folder]
    return (
        picture_jpeg()
        if folder in ("synthetic", "dense")
        else (ASSETS / folder / "picture.jpg").read_bytes()
    )


@cache
def lessons() -> dict[str, Any]:
    """Steps and pictures of the equations, as the page was given them for a trained model."""
    return json.loads(lzma.decompress((RECORDINGS / "lessons.json.xz").read_bytes()))


def header(blob: bytes) -> dict[str, Any]:
    length = int.from_bytes(blob[:4], "little")
    return json.loads(blob[4 : 4 + length])


def manifest(drawing: str) -> dict[str, Any]:
    """A recorded run: the layers of four pictures in the place of four snapshots."""
    folder, pictures, layers = SNAPSHOTS[drawing]
    first = header(packed(f"{folder}/{pictures[0]}/{layers[0]}"))
    meta = json.loads((ASSETS / folder / pictures[-1] / "meta.json").read_text())
    curves = json.loads((ASSETS / "runs" / "detector" / "curves.json").read_text())
    detections = meta["detections"][:3] if drawing == "sampling" else []
    return {
        "name": "run",
        "title": "Recorded run",
        "growing": False,
        "version": "1",
        "coming": [],
        "kind": "detector" if drawing == "sampling" else "dat",
        "address": f"/run/{drawing}",
        "iterations": ITERATIONS,
        "layers": layers,
        "layer_titles": {name: name for name in layers},
        "heads": first["heads"],
        "levels": len(first["levels"]),
        "objects": detections,
        "matches": {at: [3 + i, 12 - i, 20 + i] for i, at in enumerate(ITERATIONS)},
        "curves": curves if drawing == "sampling" else None,
        "loss": [ITERATIONS, [9.5, 4.25, 2.5, 1.75]],
    }


def given(view: View) -> dict[str, Any]:
    """The data that Python would hand to the canvas."""
    if view.kind == "equations":
        return {"lesson": lessons()[view.asset], "step": ""}
    if view.kind == "replay":
        return {
            "manifests": [f"/run/{view.asset}/manifest.json"],
            "pictures": [f"/run/{view.asset}/picture.jpg"],
            "drawing": view.asset,
        }
    folder = view.asset.rpartition("/")[0]
    return {
        "trace_url": f"/packed/{view.asset}",
        "picture_url": "" if view.kind == "atlas" else f"/picture/{folder}.jpg",
        "view": view.view,
        "link": True,
    }


def answer(path: str) -> tuple[bytes, str]:
    """What the bare server of a recording says to an address."""
    room, _, rest = path.strip("/").partition("/")
    if room == "packed":
        return packed(rest), "application/octet-stream"
    if room == "picture":
        return picture(rest.removesuffix(".jpg")), "image/jpeg"
    if room == "run":
        drawing, name = rest.split("/", 1)
        folder, pictures, _ = SNAPSHOTS[drawing]
        if name == "manifest.json":
            return json.dumps(manifest(drawing)).encode(), "application/json"
        if name == "picture.jpg":
            return picture(f"{folder}/{pictures[-1]}"), "image/jpeg"
        iteration, layer = name.removesuffix(".bin").split("/")
        shown = pictures[ITERATIONS.index(int(iteration))]
        return packed(f"{folder}/{shown}/{layer}"), "application/octet-stream"
    if path == "/picture.jpg":  # of the lessons
        return picture("traces/balloons-tall"), "image/jpeg"
    if room.endswith(".js"):
        return canvases.script(room.removesuffix(".js")).encode(), "text/javascript"
    return b"", "text/plain"


# -- drawing -------------------------------------------------------------------------------------


@contextmanager
def opened(browser, view: View) -> Iterator[Any]:
    """A page on which the view is drawn and done, its errors in `page.errors`."""
    context = browser.new_context(
        viewport={"width": max(600, view.width_px), "height": 900},
        device_scale_factor=view.pixel_ratio,
    )
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.route(f"{ORIGIN}/**", lambda route: serve(route, view))
    try:
        page.goto(f"{ORIGIN}/")
        data = canvases.mount_data(view.kind, **given(view))
        shown = canvases.SHOWN.get(view.kind, "dv-mount")
        page.evaluate(canvases.MOUNT, [view.kind, shown, data])
        wait_until_quiet(page)
        for act in view.done:
            do(page, *act)
            wait_until_quiet(page)
        yield page
    finally:
        context.close()


def serve(route, view: View) -> None:
    path = route.request.url.removeprefix(ORIGIN)
    if path == "/":
        parts = {
            "style": canvases.style(view.kind),
            "recorder": (HERE / "recorder.js").read_text(encoding="utf-8"),
            "width": str(view.width_px),
        }
        html = PAGE
        for name, text in parts.items():
            html = html.replace("{{" + name + "}}", text)
        route.fulfill(body=html, content_type="text/html")
        return
    body, kind = answer(path)
    route.fulfill(body=body, content_type=kind, status=200 if body else 404)


def wait_until_quiet(page) -> None:
    """Return when something is drawn, nothing is awaited and nothing more was drawn for a while."""
    waited, before = 0, -1
    while waited < PATIENCE_MS:
        calls = page.evaluate("window.drawnCalls() + document.querySelectorAll('.wt-svg').length")
        busy = page.locator("[aria-busy=true]").count()
        if calls and calls == before and not busy:
            return
        before = calls
        page.wait_for_timeout(QUIET_MS)
        waited += QUIET_MS
    raise AssertionError(f"The page is still drawing after {PATIENCE_MS} ms.")


def do(page, act: str, *wanted) -> None:
    """What a person does to the picture, or (blend) what the clock does."""
    if act == "press":
        page.locator(".dv-stage").first.focus()
        page.keyboard.press(wanted[0])
    elif act in ("hover", "click"):
        box = page.locator(".dv-stage").first.bounding_box()
        place = (box["x"] + wanted[0] * box["width"], box["y"] + wanted[1] * box["height"])
        page.mouse.move(*place)
        if act == "click":
            page.mouse.click(*place)
    elif act == "button":
        page.get_by_role("button", name=wanted[0], exact=True).click()
        page.mouse.move(0, 0)
    elif act == "choose":
        page.get_by_label(wanted[0], exact=True).select_option(wanted[1])
    elif act == "seek":
        page.get_by_label("Snapshot", exact=True).fill(str(wanted[0]))
    else:
        page.evaluate(canvases.BLEND, wanted[0])


def draw(browser, view: View) -> dict[str, str]:
    """What is drawn of a view, by surface."""
    with opened(browser, view) as page:
        page.wait_for_timeout(SETTLED_MS)
        return read_drawn(page)


def read_drawn(page) -> dict[str, str]:
    drawn = page.evaluate("window.drawn()")
    notices = page.locator(".dv-notice, .dr-live:not(:empty)").all_inner_texts()
    assert not page.errors + notices, page.errors + notices
    return drawn


def main() -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        for kind in sys.argv[1:] or canvases.KINDS:
            write(kind, {v.name: draw(browser, v) for v in VIEWS if v.kind == kind})
        browser.close()


if __name__ == "__main__":
    main()
