"""The Python face of the replay: one Streamlit component."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from app.explorer import bundle
from deformviz.figures.theme import palette

HERE = Path(__file__).parent

# As the explorer's: a short script that fetches the real module once.
LOADER = """
export default function (component) {
  const module = import(new URL(component.data.script, document.baseURI).href);
  const leaving = module.then(({ default: mount }) => mount(component)).catch((error) => {
    component.parentElement.querySelector(".dr-mount").textContent =
      `The replay's script could not be loaded (${error.message}). Reload the page.`;
  });
  return () => leaving.then((leave) => leave?.());
}
"""


@cache
def script() -> str:
    """The replay and what it uses of the explorer as one ES module."""
    return bundle.bundle(HERE / "canvas" / "mount.js")


@cache
def version() -> str:
    """Changes with the script; part of its address."""
    return hashlib.sha256(script().encode()).hexdigest()[:16]


@cache
def _style() -> str:
    return bundle.style() + (HERE / "style.css").read_text(encoding="utf-8")


MOUNT = st.components.v2.component(
    "deformviz_replay", html='<div class="dr-mount"></div>', css=_style(), js=LOADER
)


def replay(*, manifests: list[str], pictures: list[str], drawing: str) -> Any:
    """Mount the replay of one run, or of two to compare; everything else happens in the browser.

    Args:
        manifests: addresses of the runs' manifests, the first sets the clock.
        pictures: address of the picture each of them looks at.
        drawing: "sampling" or "grid", what all of them show.
    """
    base = st.get_option("server.baseUrlPath").strip("/")
    root = "/".join(["", *filter(None, [base]), "replay", "canvas", f"{version()}.js"])
    data = {
        "manifests": manifests,
        "pictures": pictures,
        "palette": palette(5),
        "drawing": drawing,
        "script": root,
    }
    return MOUNT(key=f"replay_{drawing}", data=json.loads(json.dumps(data)))
