"""What the built script draws of a view, held against an oracle's layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.drawing.engine import engine
from tests.drawing.oracle.compare import Comparison, compare
from tests.drawing.oracle.stage import Window

Layers = dict[str, dict[str, list[dict]]]


def hold_against(
    drawn: dict[str, list[dict]], expected: Layers, window_of: Callable[[int], Window]
) -> Comparison:
    """All marks of a view against what they should be, and their places in the original picture."""
    found = Comparison()
    if set(drawn) != set(expected):
        found.wrong.append(f"surfaces {set(drawn)}, expected {set(expected)}")
    for surface, layers in expected.items():
        names = list(dict.fromkeys(mark["layer"] for mark in drawn.get(surface, [])))
        wanted = [name for name, marks in layers.items() if marks]
        if names != wanted:
            found.wrong.append(f"{surface}: layers {names}, expected {wanted}")
        for name, marks in layers.items():
            own = [mark for mark in drawn.get(surface, []) if mark["layer"] == name]
            found += compare(marks, own, name)
            for mark in own:
                if wrong := picture_pixels(window_of(mark.get("panel") or 0), mark):
                    found.wrong.append(f"{name}: {wrong}")
    return found


def hold_pictures(
    kind: str, packed: bytes, oracle: Any, query: int, dim: float, **more: Any
) -> Comparison:
    """All pictures of one query, as a built script draws them, against their oracle's.

    `more` is what else the view says.
    """
    drawing = engine(kind)
    drawn = drawing.ask(
        "marks",
        layer=drawing.decode(packed),
        view={"query": query, "dim": dim, **more},
        query=query,
        width=oracle.size[0],
        height=oracle.size[1],
    )
    return hold_against(drawn, oracle.layers(), lambda panel: oracle.windows[panel])


def picture_pixels(window: Window, mark: dict[str, Any]) -> str:
    """Each mark says where it lies in pixels of the original picture; "" where that is right."""
    if "points" in mark:
        stage = mark["points"]
    elif "width" in mark:
        x, y = mark["x"], mark["y"]
        stage = [[x, y], [x + mark["width"], y + mark["height"]]]
    else:
        stage = [mark["x"], mark["y"]]
    wanted = window.original(stage)
    given = np.reshape(mark["px"], wanted.shape)
    if np.allclose(given, wanted, atol=1e-3):
        return ""
    return f"px is {given.tolist()}, expected {wanted.tolist()}"
