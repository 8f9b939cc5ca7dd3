"""Sampling points over a picture: by head, by level, by weight, with their offsets."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from deformviz.figures.marks_engine import FigureError
from deformviz.figures.studio.paper import POINTS_PER_MM, Paper, sheet
from deformviz.figures.studio.query_marks import QueryMarks, query_marks, window_px
from deformviz.figures.theme import (
    LEVEL_MARKS,
    SEQUENTIAL,
    head_colour,
    level_colour,
    level_label,
)
from deformviz.tracing.packing import PackedLayer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FULL_RADIUS = 0.04  # of a panel's shorter side: a marker that carries weight 1, as on the canvas
LEAST_RADIUS = 0.002  # lighter ones stay visible
EVEN_RADIUS = 0.009  # where colour tells the weight
SYMBOLS = {"circle": "o", "square": "s", "diamond": "D", "triangle-up": "^", "pentagon": "p"}
AREAS = {"o": np.pi / 4, "s": 1.0, "D": 1.0, "^": 0.5, "p": 0.5944}  # of a marker of size 1
MOST_EDGE = 0.35  # points; small marks have a thinner one
REFERENCE, EDGE = "#1fbf4b", "#ffffff"
COLOURS = ("head", "level", "weight")
SHARE_BESIDE_SCALE = 0.83  # of the width that is left beside the scale of weights


def show_picture(
    panel: Any,
    picture: np.ndarray,
    size_hw: tuple[int, int],
    *,
    window: tuple[float, float, float, float] | None = None,
    pale: float = 0.0,
) -> None:
    """The picture in pixel indices of its original size, without ticks.

    Args:
        pale: how far it is taken back towards the paper, 0 to 1.
    """
    height, width = size_hw
    edges = (-0.5, width - 0.5, height - 0.5, -0.5)
    panel.imshow(picture, extent=edges, interpolation="bilinear", alpha=1 - pale)
    left, right, top, bottom = window or (-0.5, width - 0.5, -0.5, height - 0.5)
    panel.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[])
    for spine in panel.spines.values():
        spine.set_linewidth(0.4)


def marker_sizes(
    weights: np.ndarray, symbols: list[str], panel_mm: tuple[float, float]
) -> np.ndarray:
    """Sizes of markers, points², whose area is in proportion to the weight whatever their shape."""
    short_pt = min(panel_mm) * POINTS_PER_MM
    radius = short_pt * np.maximum(LEAST_RADIUS, FULL_RADIUS * np.sqrt(weights))
    return np.pi * radius**2 / np.array([AREAS[symbol] for symbol in symbols])


def draw_markers(
    panel: Any,
    places: np.ndarray,
    sizes: np.ndarray,
    colours: list[str],
    symbols: list[str],
    name: str,
) -> None:
    """One marker per place, the large ones below the small ones."""
    from matplotlib.collections import PathCollection
    from matplotlib.markers import MarkerStyle
    from matplotlib.transforms import IdentityTransform

    areas = sizes * np.array([AREAS[symbol] for symbol in symbols])
    order = np.argsort(-areas, kind="stable")
    styles = {symbol: MarkerStyle(symbol) for symbol in set(symbols)}
    outlines = {s: m.get_path().transformed(m.get_transform()) for s, m in styles.items()}
    marks = PathCollection(
        [outlines[symbols[index]] for index in order],
        sizes=sizes[order],
        offsets=places[order],
        offset_transform=panel.transData,
        facecolors=[colours[index] for index in order],
        edgecolors=EDGE,
        linewidths=np.minimum(MOST_EDGE, 0.25 * np.sqrt(areas[order] / np.pi)),
        zorder=4,
    )
    marks.set_transform(IdentityTransform())  # sizes are those of the paper, not of the picture
    marks.set_gid(name)
    panel.add_collection(marks, autolim=False)


def sample_colours(marks: QueryMarks, colour: str, levels: int) -> list[str]:
    """What colour each sample has."""
    if colour == "level":
        return [level_colour(int(level), levels) for level in marks.levels]
    if colour == "weight":
        most = float(marks.weights.max()) or 1.0
        steps = np.rint(marks.weights / most * (len(SEQUENTIAL) - 1)).astype(int)
        return [SEQUENTIAL[step] for step in steps]
    return [head_colour(int(head)) for head in marks.heads]


def draw_query(
    panel: Any,
    packed: PackedLayer,
    marks: QueryMarks,
    panel_mm: tuple[float, float],
    number: int,
    *,
    colour: str = "head",
    lines: bool = False,
) -> None:
    """The samples of one query, where they start, and the box that it found."""
    levels = len(packed.header["levels"])
    colours = sample_colours(marks, colour, levels)
    if colour == "weight":
        symbols = ["o"] * len(marks.weights)
        sizes = np.full(len(symbols), 4 * (EVEN_RADIUS * min(panel_mm) * POINTS_PER_MM) ** 2)
    else:
        symbols = [SYMBOLS[LEVEL_MARKS[i % len(LEVEL_MARKS)][1]] for i in marks.levels]
        sizes = marker_sizes(marks.weights, symbols, panel_mm)
    if lines:
        from matplotlib.collections import LineCollection

        ways = np.stack([marks.starts_px, marks.places_px], axis=1)
        offsets = LineCollection(list(ways), colors=colours, linewidths=0.6, alpha=0.8, zorder=3)
        offsets.set_gid(f"offsets-{number}")
        panel.add_collection(offsets, autolim=False)
    draw_markers(panel, marks.places_px, sizes, colours, symbols, f"samples-{number}")
    if marks.box_xyxy_px is not None:
        from matplotlib.patches import Rectangle

        x0, y0, x1, y1 = marks.box_xyxy_px
        box = Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=REFERENCE, linewidth=1)
        box.set_gid(f"box-{number}")
        panel.add_patch(box)
        panel.text(
            x0,
            y0,
            marks.found,
            va="bottom",
            color="#11131a",
            clip_on=True,
            bbox={"facecolor": REFERENCE, "edgecolor": "none", "pad": 1},
        )
    cross = panel.scatter(
        *marks.reference_px,
        s=(0.06 * min(panel_mm) * POINTS_PER_MM) ** 2,
        marker="+",
        color=REFERENCE,
        linewidths=1.4,
        zorder=5,
    )
    cross.set_gid(f"reference-{number}")


def legend_columns(paper: Paper) -> int:
    """How many entries of a legend stand side by side."""
    return max(1, int(paper.width_mm / (2.9 * paper.font_pt)))


def legend_rows(paper: Paper, marks: QueryMarks, colour: str) -> int:
    """How many lines the legend of a query takes."""
    heads, levels = len(np.unique(marks.heads)), len(np.unique(marks.levels))
    count = 1 + (heads if colour == "head" else 0) + (levels if colour != "weight" else 0)
    return -(-count // legend_columns(paper))


def legend_of(drawn: Figure, paper: Paper, packed: PackedLayer, marks: QueryMarks, colour: str):
    """What colours and shapes mean, below the panels."""
    from matplotlib.lines import Line2D

    shapes = packed.header["levels"]
    edge = {"markeredgecolor": "#11131a", "markeredgewidth": 0.3, "linestyle": "none"}
    size = 0.62 * paper.font_pt
    entries = []
    if colour == "head":
        entries += [
            Line2D(
                [], [], marker="o", color=head_colour(m), label=f"head {m}", markersize=size, **edge
            )
            for m in np.unique(marks.heads).tolist()
        ]
    if colour != "weight":
        entries += [
            Line2D(
                [],
                [],
                marker=SYMBOLS[LEVEL_MARKS[level % len(LEVEL_MARKS)][1]],
                color=level_colour(level, len(shapes)) if colour == "level" else EDGE,
                label=f"level {level_label(level, *shapes[level]).split(' ')[1]}",
                markersize=size,
                **edge,
            )
            for level in np.unique(marks.levels).tolist()
        ]
    entries.append(
        Line2D(
            [],
            [],
            marker="+",
            color=REFERENCE,
            label="reference",
            markersize=size,
            markeredgewidth=1.2,
            linestyle="none",
        )
    )
    drawn.legend(
        handles=entries,
        loc="outside lower center",
        ncols=min(len(entries), legend_columns(paper)),
        handletextpad=0.2,
        columnspacing=0.8,
        borderaxespad=0.2,
    )


def points_figure(
    packed: PackedLayer,
    picture: np.ndarray,
    query: int,
    paper: Paper,
    *,
    colour: str = "head",
    lines: bool = False,
    heads: Collection[int] | None = None,
    levels: Collection[int] | None = None,
    top: int = 0,
    zoom: float = 1.0,
) -> tuple[Figure, QueryMarks]:
    """The sampling points of one query over its picture; area grows with the weight.

    Colour = head, level or weight, shape = level; where colour tells the weight all are discs of
    one size, as in Fig. 6 of Deformable DETR.
    """
    if colour not in COLOURS:
        raise FigureError(f"colour is {colour!r}; it is one of {', '.join(COLOURS)}.")
    marks = query_marks(packed, query, heads, levels, top)
    size_hw = tuple(packed.header["frame"]["original_hw"])
    aspect = size_hw[1] / size_hw[0] / (SHARE_BESIDE_SCALE if colour == "weight" else 1)
    room = sheet(paper, 1, 1, aspect, lines=legend_rows(paper, marks, colour))
    panel = room.panels[0]
    window = window_px(size_hw, marks.reference_px, zoom)
    show_picture(panel, picture, size_hw, window=window)
    draw_query(panel, packed, marks, room.panel_mm, 0, colour=colour, lines=lines)
    if colour == "weight":
        scale_of_weights(room.drawn, panel, float(marks.weights.max()))
    legend_of(room.drawn, paper, packed, marks, colour)
    return room.drawn, marks


def scale_of_weights(drawn: Figure, panel: Any, most: float) -> None:
    """The colours of weights, beside a panel."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    shades = ScalarMappable(Normalize(0, most), ListedColormap(list(SEQUENTIAL)))
    bar = drawn.colorbar(shades, ax=panel, label="attention weight", pad=0.02, shrink=0.8)
    bar.outline.set_linewidth(0.4)
