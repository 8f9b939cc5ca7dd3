"""What attributions and deletions found, as records of plain numbers: read without torch."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from deformviz.axes import axes, check_axes, record

QUANTITIES = ("sampled values", "attention weights", "sampling offsets")
METHODS = ("integrated gradients", "gradient x input")
COMPLETE = 0.01  # of the score difference
ORDERS = ("weight", "attribution", "random")
KINDS = ("deletion", "insertion")
HEAVIEST = 10
NUMBERS_AT_ONCE = 2_100_000  # of a layer's inputs in one batch; 16 times a picture of 210 pixels
MOST_AT_ONCE = 64
PIECE_STEPS = 8  # of a stretch of a path


@record
class Attribution:
    """What every sample of a layer is worth; sums to `score` - `baseline_score` if complete."""

    layer: str
    quantity: str
    method: str
    values: np.ndarray = axes("query head level point")
    score: float
    baseline_score: float  # at the other end of the path
    steps: int  # of the path; 1 for a gradient
    only_query: int | None = None  # the one that `values` is of; None: all of them
    total: float | None = None  # of all queries, where `values` is of one

    def __post_init__(self):
        check_axes(self, unbatched=("values",))

    @property
    def difference(self) -> float:
        return self.score - self.baseline_score

    @property
    def completeness_error(self) -> float:
        """How far the sum is from the score difference, as a share of it."""
        total = float(self.values.sum()) if self.total is None else self.total
        return relative_error(total, self.difference)

    def of_query(self, query: int) -> np.ndarray:
        """What the samples of one query are worth [head level point].

        Raises:
            KeyError: the values of that query were not kept.
        """
        if self.only_query is None:
            return self.values[query]
        if query != self.only_query:
            raise KeyError(f"Of {self.layer}, query {self.only_query} was kept; {query} was not.")
        return self.values[0]

    def kept_of(self, query: int) -> "Attribution":
        """The same with the values of one query alone, and what they all add up to."""
        values = self.of_query(query)[None]
        total = float(self.values.sum()) if self.total is None else self.total
        return replace(self, values=values, only_query=query, total=total)

    def other_queries(self, asked: slice) -> float:
        """Share of all magnitude that lies at samples of queries that were not asked, 0 to 1."""
        total = float(np.abs(self.values).sum())
        return 1 - float(np.abs(self.values[asked]).sum()) / total if total else 0.0


def relative_error(total: float, difference: float) -> float:
    """|total - difference| as a share of |difference|; infinite where there is no difference."""
    wrong = abs(total - difference)
    return wrong / abs(difference) if difference else (0.0 if wrong == 0 else float("inf"))


@dataclass(frozen=True)
class Faithfulness:
    """Scores while points of one layer are deleted or inserted, for each order."""

    layer: str
    points: int  # how many there are
    counts: np.ndarray  # [step], how many are gone, or in
    curves: Mapping[tuple[str, Any], np.ndarray]  # (kind, order) -> score [step]

    def area(self, kind: str, order: Any) -> float:
        """Mean score along the curve: small is telling for deletion, large for insertion."""
        return curve_area(self.counts / self.points, self.curves[kind, order])


def curve_area(shares: np.ndarray, scores: np.ndarray) -> float:
    """Area under a curve over shares from 0 to 1, by trapezoids."""
    return float(np.trapezoid(scores, shares))


@dataclass(frozen=True)
class TableRow:
    """One method on one layer; areas are mean scores while points are deleted by that method."""

    layer: str
    quantity: str  # "" for the attention weights themselves and for chance
    method: str
    difference: float  # of the score between both ends of the path; NaN without a path
    completeness_error: float  # as a share of it
    steps: int
    agreement: float  # rank correlation with the attention weights
    deletion_area: float
    insertion_area: float
    other_queries: float  # share of the attribution at samples of other queries


@dataclass(frozen=True)
class AskedNumber:
    """Which number of an answer a study is about, without the model that gives it."""

    query: int
    label: int
    is_share: bool  # whether it lies between 0 and 1


@dataclass(frozen=True)
class Study:
    """All that was computed for one number of an answer."""

    target: Any
    score: float
    rows: tuple[TableRow, ...]
    attributions: dict[tuple[str, str, str], Attribution]  # (layer, quantity, method)
    curves: dict[str, Faithfulness]  # layer -> Faithfulness, by values
    without_heaviest: dict[str, float]  # layer -> score without ten points
    without_any: dict[str, float]  # layer -> score without its points

    def to_csv(self) -> str:
        """The table as text, one row per method and layer."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        names = [field.name for field in fields(TableRow)]
        writer.writerow(names)
        writer.writerows([getattr(row, name) for name in names] for row in self.rows)
        return file.getvalue()


@dataclass(frozen=True)
class PixelAttribution:
    """What each pixel of the model's input is worth: [height width], resized picture."""

    method: str
    values: np.ndarray
    score: float
    baseline_score: float  # of the grey picture
    steps: int

    @property
    def completeness_error(self) -> float | None:
        """As a share of the score difference; None where the method does not claim to add up."""
        if self.method != METHODS[0]:
            return None
        return relative_error(float(self.values.sum()), self.score - self.baseline_score)
