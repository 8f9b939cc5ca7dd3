"""Four codes of a deformed grid at zero offset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.worker import Task


@dataclass(frozen=True, eq=False)
class Undeformed:
    """A code's knots and query starts at zero offset, normalised (x, y)."""

    title: str
    knots_xy: np.ndarray  # [knot xy]
    starts_xy: np.ndarray  # [query xy]
    mean_shift: tuple[float, float]  # (x, y) from the middles of the patches, in cells
    largest_shift: float  # of one knot, in cells


def undeformed(task: Task) -> tuple[Undeformed, ...]:
    """The real modules run, with the last layer of their offset networks set to zero."""
    from deformviz.analysis.grid_versions import undeformed_grids

    task.report("four codes")
    return tuple(
        Undeformed(one.title, one.knots_xy, one.starts_xy, one.mean_shift, one.largest_shift)
        for one in undeformed_grids()
    )
