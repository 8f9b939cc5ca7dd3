"""The Python face of the grid canvas: one Streamlit component, and the route of its script."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.explorer import bundle
from app.explorer.component import FOR_EVER, LOADER, source_addresses
from deformviz.figures.theme import palette

HERE = Path(__file__).parent


@cache
def script() -> str:
    """The grid canvas and what it uses of the explorer as one ES module."""
    return bundle.bundle(HERE / "canvas" / "mount.js")


@cache
def style() -> str:
    """The explorer's style and what a grid adds to it."""
    return bundle.style() + (HERE / "style.css").read_text(encoding="utf-8")


@cache
def version() -> str:
    """Changes with script and style; part of their addresses."""
    return hashlib.sha256((script() + style()).encode()).hexdigest()[:16]


MOUNT = st.components.v2.component(
    "deformviz_grid", html='<div class="dv-mount"></div>', css=style(), js=LOADER)


async def _serve(request: Request) -> Response:
    files = {"canvas.js": (script, "text/javascript"), "style.css": (style, "text/css")}
    if request.path_params["name"] not in files:
        return PlainTextResponse("The grid has no such file.", status_code=404)
    read, media_type = files[request.path_params["name"]]
    return Response(read(), media_type=media_type, headers=FOR_EVER)


def grid_routes() -> list[Route]:
    """Routes for `st.App`."""
    return [Route("/grid/{version}/{name}", _serve)]


def _addresses() -> dict[str, str]:
    base = st.get_option("server.baseUrlPath").strip("/")
    root = "/".join(["", *filter(None, [base]), "grid", version()])
    return {"script": f"{root}/canvas.js", "style": f"{root}/style.css",
            "template": source_addresses()["template"]}


def grid(
    *, trace_url: str, picture_url: str, title: str, key: str, note: str = "",
    picture_hw: tuple[int, int] | None = None, view: dict[str, Any] | None = None,
    view_id: str = "", on_view_change: Callable[[], None] = lambda: None,
    on_layer_change: Callable[[], None] = lambda: None,
) -> Any:
    """Mount the canvas of a deformed grid; arguments and result are those of `explorer`."""
    data = {
        "trace_url": trace_url, "picture_url": picture_url, "title": title, "note": note,
        "picture_alt": title, "picture_hw": picture_hw, "view": view or {}, "view_id": view_id,
        "palette": palette(), "link": True, "source": _addresses(),
    }
    return MOUNT(key=key, data=json.loads(json.dumps(data)), default={"view": None},
                 on_view_change=on_view_change, on_layer_change=on_layer_change)
