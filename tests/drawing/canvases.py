"""How a test gets the script of a canvas and mounts it: the only file here that knows."""

from __future__ import annotations

from deformviz import bundles
from deformviz.figures.theme import palette

KINDS = ("sampling", "grid", "keys", "dense", "atlas", "replay", "equations")
SHOWN: dict[str, str] = {}  # class of the element mounted into, where it is another one


def script(kind: str) -> str:
    """One ES module that mounts the canvas."""
    return bundles.read(f"{kind}.js")


def style(kind: str) -> str:
    """The canvas's style sheet."""
    return bundles.read(f"{kind}.css")


def mount_data(kind: str, **given) -> dict:
    """What Python hands a canvas: the caller's fields and what every canvas needs."""
    usual = {"palette": palette(5), "view": {}, "view_id": "1", "title": "Recorded", "note": ""}
    if kind == "equations":
        usual |= {"font": "none.ttf"}
    return usual | {"words": bundles.words(kind)} | given


# Mounts `data` into a fresh element; returns nothing. The page defines `fresh(className)`.
MOUNT = """async ([kind, className, data]) => {
  const { streamlit } = await import(`/${kind}.js`);
  window.leave?.();
  const parentElement = window.fresh(className);
  window.leave = streamlit({
    data, parentElement, setStateValue() {}, setTriggerValue() {},
  });
}"""

# Half-way states of a replay, which the clock alone would reach: the way to the next snapshot.
BLEND = """(share) => {
  const { replayer } = document.querySelector(".dr").__replay;
  replayer.share = share;
  replayer.tell("changed");
}"""
