"""DAT's deformed grid over a picture: where its knots went, and which are heeded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from deformviz.analysis.grid import knot_importance
from deformviz.figures.marks_engine import FigureError
from deformviz.figures.studio.paper import POINTS_PER_MM, Paper, sheet
from deformviz.figures.studio.points import draw_markers, marker_sizes, show_picture
from deformviz.figures.theme import head_colour
from deformviz.geometry import Affine, grid_to_normalised
from deformviz.tracing.packing_grid import PackedGrid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MESH, START = "#ffffff", "#11131a"
KNOT_RADIUS = 0.011  # of a panel's shorter side, where all knots are one size


def knots_px(packed: PackedGrid, group: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the knots of a group started and where they are [knot xy], pixel indices.

    Raises:
        FigureError: there is no such group.
    """
    trace = packed.trace
    if not 0 <= group < len(trace.positions):
        raise FigureError(
            f"{packed.header['layer']} has no group {group}; it has 0 to "
            f"{len(trace.positions) - 1}."
        )
    to_original = Affine(*packed.header["to_original"])

    def places(grid_yx: np.ndarray) -> np.ndarray:
        points = grid_to_normalised(grid_yx, trace.query_hw, align_corners=trace.align_corners)
        return np.asarray(to_original(np.asarray(points, np.float64)))

    return places(trace.reference_grid[group]), places(trace.positions[group])


def heads_of(packed: PackedGrid, group: int) -> list[int]:
    """The heads that attend to the knots of a group."""
    heads = packed.header["heads"]
    return [head for head in range(heads) if packed.trace.group_of(head) == group]


def _mesh(panel: Any, knots: np.ndarray, grid_hw: tuple[int, int], name: str, **style) -> None:
    from matplotlib.collections import LineCollection

    lattice = knots.reshape(*grid_hw, 2)
    lines = LineCollection([*lattice, *lattice.swapaxes(0, 1)], **style)
    lines.set_gid(name)
    panel.add_collection(lines, autolim=False)


def grid_figure(
    packed: PackedGrid, picture: np.ndarray, paper: Paper, *, group: int
) -> tuple[Figure, np.ndarray]:
    """The deformed grid of one group, thin lines from where each knot began."""
    from matplotlib.collections import LineCollection

    starts, knots = knots_px(packed, group)
    room, panel = _over(packed, picture, paper)
    shape = packed.trace.grid_hw
    _mesh(panel, starts, shape, "regular-0", colors=MESH, linewidths=0.4, linestyles=":", zorder=2)
    _mesh(panel, knots, shape, "mesh-0", colors=MESH, linewidths=0.8, zorder=3)
    ways = LineCollection(
        list(np.stack([starts, knots], 1)), colors=START, linewidths=0.5, zorder=3
    )
    ways.set_gid("ways-0")
    panel.add_collection(ways, autolim=False)
    size = 4 * (KNOT_RADIUS * min(room.panel_mm) * POINTS_PER_MM) ** 2
    colour = head_colour(heads_of(packed, group)[0])
    draw_markers(
        panel,
        knots,
        np.full(len(knots), size),
        [colour] * len(knots),
        ["o"] * len(knots),
        "knots-0",
    )
    return room.drawn, knots


def importance_figure(
    packed: PackedGrid, picture: np.ndarray, paper: Paper, *, group: int
) -> tuple[Figure, np.ndarray]:
    """How much the average query heeds each knot of a group: a disc per head, its area the share.

    Returns the figure and the shares [head knot] that are drawn.
    """
    _, knots = knots_px(packed, group)
    heads = heads_of(packed, group)
    shares = knot_importance(packed.trace)[heads]
    room, panel = _over(packed, picture, paper)
    _mesh(panel, knots, packed.trace.grid_hw, "mesh-0", colors=MESH, linewidths=0.5, zorder=3)
    count = len(heads)
    symbols = ["o"] * (count * len(knots))
    draw_markers(
        panel,
        np.tile(knots, (count, 1)),
        marker_sizes(shares.reshape(-1), symbols, room.panel_mm),
        np.repeat([head_colour(head) for head in heads], len(knots)).tolist(),
        symbols,
        "knots-0",
    )
    _heads_legend(room.drawn, heads, paper)
    return room.drawn, shares


def _over(packed: PackedGrid, picture: np.ndarray, paper: Paper) -> tuple[Any, Any]:
    height, width = packed.header["frame"]["original_hw"]
    room = sheet(paper, 1, 1, width / height, lines=1)
    show_picture(room.panels[0], picture, (height, width), pale=0.25)
    return room, room.panels[0]


def _heads_legend(drawn: Figure, heads: list[int], paper: Paper) -> None:
    from matplotlib.lines import Line2D

    entries = [
        Line2D(
            [],
            [],
            marker="o",
            linestyle="none",
            color=head_colour(head),
            markersize=0.62 * paper.font_pt,
            label=f"head {head}",
        )
        for head in heads
    ]
    drawn.legend(handles=entries, loc="outside lower center", ncols=len(entries), handletextpad=0.2)
