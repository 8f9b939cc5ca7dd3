"""Deletion curves: an answer while samples of a layer are taken away, order by order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deformviz.analysis.attribution_records import ORDERS, Faithfulness
from deformviz.figures.marks_engine import FigureError
from deformviz.figures.studio.paper import Paper, sheet
from deformviz.figures.theme import PETROFF_10

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"weight": PETROFF_10[0], "attribution": PETROFF_10[6], "random": PETROFF_10[3]}
DASHES = {"weight": "-", "attribution": "-", "random": ":"}
ASPECT = 1.55


def deletion_figure(
    found: Faithfulness, paper: Paper, *, unit: str = "score", kind: str = "deletion"
) -> Figure:
    """A line per order over the share of points that are gone; its area stands beside its name.

    Raises:
        FigureError: no curve of this kind was computed.
    """
    known = [order for order in ORDERS if (kind, order) in found.curves]
    if not known:
        raise FigureError(f"There is no curve of {kind!r}; it is deletion or insertion.")
    room = sheet(paper, 1, 1, ASPECT, lines=1, pictures=False)
    panel = room.panels[0]
    share = 100 * found.counts / found.points
    for order in known:
        words = "at random" if order == "random" else f"by {order}"
        (line,) = panel.plot(
            share,
            found.curves[kind, order],
            label=f"{words}, area {found.area(kind, order):.3f}",
            color=COLOURS[order],
            linestyle=DASHES[order],
            linewidth=1.2,
            marker="o",
            markersize=1.8,
        )
        line.set_gid(f"curve-{order}")
    gone = "deleted" if kind == "deletion" else "inserted"
    panel.set(xlabel=f"points {gone}, %", ylabel=unit, xlim=(0, 100))
    panel.set_ylim(bottom=min(0.0, panel.get_ylim()[0]))
    panel.grid(linewidth=0.3)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend()
    return room.drawn
