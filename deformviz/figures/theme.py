"""One visual language for canvas and charts: colour = head, shape = level, area = weight.

Plain constants, so that the landing page can send them to the browser without importing Plotly.
"""

from typing import Any

from deformviz.words.markdown import visible

# Petroff (2021, arXiv:2107.02270), the ten-colour sequence: told apart with normal and
# colour-deficient sight. Head m has colour m; never the only sign, heads carry numbers too.
PETROFF_10 = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)

# Marker of level l: (character for text, name that canvas and Plotly share).
LEVEL_MARKS = (
    ("●", "circle"),
    ("■", "square"),
    ("◆", "diamond"),
    ("▲", "triangle-up"),
    ("⬟", "pentagon"),
)

# Amounts, dark to light. Neighbours lie 7.1 +- 0.3 apart by CIEDE2000 and lightness only rises,
# so equal steps look equal, in grey as well.
SEQUENTIAL = (
    "#15073f",
    "#350a5a",
    "#590d6a",
    "#7a126f",
    "#971a6d",
    "#ae2567",
    "#c13360",
    "#d04259",
    "#db5352",
    "#e4644d",
    "#eb774b",
    "#f08d50",
    "#f2a35e",
    "#f2b974",
    "#f2cf90",
    "#f3e3b0",
    "#faf8d1",
)

# Where a point falls: in the picture, in the padding the model masks, outside every map.
PLACES = {"picture": "#3f90da", "padding": "#ffa90e", "outside": "#bd1f01"}

LIGHT = {
    "ink": "#1f2430",
    "quiet": "#5b6271",
    "line": "#d5d9e2",
    "paper": "#ffffff",
    "panel": "#f5f6f9",
    "halo": "#ffffff",
    "edge": "#11131a",
    "accent": "#0b62c4",
}
DARK = {
    "ink": "#eceef4",
    "quiet": "#a6adbd",
    "line": "#3a4050",
    "paper": "#12141b",
    "panel": "#1d212b",
    "halo": "#ffffff",
    "edge": "#07080c",
    "accent": "#6cb2ff",
}


def head_colour(head: int) -> str:
    """Colour of a head; from the eleventh on colours repeat and only the number tells."""
    return PETROFF_10[head % len(PETROFF_10)]


def level_colour(level: int, levels: int) -> str:
    """Colour of a level where colour shows levels: fine dark to coarse light, ink-safe ends."""
    first, last = 4, len(SEQUENTIAL) - 3
    return SEQUENTIAL[first + round((last - first) * level / max(1, levels - 1))]


def palette(levels: int = 5) -> dict[str, Any]:
    """Everything the canvas needs to speak the same language, as JSON."""
    return {
        "heads": list(PETROFF_10),
        "levels": [level_colour(level, levels) for level in range(levels)],
        "marks": [name for _, name in LEVEL_MARKS],
        "sequential": list(SEQUENTIAL),
        "places": dict(PLACES),
        "light": dict(LIGHT),
        "dark": dict(DARK),
    }


# Lines of charts in grey that reads on light and dark paper alike.
GRID = "rgba(128, 136, 155, 0.28)"
CHART_HEIGHT_PX = 260


def translucent(colour: str, opacity: float) -> str:
    """A hex colour as CSS rgba."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:g})"


def letters(text: str) -> str:
    """Text of a stranger in a chart, letter for letter: Plotly would read tags and entities."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def level_label(level: int, height: int, width: int) -> str:
    """A level's mark and size, for an axis: "● 24×32"."""
    return f"{LEVEL_MARKS[level % len(LEVEL_MARKS)][0]} {height}×{width}"


def chart_layout(**changes: Any) -> dict[str, Any]:
    """Plotly layout every chart shares; without paper and ink, which the page provides."""
    axis = {"gridcolor": GRID, "zeroline": False, "fixedrange": True}
    layout = {
        "height": CHART_HEIGHT_PX,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "paper_bgcolor": "rgba(0, 0, 0, 0)",
        "plot_bgcolor": "rgba(0, 0, 0, 0)",
        "showlegend": False,
        "dragmode": False,
        "hoverlabel": {"align": "left"},
        "xaxis": {**axis, "automargin": True},
        "yaxis": {**axis, "automargin": True},
    }
    for name, value in changes.items():
        nested = isinstance(value, dict) and isinstance(layout.get(name), dict)
        layout[name] = {**layout[name], **value} if nested else value
    return layout
