"""The Python face of the walkthrough: one component, and the routes of its script and its font."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from deformviz.figures.theme import palette

FOLDER = Path(__file__).with_name("page")
GLYPHS = FOLDER.parents[1] / "explorer" / "canvas" / "glyphs.js"  # one visual language
FONT = "STIXTwoMath-Regular.ttf"  # OFL; comes with the package ziamath
FOR_EVER = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
}

# Streamlit resends inline scripts at every rerun; this one only fetches the real modules, once.
LOADER = """
export default function (component) {
  const module = import(new URL(component.data.script, document.baseURI).href);
  const leaving = module.then(({ default: mount }) => mount(component)).catch((error) => {
    component.parentElement.querySelector(".wt-mount").textContent =
      `The page's script could not be loaded (${error.message}). Reload the page.`;
  });
  return () => leaving.then((leave) => leave?.());
}
"""


@cache
def style() -> str:
    """The style sheet."""
    return (FOLDER / "style.css").read_text(encoding="utf-8")


MOUNT = st.components.v2.component(
    "deformviz_walkthrough", html='<div class="wt-mount"></div>', css=style(), js=LOADER
)


@cache
def version() -> str:
    """Changes with every module; part of the address, so browsers may keep the files for ever."""
    texts = [path.read_bytes() for path in [*sorted(FOLDER.glob("*.*")), GLYPHS]]
    return hashlib.sha256(b"".join(texts)).hexdigest()[:16]


def font_file() -> Path:
    """The math font inside the package ziamath, found without importing it."""
    package = importlib.util.find_spec("ziamath")
    if package is None:
        raise FileNotFoundError("The package ziamath, which carries the math font, is missing.")
    return Path(package.submodule_search_locations[0]) / "fonts" / FONT


def walkthrough_routes() -> list[Route]:
    """Routes for `st.App`: the modules of the page and the math font."""
    return [Route("/walkthrough-files/{version}/{name}", _serve)]


async def _serve(request: Request) -> Response:
    name = request.path_params["name"]
    if name == "math.ttf":
        return FileResponse(font_file(), media_type="font/ttf", headers=FOR_EVER)
    modules = {path.name: path for path in [*FOLDER.glob("*.js"), GLYPHS]}
    if name not in modules:
        return PlainTextResponse("The walkthrough has no such file.", status_code=404)
    return FileResponse(modules[name], media_type="text/javascript", headers=FOR_EVER)


def walkthrough(
    lesson: dict[str, Any],
    *,
    step: str,
    view_id: str,
    key: str,
    on_at_change: Callable[[], None] = lambda: None,
    on_moved_change: Callable[[], None] = lambda: None,
    on_sizes_change: Callable[[], None] = lambda: None,
    on_query_change: Callable[[], None] = lambda: None,
    on_change_change: Callable[[], None] = lambda: None,
) -> Any:
    """Mount the page of equations; hover stays in the browser, choices come back.

    Args:
        lesson: what `payload` made.
        step: the step to begin with; read again only when `view_id` changes.

    Returns the component's state: `.at` with step, head, level, point; `.moved` with a dragged
    sample and where it was put, normalised; `.query` with another query to follow;
    `.change` with the sliders of "what if";
    `.sizes` with the sliders of the costs.
    """
    base = st.get_option("server.baseUrlPath").strip("/")
    root = "/".join(["", *filter(None, [base]), "walkthrough-files", version()])
    data = {
        "lesson": lesson,
        "step": step,
        "view_id": view_id,
        "script": f"{root}/mount.js",
        "font": f"{root}/math.ttf",
        "palette": palette(max(1, lesson["sizes"][1])),
    }
    names = ("at", "moved", "sizes", "query", "change")
    return MOUNT(
        key=key,
        data=json.loads(json.dumps(data)),
        default=dict.fromkeys(names),
        on_at_change=on_at_change,
        on_moved_change=on_moved_change,
        on_sizes_change=on_sizes_change,
        on_query_change=on_query_change,
        on_change_change=on_change_change,
    )
