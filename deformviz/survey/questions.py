"""Questions to the tables of a study, answered by DuckDB over its Parquet files. Read-only.

A `Which` says which pictures are asked about; an answer is small, whatever the size of the study.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from deformviz.survey.pictures import SurveyError
from deformviz.survey.sums import ALL

BARS = 24
OF_DETECTIONS = ("entropy", "heaviest", "outside_share", "inside_share", "radius_box", "score")


@dataclass(frozen=True)
class Which:
    """Pictures by what was detected in them: all, "size S", "class cat", "right" or "wrong"."""

    group: str = ALL

    def where(self) -> tuple[str, list[Any]]:
        """A condition on detections with its values; "" for all."""
        kind, _, value = self.group.partition(" ")
        if self.group == ALL:
            return "", []
        if kind in ("size", "class") and value:
            return f'"{kind}" = ?', [value]
        if self.group in ("right", "wrong"):
            return f'{"" if self.group == "right" else "NOT "}"right"', []
        raise SurveyError(
            f"There is no group {self.group!r}; write all, size S, class cat, right or wrong."
        )

    def pictures(self) -> tuple[str, list[Any]]:
        """A condition on a table with pictures, with its values."""
        condition, values = self.where()
        if not condition:
            return "TRUE", []
        return f"picture IN (SELECT picture FROM detections WHERE {condition})", values


EVERY = Which()


@dataclass(frozen=True, eq=False)
class LayerMeans:
    """A measure of every head, its mean over pictures; on its largest level, or of all."""

    layers: tuple[str, ...]  # of every row
    heads: np.ndarray  # [row]
    mean: np.ndarray  # [row]
    pictures: int


@dataclass(frozen=True, eq=False)
class Bars:
    """How many pictures fall in each of several equal ranges of a measure."""

    edges: np.ndarray  # [bar + 1]
    counts: np.ndarray  # [bar]


def _known(measure: str) -> str:
    from deformviz.survey.rows import MEASURES  # with Arrow, which who reads answers does without

    if measure not in MEASURES:
        raise SurveyError(f"There is no measure {measure!r}; there are {', '.join(MEASURES)}.")
    return measure


def layer_means(connection: Any, measure: str, which: Which = EVERY) -> LayerMeans:
    """A measure of every head over the pictures asked about, in the order of the layers."""
    condition, values = which.pictures()
    rows = connection.execute(
        f"""
        SELECT layer, head, avg("{_known(measure)}"), count(*) FROM heads
        WHERE {condition} AND isfinite("{measure}")
        GROUP BY layer, head ORDER BY layer NOT LIKE 'encoder%', layer, head
        """,
        values,
    ).fetchall()
    layers, heads, means, pictures = zip(*rows, strict=True) if rows else ((), (), (), ())
    return LayerMeans(
        layers, np.array(heads, int), np.array(means, float), max(pictures, default=0)
    )


def bars(
    connection: Any,
    measure: str,
    layer: str,
    head: int,
    which: Which = EVERY,
    count: int = BARS,
) -> Bars:
    """How a head's measure is spread over pictures."""
    values = connection.execute(_values(measure, which), _asked(which, layer, head)).fetchnumpy()
    numbers = np.asarray(values["value"], float)
    if not len(numbers):
        return Bars(np.zeros(1), np.zeros(0, int))
    low, high = float(numbers.min()), float(numbers.max())
    edges = np.linspace(low, high if high > low else low + 1e-6, count + 1)
    return Bars(edges, np.histogram(numbers, edges)[0])


def pictures_behind(
    connection: Any,
    measure: str,
    layer: str,
    head: int,
    low: float,
    high: float,
    which: Which = EVERY,
    limit: int = 6,
) -> list[dict[str, Any]]:
    """Pictures whose measure lies in a range, the largest first: number, name, path, value.

    `query` is the one of their best detection, None where there is none.
    """
    rows = connection.execute(
        f"""
        WITH found AS ({_values(measure, which)})
        SELECT found.picture, name, path, value, query FROM found
        JOIN pictures USING (picture)
        LEFT JOIN (SELECT picture, query FROM detections WHERE detection = 0) USING (picture)
        WHERE value >= ? AND value <= ? ORDER BY value DESC, found.picture LIMIT ?
        """,
        [*_asked(which, layer, head), low, high, limit],
    ).fetchall()
    names = ("picture", "name", "path", "value", "query")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _values(measure: str, which: Which) -> str:
    """SQL of a head's measure, one row per picture; its values are those of `_asked`."""
    condition, _ = which.pictures()
    return f"""SELECT picture, CAST("{_known(measure)}" AS DOUBLE) AS value FROM heads
        WHERE layer = ? AND head = ? AND {condition} AND isfinite("{measure}")"""


def _asked(which: Which, layer: str, head: int) -> list[Any]:
    return [layer, head, *which.pictures()[1]]


def correctness(connection: Any, which: Which = EVERY) -> dict[str, tuple[float, int]]:
    """Correlation of being right with how the last layer looked: measure -> (r, detections).

    Point-biserial: Pearson's r with right as 1 and wrong as 0. Empty without annotations.
    """
    condition, values = which.where()
    asked = ", ".join(
        f'corr(CAST("right" AS DOUBLE), "{name}"), count("{name}")' for name in OF_DETECTIONS
    )
    (row,) = connection.execute(
        f'SELECT {asked} FROM detections WHERE "right" IS NOT NULL'
        + (f" AND {condition}" if condition else ""),
        values,
    ).fetchall()
    pairs = zip(OF_DETECTIONS, row[::2], row[1::2], strict=True)
    return {name: (float(r), int(n)) for name, r, n in pairs if r is not None and np.isfinite(r)}
