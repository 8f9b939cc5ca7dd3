"""Other pictures built on the explorer: a folder of modules and a style beside the explorer's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.explorer import bundle
from app.explorer.component import FOR_EVER, LOADER, address, source_addresses
from deformviz.figures.theme import palette


@dataclass(frozen=True)
class CanvasKind:
    """One kind of picture; its `canvas/mount.js` and `style.css` lie in `folder`."""

    name: str  # in addresses, and of the Streamlit component
    folder: Path

    @cached_property
    def script(self) -> str:
        """The modules and what they use of the explorer as one ES module."""
        return bundle.bundle(self.folder / "canvas" / "mount.js")

    @cached_property
    def style(self) -> str:
        """The explorer's style and what this kind adds to it."""
        return bundle.style() + (self.folder / "style.css").read_text(encoding="utf-8")

    @cached_property
    def version(self) -> str:
        """Changes with script and style; part of their addresses."""
        return hashlib.sha256((self.script + self.style).encode()).hexdigest()[:16]

    @cached_property
    def component(self) -> Any:
        """The Streamlit component that mounts it."""
        return st.components.v2.component(
            f"deformviz_{self.name}", html='<div class="dv-mount"></div>', css=self.style, js=LOADER
        )

    def routes(self) -> list[Route]:
        """Routes for `st.App`."""
        return [Route(f"/{self.name}/{{version}}/{{name}}", self._serve)]

    async def _serve(self, request: Request) -> Response:
        files = {"canvas.js": ("script", "text/javascript"), "style.css": ("style", "text/css")}
        if request.path_params["name"] not in files:
            return PlainTextResponse("This canvas has no such file.", status_code=404)
        content, media_type = files[request.path_params["name"]]
        return Response(getattr(self, content), media_type=media_type, headers=FOR_EVER)

    def _addresses(self) -> dict[str, str]:
        root = address(self.name, self.version)
        return {
            "script": f"{root}/canvas.js",
            "style": f"{root}/style.css",
            "template": source_addresses()["template"],
        }

    def mount(
        self,
        *,
        trace_url: str,
        picture_url: str,
        title: str,
        key: str,
        note: str = "",
        picture_hw: tuple[int, int] | None = None,
        view: dict[str, Any] | None = None,
        view_id: str = "",
        on_view_change: Callable[[], None] = lambda: None,
        on_layer_change: Callable[[], None] = lambda: None,
    ) -> Any:
        """Show a picture of this kind; arguments and result are those of `explorer`."""
        data = {
            "trace_url": trace_url,
            "picture_url": picture_url,
            "title": title,
            "note": note,
            "picture_alt": title,
            "picture_hw": picture_hw,
            "view": view or {},
            "view_id": view_id,
            "palette": palette(),
            "link": True,
            "source": self._addresses(),
        }
        return self.component(
            key=key,
            data=json.loads(json.dumps(data)),
            default={"view": None},
            on_view_change=on_view_change,
            on_layer_change=on_layer_change,
        )
