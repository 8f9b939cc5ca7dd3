"""The Python face of the explorer: one Streamlit component, and the routes that serve its files."""

import json
from collections.abc import Callable
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.explorer import bundle
from deformviz.figures.theme import palette

FILES: dict[str, tuple[Callable[[], str], str]] = {
    "canvas.js": (bundle.script, "text/javascript"),
    "style.css": (bundle.style, "text/css"),
    "offline.html": (bundle.template, "text/plain"),
}
FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}

# Streamlit resends inline scripts at every rerun; this one only fetches the real module, once.
LOADER = """
export default function (component) {
  const module = import(new URL(component.data.source.script, document.baseURI).href);
  const leaving = module.then(({ default: mount }) => mount(component)).catch((error) => {
    component.parentElement.querySelector(".dv-mount").textContent =
      `The picture's script could not be loaded (${error.message}). Reload the page.`;
  });
  return () => leaving.then((leave) => leave?.());
}
"""

MOUNT = st.components.v2.component(
    "deformviz_explorer", html='<div class="dv-mount"></div>', css=bundle.style(), js=LOADER
)


def explorer_routes() -> list[Route]:
    """Routes for `st.App`: the explorer's script, style and offline template."""
    return [Route("/explorer/{version}/{name}", _serve)]


async def _serve(request: Request) -> Response:
    if request.path_params["name"] not in FILES:
        return PlainTextResponse("The explorer has no such file.", status_code=404)
    read, media_type = FILES[request.path_params["name"]]
    return Response(read(), media_type=media_type, headers=FOR_EVER)


def address(*parts: str) -> str:
    """An address on this server, below its base path."""
    return "/".join(["", *filter(None, [st.get_option("server.baseUrlPath").strip("/")]), *parts])


def source_addresses() -> dict[str, str]:
    """Where the routes serve the current files."""
    root = address("explorer", bundle.version())
    return {
        "script": f"{root}/canvas.js",
        "style": f"{root}/style.css",
        "template": f"{root}/offline.html",
    }


def explorer(
    *,
    trace_url: str,
    picture_url: str,
    title: str,
    key: str,
    levels: int = 5,
    note: str = "",
    picture_alt: str = "",
    picture_hw: tuple[int, int] | None = None,
    view: dict[str, Any] | None = None,
    view_id: str = "",
    on_view_change: Callable[[], None] = lambda: None,
    on_layer_change: Callable[[], None] = lambda: None,
) -> Any:
    """Mount the canvas; hover stays in the browser, choices come back.

    Args:
        trace_url: address of a packed layer. A new one replaces the layer without a flash.
        picture_url: address of the picture.
        note: what to keep in mind about this picture, e.g. that it is out of the model's domain.
        picture_hw: height and width of the picture, so that the page does not jump at first.
        view: what to show at first: reported views and address parameters (text) both do.
            What does not fit falls back to the default and a note says so.
        view_id: `view` is read again only when this changes (a new picture, a new link).

    Returns the component's state. `.view` is None until something was chosen, then a dict with
    query, pinned, level, heads, levels, colour, top, mass, dim, padding, lines, all, reverse,
    lookup and the layer's name. `.layer` is +1 or -1 in the run after `[` or `]` was pressed.
    """
    data = {
        "trace_url": trace_url,
        "picture_url": picture_url,
        "title": title,
        "note": note,
        "picture_alt": picture_alt or title,
        "picture_hw": picture_hw,
        "view": view or {},
        "view_id": view_id,
        "palette": palette(levels),
        "link": True,
        "source": source_addresses(),
    }
    return MOUNT(
        key=key,
        data=json.loads(json.dumps(data)),
        default={"view": None},
        on_view_change=on_view_change,
        on_layer_change=on_layer_change,
    )
