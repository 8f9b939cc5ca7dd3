"""How a deformed grid changes over training: each snapshot of a DAT on one picture.

`grids.json` of a run holds what was measured once on many scenes, see `recorded_dat`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deformviz.analysis.grid import cells, knot_importance, on_mask
from deformviz.geometry import grid_to_normalised
from deformviz.schema import GridTrace
from deformviz.training.run_folder import RunFolder, RunFolderError

SCORES = ("accuracy", "attention_on_object", "knots_on_object", "undeformed_on_object")
Statistics = dict[str, list[float | None]]  # name -> [head]


def grid_layer_statistics(trace: GridTrace, mask: np.ndarray | None = None) -> Statistics:
    """One layer's grid on one picture in numbers, a list with an entry per head each.

    Args:
        trace: of one image (not batched).
        mask: bool [height width] of the padded picture, where the object is, if known.

    Returns:
        displacement: mean distance of the head's knots from the undeformed grid, in cells.
        entropy: of the attention over knots, in nats, mean over queries.
        heaviest: the largest attention of a query, mean over queries.
        inside_share: share of the attention that is read on the object; only with a mask.
    """
    weights = np.asarray(trace.attention_weights, np.float64)  # [head query knot]
    of_group = [trace.group_of(head) for head in range(len(weights))]
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.where(weights > 0, -weights * np.log(weights), 0.0)
    found = {
        "displacement": _moved(trace)[of_group],
        "entropy": information.sum(-1).mean(-1),
        "heaviest": weights.max(-1).mean(-1),
    }
    if mask is not None:
        points = grid_to_normalised(
            np.asarray(trace.positions, np.float64),
            trace.query_hw,
            align_corners=trace.align_corners,
        )
        found["inside_share"] = (knot_importance(trace) * on_mask(points, mask)[of_group]).sum(-1)
    return {name: [round(float(value), 5) for value in values] for name, values in found.items()}


def _moved(trace: GridTrace) -> np.ndarray:
    """Mean distance of the knots of each group from where they started, in cells: [group]."""
    reference = np.asarray(trace.reference_grid, np.float64)
    start, end = (
        cells(np.asarray(grid, np.float64), trace.grid_hw, reference)
        for grid in (trace.reference_grid, trace.positions)
    )
    return np.linalg.norm(end - start, axis=-1).mean(-1)


def grid_curves(
    snapshots: Mapping[int, Mapping[str, Statistics]], rows: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Curves in the layout of `curves`: statistics per layer and head, scores of the whole model.

    Args:
        snapshots: iteration -> layer -> what `grid_layer_statistics` found.
        rows: what `read_grid_scores` read.
    """
    iterations = sorted(snapshots)
    first = snapshots[iterations[0]]
    measured = {row["iteration"]: row for row in rows}
    known = [name for name in SCORES if any(name in row for row in rows)]
    return {
        "iterations": iterations,
        "layers": {
            layer: {name: [snapshots[i][layer][name] for i in iterations] for name in statistics}
            for layer, statistics in first.items()
        },
        "scores": {name: [measured.get(i, {}).get(name) for i in iterations] for name in known},
    }


def read_grid_scores(folder: RunFolder) -> list[dict[str, Any]]:
    """The rows of `grids.json`, one per snapshot; none if the run has no such file.

    Raises RunFolderError if the file cannot be read as such rows.
    """
    path = folder.path / "grids.json"
    if not path.is_file():
        return []
    try:
        rows = json.loads(path.read_text())
        if not all(isinstance(row["iteration"], int) for row in rows):
            raise ValueError
        return rows
    except (ValueError, KeyError, TypeError):
        raise RunFolderError(
            f"{folder.path.name}/grids.json cannot be read as rows of numbers, one per snapshot."
        ) from None
