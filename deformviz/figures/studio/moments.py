"""One query through a training: its sampling points at some moments, side by side."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from deformviz.figures.studio.paper import Paper, sheet
from deformviz.figures.studio.points import draw_query, legend_of, legend_rows, show_picture
from deformviz.figures.studio.query_marks import QueryMarks, query_marks, window_px
from deformviz.tracing.packing import PackedLayer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_MOMENTS = 5
COLUMNS = 3
WIDE_MM = 150.0  # from here on all moments stand in one row


def some_moments(iterations: Sequence[int], count: int = MOST_MOMENTS) -> list[int]:
    """First and last snapshot and some between, evenly among those that were kept."""
    places = np.linspace(0, len(iterations) - 1, min(count, len(iterations))).round().astype(int)
    return [iterations[place] for place in np.unique(places)]


def moments_figure(
    layers: Sequence[PackedLayer],
    queries: Sequence[int],
    titles: Sequence[str],
    picture: np.ndarray,
    paper: Paper,
    *,
    colour: str = "head",
    lines: bool = False,
    heads: Collection[int] | None = None,
    levels: Collection[int] | None = None,
    top: int = 0,
    zoom: float = 1.0,
) -> tuple[Figure, list[QueryMarks]]:
    """A panel per moment; a decoder's query may be another one at each, as the matching says.

    Args:
        layers: one layer at each moment.
        queries: the query at each moment.
        titles: what each panel is called.
        zoom: all panels show the same part, around where the query ends.
    """
    marks = [
        query_marks(packed, query, heads, levels, top)
        for packed, query in zip(layers, queries, strict=True)
    ]
    size_hw = tuple(layers[0].header["frame"]["original_hw"])
    columns = len(layers) if paper.width_mm >= WIDE_MM else min(len(layers), COLUMNS)
    rows = -(-len(layers) // columns)
    room = sheet(
        paper,
        rows,
        columns,
        size_hw[1] / size_hw[0],
        lines=1 + legend_rows(paper, marks[-1], colour) / rows,
    )
    window = window_px(size_hw, marks[-1].reference_px, zoom)
    for number, panel in enumerate(room.panels):
        if number >= len(layers):
            panel.remove()
            continue
        show_picture(panel, picture, size_hw, window=window)
        draw_query(
            panel, layers[number], marks[number], room.panel_mm, number, colour=colour, lines=lines
        )
        panel.set_title(titles[number], pad=2)
    legend_of(room.drawn, paper, layers[0], marks[-1], colour)
    return room.drawn, marks
