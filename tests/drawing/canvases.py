"""How a test gets the script of a canvas and mounts it: the only file here that knows."""

from __future__ import annotations

from functools import cache

from app.explorer import bundle
from app.grids.component import GRID_CANVAS
from app.keys.component import KEYS_CANVAS
from app.replay import component as replay
from app.walkthrough import component as equations
from deformviz.figures.theme import palette

KINDS = ("sampling", "grid", "keys", "replay", "equations")
SHOWN = {"replay": "dr-mount", "equations": "wt-mount"}  # class of the element mounted into


@cache
def script(kind: str) -> str:
    """One ES module whose default export mounts the canvas."""
    if kind == "sampling":
        return bundle.script()
    if kind == "grid":
        return GRID_CANVAS.script
    if kind == "keys":
        return KEYS_CANVAS.script
    if kind == "replay":
        return replay.script()
    return 'export { default } from "/parts/mount.js";'


def part(name: str) -> str:
    """One of the modules that the page of equations is served as."""
    path = equations.GLYPHS if name == "glyphs.js" else equations.FOLDER / name
    return path.read_text(encoding="utf-8")


@cache
def style(kind: str) -> str:
    """The canvas's style sheet."""
    if kind == "sampling":
        return bundle.style()
    if kind == "replay":
        return replay._style()
    if kind == "equations":
        return equations.style()
    return (GRID_CANVAS if kind == "grid" else KEYS_CANVAS).style


def mount_data(kind: str, **given) -> dict:
    """What Python hands a canvas: the caller's fields and what every canvas needs."""
    usual = {"palette": palette(5), "view": {}, "view_id": "1", "title": "Recorded", "note": ""}
    if kind == "equations":
        usual |= {"font": "none.ttf"}
    return usual | {"script": "script.js"} | given


# Mounts `data` into a fresh element; returns nothing. The page defines `fresh(className)`.
MOUNT = """async ([kind, className, data]) => {
  const { default: mount } = await import(`/${kind}.js`);
  window.leave?.();
  const parentElement = window.fresh(className);
  window.leave = mount({
    data, parentElement, setStateValue() {}, setTriggerValue() {},
  });
}"""

# Half-way states of a replay, which the clock alone would reach: the way to the next snapshot.
BLEND = """(share) => {
  const { replayer } = document.querySelector(".dr").__replay;
  replayer.share = share;
  replayer.tell("changed");
}"""
