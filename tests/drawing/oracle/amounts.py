"""What all queries together do, from the float32 trace: sampling mass, and who reads a place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deformviz.geometry import to_pixel_index
from tests.drawing.oracle import signs

if TYPE_CHECKING:
    from tests.drawing.oracle.sampling import Sampling

QUANTILE, LINES = 0.995, 12


def shares_of(drawing: Sampling, level: int) -> tuple[np.ndarray, np.ndarray]:
    """Weight of every sample of the shown heads in every cell of a level, and its doubt.

    [query row column] each: attention weight times bilinear share, summed over a query's heads
    and points.
    """
    subject, heads = drawing.subject, list(drawing.view["heads"])
    height, width = subject.shapes[level]
    at = to_pixel_index(subject.locations[:, heads, level], (height, width))
    weight = subject.weights[:, heads, level][..., None, None]
    rows, columns = np.arange(height)[:, None], np.arange(width)[None]
    away_x = np.abs(at[..., 0, None, None] - columns)
    away_y = np.abs(at[..., 1, None, None] - rows)
    share = np.maximum(0, 1 - away_x) * np.maximum(0, 1 - away_y)
    step = float((subject.location_step * [width, height]).sum())
    near = (away_x < 1 + step) & (away_y < 1 + step)
    doubt = near * (weight * step + subject.weight_step)
    return (weight * share).sum((1, 2)), doubt.sum((1, 2))


def mass_marks(drawing: Sampling) -> list[dict]:
    if not drawing.view.get("mass"):
        return []
    level = drawing.view["level"]
    shares, doubts = shares_of(drawing, level)
    grid, doubt = shares.sum(0), doubts.sum(0)
    ordered = np.sort(grid.reshape(-1))
    ceiling = ordered[int((len(ordered) - 1) * QUANTILE)] or ordered[-1] or 1.0
    return [
        {
            "kind": "cells", **drawing.window.box([0, 0, 1, 1]), "of": {"level": level},
            "rows": grid.shape[0], "columns": grid.shape[1], "values": grid.reshape(-1),
            "low": 0.0, "high": ceiling, "tolerance_values": float(doubt.max()),
            "smooth": False, "alpha": 0.6,
        }
    ]  # fmt: skip


def reader_marks(drawing: Sampling) -> list[dict]:
    place = drawing.view.get("lookup")
    if not drawing.view.get("reverse") or place is None:
        return []
    level = drawing.view["level"]
    height, width = drawing.subject.shapes[level]
    row, column = min(height - 1, int(place[1] * height)), min(width - 1, int(place[0] * width))
    shares, doubts = shares_of(drawing, level)
    amounts, doubt = shares[:, row, column], float(doubts[:, row, column].max())
    ranked = [int(q) for q in np.argsort(-amounts, kind="stable") if amounts[q] > 0]
    most = amounts[ranked[0]] if ranked else 1.0
    marks = []
    for query in reversed(ranked):
        share = amounts[query] / most
        marks.append(
            {
                **reader(drawing, query, share), "of": {"query": query, "part": "reader"},
                "rank": -amounts[query], "tolerance_rank": 2 * doubt,
                "tolerance_share": 2 * doubt / most, "tolerance_channel": 3,
                "optional": amounts[query] <= doubt,
            }
        )  # fmt: skip
    centre = drawing.window.place([(column + 0.5) / width, (row + 0.5) / height])
    starts = drawing.window.place(drawing.subject.references[:, level, :2])
    for query in ranked[:LINES]:
        marks.append(
            {
                "kind": "line", "of": {"query": query, "part": "line"},
                "points": [starts[query], centre],
                "stroke": signs.amount_fill(amounts[query] / most), "tolerance_channel": 3,
                "lineWidth": 1.5, "halo": "#00000099",
            }
        )  # fmt: skip
    place_of = {"level": level, "row": row, "column": column, "part": "place"}
    outline = {"stroke": signs.WHITE, "lineWidth": 2, "halo": signs.BLACK}
    return [*marks, {**drawing.cell_rect(level, row, column), "of": place_of, **outline}]


def reader(drawing: Sampling, query: int, share: float) -> dict:
    colour = signs.amount_fill(share)
    if drawing.subject.is_encoder:
        cell = drawing.cell_rect(*drawing.subject.cells[query])
        return {
            **cell,
            "fill": colour,
            "fillAlpha": 0.35 + 0.5 * share,
            "stroke": colour,
            "lineWidth": 1,
        }
    if query in drawing.subject.found and share > 0.2:
        box = drawing.box_rect(query)
        wide = {"lineWidth": 1 + 2 * share, "tolerance_px": box["tolerance_px"] + 0.01}
        return {**box, "stroke": colour, **wide}
    x, y = drawing.window.place(drawing.subject.references[query, 0, :2])
    return {
        "kind": "marker", "shape": "circle", "x": x, "y": y, "size": 2 + 4 * share,
        "fill": colour, "stroke": signs.BLACK, "lineWidth": 1, "tolerance_px": 0.01,
    }  # fmt: skip
