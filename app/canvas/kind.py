"""The Python face of a canvas: its files on this server, and the component that mounts it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import streamlit as st
import streamlit.components.v2 as components
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from deformviz import bundles

FOR_EVER = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
}
MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/plain"}

# Streamlit resends inline scripts at every rerun; this one only fetches the real module, once.
LOADER = """
export default function (component) {
  const module = import(new URL(component.data.source.script, document.baseURI).href);
  const leaving = module.then(({ streamlit }) => streamlit(component)).catch((error) => {
    component.parentElement.querySelector(".dv-mount").textContent =
      `The script of this picture could not be loaded (${error.message}). Reload the page.`;
  });
  return () => leaving.then((leave) => leave?.());
}
"""


def address(*parts: str) -> str:
    """An address on this server, below its base path."""
    return "/".join(["", *filter(None, [st.get_option("server.baseUrlPath").strip("/")]), *parts])


@dataclass(frozen=True)
class CanvasKind:
    """One kind of picture; what is built of it lies in `deformviz.bundles`."""

    name: str  # of its files, in addresses, and of the Streamlit component
    state: tuple[str, ...] = ()  # what the canvas tells that stays until it tells otherwise
    triggers: tuple[str, ...] = ()  # what it tells for one run of the page
    more_files: Mapping[str, Callable[[], Path]] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """Changes with every file; part of their addresses, so browsers may keep them for ever."""
        return bundles.version(self.name)

    def address(self, name: str) -> str:
        """Where this server keeps a file of this kind, as seen from any of its pages.

        Relative, because a proxy may put the server below a path that it does not know of.
        """
        return "/".join(["canvas", self.name, self.version, name])

    def source(self) -> dict[str, str]:
        """Where the browser gets script and style, and the page a picture is taken along in."""
        files = {
            "script": f"{self.name}.js",
            "style": f"{self.name}.css",
            "template": bundles.TEMPLATE,
        }
        return {word: self.address(name) for word, name in files.items()}

    def given(self) -> dict[str, Any]:
        """What every canvas is handed, whatever it shows."""
        return {"words": self.words(), "source": self.source()}

    def words(self) -> dict[str, str]:
        """What its script says."""
        return bundles.words(self.name)

    def routes(self) -> list[Route]:
        """Routes for `st.App`."""
        return [Route(f"/canvas/{self.name}/{{version}}/{{name}}", self._serve)]

    async def _serve(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name in (*bundles.files(self.name), bundles.TEMPLATE):
            media_type = MEDIA_TYPES[Path(name).suffix]
            return Response(bundles.read(name), media_type=media_type, headers=FOR_EVER)
        if name in self.more_files:
            return FileResponse(self.more_files[name](), headers=FOR_EVER)
        return PlainTextResponse("This canvas has no such file.", status_code=404)

    @cached_property
    def component(self) -> Any:
        """The Streamlit component that mounts it."""
        return components.component(
            f"deformviz_{self.name}",
            html='<div class="dv-mount"></div>',
            css=f"/* one line is a path */\n{bundles.read(f'{self.name}.css')}",
            js=LOADER,
        )

    def mount(
        self, data: Mapping[str, Any], *, key: str, **heard: Callable[[], None] | None
    ) -> Any:
        """Show a picture of this kind, and hear what it tells.

        Args:
            data: what its script reads, beside `source` and `words`.
            heard: `<name>` -> what to call when the canvas tells it, for names of `state` and
                `triggers`; the others are read from the result after each run.

        Returns the component's state; each name of `state` is None until it was told.
        """
        unknown = set(heard) - {*self.state, *self.triggers}
        if unknown:
            raise TypeError(f"The canvas {self.name} never tells {', '.join(sorted(unknown))}.")
        called = {
            f"on_{name}_change": heard.get(name) or (lambda: None)
            for name in (*self.state, *self.triggers)
        }
        return self.component(
            key=key,
            data=json.loads(json.dumps({**self.given(), **data})),
            default=dict.fromkeys(self.state),
            **called,
        )
