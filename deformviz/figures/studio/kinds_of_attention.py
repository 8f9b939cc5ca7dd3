"""What one place of a picture may read under five kinds of attention, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deformviz.figures.marks_engine import FigureError
from deformviz.figures.studio.paper import POINTS_PER_MM, Paper, sheet
from deformviz.figures.studio.points import draw_markers, marker_sizes, show_picture
from deformviz.figures.theme import head_colour
from deformviz.geometry import Affine
from deformviz.tracing.packing import decompress, read_header

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UNTRAINED_RADIUS = 0.006  # of a panel's shorter side
COLUMNS = 5
BROKEN = "\n("  # whose attention it is stands in a line of its own
NARROW_MM = 120.0  # below, the panels go in two rows


@dataclass(frozen=True)
class PackedKeys:
    """Key sets read back: header, and per set its places and its weights, if they are trained."""

    header: dict[str, Any]
    places: tuple[np.ndarray, ...]  # [query key xy], or [1 key xy] where all queries share them
    weights: tuple[np.ndarray | None, ...]  # [query key]


def unpack_keys(blob: bytes) -> PackedKeys:
    """Read the key sets of a picture, gzip or not, in the layout of `analysis.key_sets_store`.

    Raises:
        FigureError: the bytes are not key sets.
    """
    blob = decompress(blob)
    header, start = read_header(blob)
    if header.get("kind") != "key-sets":
        raise FigureError(f"This packed layer is of kind {header.get('kind')!r}, not key sets.")
    places, weights = [], []
    for one in header["sets"]:
        shape = (1 if one["shared"] else header["queries"], one["keys"], 2)
        places.append(np.frombuffer(blob, "<f4", int(np.prod(shape)), start).reshape(shape))
        start += places[-1].nbytes
    for one in header["sets"]:
        if one["weight_scale"] is None:
            weights.append(None)
            continue
        steps = np.frombuffer(blob, "<u2", header["queries"] * one["keys"], start)
        start += steps.nbytes
        weights.append(steps.reshape(header["queries"], -1) * one["weight_scale"])
    return PackedKeys(header, tuple(places), tuple(weights))


def attentions_figure(
    packed: PackedKeys, picture: np.ndarray, query: int, paper: Paper
) -> tuple[Figure, list[np.ndarray]]:
    """A panel per kind of attention: a disc for each place that the query may read.

    Where weights are trained, area is the weight and colour the head; white elsewhere.
    Returns the figure and the places of each panel [key xy], pixel indices.
    """
    header = packed.header
    if not 0 <= query < header["queries"]:
        raise FigureError(f"There is no query {query}; there are 0 to {header['queries'] - 1}.")
    height, width = header["frame"]["original_hw"]
    count = len(header["sets"])
    columns = min(count, COLUMNS if paper.width_mm >= NARROW_MM else 3)
    rows = -(-count // columns)
    room = sheet(paper, rows, columns, width / height, lines=3.2)
    to_original = Affine(*header["to_original"])
    drawn = []
    for number, panel in enumerate(room.panels):
        if number >= count:
            panel.remove()
            continue
        one, weights = header["sets"][number], packed.weights[number]
        places = packed.places[number][0 if one["shared"] else query].astype(np.float64)
        known = np.isfinite(places[:, 0])
        points = np.asarray(to_original(places[known]))
        show_picture(panel, picture, (height, width), pale=0.35)
        symbols = ["o"] * len(points)
        if weights is None:
            radius = UNTRAINED_RADIUS * min(room.panel_mm) * POINTS_PER_MM
            sizes, colours = np.full(len(points), 4 * radius**2), ["#ffffff"] * len(points)
        else:
            sizes = marker_sizes(weights[query][known], symbols, room.panel_mm)
            heads = (np.arange(len(places)) // one["per_head"])[known]
            colours = [head_colour(int(head)) for head in heads]
        draw_markers(panel, points, sizes, colours, symbols, f"keys-{number}")
        _cell(panel, header, query, (height, width))
        panel.set_title(
            f"{one['title'].replace(' (', BROKEN)}\n{one['per_head']} per head",
            pad=2,
            fontsize=paper.font_pt,
        )
        drawn.append(points)
    return room.drawn, drawn


def _cell(panel: Any, header: dict[str, Any], query: int, size_hw: tuple[int, int]) -> None:
    """The cell of the map that asks."""
    from matplotlib.patches import Rectangle

    rows, columns = header["levels"][0]
    row, column = divmod(query, columns)
    tall, wide = size_hw[0] / rows, size_hw[1] / columns
    panel.add_patch(
        Rectangle(
            (column * wide - 0.5, row * tall - 0.5),
            wide,
            tall,
            fill=False,
            edgecolor="#1fbf4b",
            linewidth=0.9,
            zorder=5,
        )
    )
