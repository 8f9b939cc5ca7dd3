"""Where all queries of a layer sample, seen from their references: one cloud per head and level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deformviz.analysis.offsets import offsets_of_locations
from deformviz.figures.marks_engine import FigureError
from deformviz.figures.studio.paper import Paper, sheet
from deformviz.figures.theme import head_colour, level_colour
from deformviz.tracing.packing import PackedLayer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_DRAWN = 4000  # marks of a panel that stay lines; more become a picture of 300 dpi
REACH = 0.995  # share of all offsets that lies inside the panels
DOT_PT2 = 1.1


def layer_offsets(packed: PackedLayer) -> np.ndarray:
    """Offsets of all queries [query head level point xy], in the layer's own unit.

    Feature pixels of the level; where references are boxes, half boxes over the number of points.

    Raises:
        FigureError: levels have different numbers of points.
    """
    if packed.locations.ndim != 5:
        raise FigureError(
            f"The levels of {packed.header['layer']} have different numbers of points; clouds are "
            "drawn where each has as many."
        )
    return offsets_of_locations(packed.locations, packed.references, packed.header["levels"])


def unit_of(packed: PackedLayer) -> str:
    """What the offsets of a layer count, in words."""
    return "half boxes / points" if packed.header["references"] == "boxes" else "feature pixels"


def reach_of(clouds: Sequence[np.ndarray]) -> float:
    """How far the panels go each way: nearly all offsets lie inside."""
    away = np.concatenate([np.abs(cloud).ravel() for cloud in clouds])
    return 1.08 * max(1.0, float(np.quantile(away, REACH)))


def draw_cloud(
    panel: Any, offsets: np.ndarray, colour: str | list[str], reach: float, name: str
) -> None:
    """Offsets [mark xy] around their reference; y grows downwards, as in pictures."""
    dots = panel.scatter(
        offsets[:, 0],
        offsets[:, 1],
        s=DOT_PT2,
        c=colour,
        alpha=0.35,
        linewidths=0,
        rasterized=len(offsets) > MOST_DRAWN,
    )
    dots.set_gid(name)
    panel.axhline(0, linewidth=0.4, color="#808a9b", zorder=0)
    panel.axvline(0, linewidth=0.4, color="#808a9b", zorder=0)
    panel.set(xlim=(-reach, reach), ylim=(reach, -reach), aspect="equal")
    panel.locator_params(nbins=3)


def clouds_figure(packed: PackedLayer, paper: Paper) -> tuple[Figure, np.ndarray]:
    """Offsets of all queries and points: a row per level, a column per head."""
    offsets = layer_offsets(packed)
    heads, levels = offsets.shape[1:3]
    room = sheet(paper, levels, heads, 1.0, lines=1 / levels, shared=True)
    reach = reach_of([offsets])
    for level in range(levels):
        for head in range(heads):
            panel = room.panels[level * heads + head]
            cloud = offsets[:, head, level].reshape(-1, 2)
            draw_cloud(panel, cloud, head_colour(head), reach, f"cloud-{head}-{level}")
            if level == 0:
                panel.set_title(f"head {head}", pad=2)
            if head == 0:
                height, width = packed.header["levels"][level]
                panel.set_ylabel(f"level {level}\n{height}×{width}")
    room.drawn.supxlabel(f"Δx, {unit_of(packed)}", fontsize=paper.font_pt)
    return room.drawn, offsets


def clouds_over_training(
    layers: Sequence[PackedLayer], moments: Sequence[str], paper: Paper
) -> tuple[Figure, list[np.ndarray]]:
    """Offsets of all queries: a row per moment of a training, a column per head, levels by colour.

    Args:
        layers: one layer at each moment, in order.
        moments: what each row is called.
    """
    clouds = [layer_offsets(packed) for packed in layers]
    heads, levels, points = clouds[0].shape[1:4]
    room = sheet(paper, len(clouds), heads, 1.0, lines=1 / len(clouds), shared=True)
    reach = reach_of(clouds)
    shades = np.repeat([level_colour(level, levels) for level in range(levels)], points)
    for row, (cloud, moment) in enumerate(zip(clouds, moments, strict=True)):
        for head in range(heads):
            panel = room.panels[row * heads + head]
            marks = cloud[:, head].reshape(-1, 2)
            colours = np.tile(shades, len(cloud)).tolist()
            draw_cloud(panel, marks, colours, reach, f"cloud-{row}-{head}")
            if row == 0:
                panel.set_title(f"head {head}", pad=2)
            if head == 0:
                panel.set_ylabel(moment)
    room.drawn.supxlabel(f"Δx, {unit_of(layers[0])}", fontsize=paper.font_pt)
    _levels_legend(room.drawn, layers[0].header["levels"], paper)
    return room.drawn, clouds


def _levels_legend(drawn: Figure, shapes: list[list[int]], paper: Paper) -> None:
    from matplotlib.lines import Line2D

    entries = [
        Line2D(
            [],
            [],
            marker="o",
            linestyle="none",
            markeredgewidth=0,
            markersize=0.6 * paper.font_pt,
            color=level_colour(level, len(shapes)),
            label=f"level {level}, {height}×{width}",
        )
        for level, (height, width) in enumerate(shapes)
    ]
    drawn.legend(handles=entries, loc="outside lower center", ncols=len(entries), handletextpad=0.2)
