"""Two complete lists of marks, what should be drawn and what is, held against each other."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from tests.drawing.oracle.signs import channels

Mark = Mapping[str, Any]
LENGTHS = ("x", "y", "width", "height", "size", "points", "lineWidth", "haloWidth")
SHARES = ("alpha", "fillAlpha")
COLOURS = ("fill", "stroke")
WORDS = ("kind", "shape", "text", "dash", "halo", "align", "weight", "smooth")
PLACED = ("rows", "columns")
TOLD_APART = (
    "query",
    "head",
    "level",
    "point",
    "group",
    "knot",
    "row",
    "column",
    "part",
    "set",
    "step",
)
EXACT_PX = 1e-3  # float32 references and double arithmetic: what has no quantisation


# What was compared in this process: (file of tests, surface) -> how many marks, furthest in px.
TALLY: dict[tuple[str, str], tuple[int, float]] = {}


def tally(surface: str, marks: int, furthest_px: float) -> None:
    """Add to what `python -m tests.drawing.table` prints."""
    path = os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[0]
    key = path.rpartition("/test_")[2].removesuffix("_oracle.py"), surface
    before, furthest = TALLY.get(key, (0, 0.0))
    TALLY[key] = before + marks, max(furthest, furthest_px)


@dataclass
class Comparison:
    """What a comparison saw: how many marks, how far off at most, and what is wrong."""

    marks: int = 0
    furthest_px: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def __iadd__(self, other: Comparison) -> Comparison:
        self.marks += other.marks
        self.furthest_px = max(self.furthest_px, other.furthest_px)
        self.wrong += other.wrong
        return self


def key_of(mark: Mark) -> str:
    """What tells one mark from another: its kind and what it stands for."""
    of = {name: value for name, value in mark.get("of", {}).items() if name in TOLD_APART}
    return json.dumps([mark["kind"], mark.get("panel"), sorted(of.items())])


def compare(expected: Sequence[Mark], drawn: Sequence[Mark], layer: str) -> Comparison:
    """Hold one layer's marks against what they should be.

    An expected mark may have `tolerance_px` and `tolerance_share`, how far quantisation may have
    moved it; `optional`, that it may be missing; `weight_of`, by which the order goes.
    """
    found, want, have = Comparison(len(drawn)), defaultdict(list), defaultdict(list)
    ranks: dict[int, float] = {}
    for marks, kept in ((expected, want), (drawn, have)):
        for mark in marks:
            kept[key_of(mark)].append(mark)
    for key in want.keys() | have.keys():
        ours, theirs = want[key], have[key]
        if len(theirs) < len([m for m in ours if not m.get("optional")]):
            found.wrong.append(f"{layer}: {len(theirs)} of {len(ours)} drawn: {key}")
        elif len(theirs) > len(ours):
            found.wrong.append(f"{layer}: drawn but not expected: {key}")
        for mark, other in nearest_pairs(ours, theirs):
            hold(mark, other, f"{layer} {key}", found)
            if "rank" in mark:
                ranks[id(other)] = mark["rank"]
    check_order(expected, drawn, ranks, layer, found)
    tally(layer, found.marks, found.furthest_px)
    return found


def nearest_pairs(ours: Sequence[Mark], theirs: Sequence[Mark]) -> list[tuple[Mark, Mark]]:
    """Marks that nothing but their place tells apart belong to the nearest one."""
    if len(ours) < 2 or not all("x" in mark for mark in (*ours, *theirs)):
        return list(zip(ours, theirs, strict=False))
    places = [np.array([[mark["x"], mark["y"]] for mark in marks]) for marks in (ours, theirs)]
    away = np.linalg.norm(places[0][:, None] - places[1], axis=-1)
    return [(ours[i], theirs[j]) for i, j in zip(*linear_sum_assignment(away), strict=True)]


def hold(mark: Mark, other: Mark, name: str, found: Comparison) -> None:
    """One mark against what it should be."""
    tolerance = mark.get("tolerance_px", 0.0) + EXACT_PX
    for each in LENGTHS:
        if (each in mark) != (other.get(each) is not None):
            found.wrong.append(f"{name}: {each} is {other.get(each)}, expected {mark.get(each)}")
            continue
        if each not in mark:
            continue
        ours, theirs = np.asarray(mark[each], float), np.asarray(other[each], float)
        if ours.shape != theirs.shape:
            found.wrong.append(f"{name}: {each} has shape {theirs.shape}, expected {ours.shape}")
            continue
        away = float(np.abs(ours - theirs).max())
        found.furthest_px = max(found.furthest_px, away)
        if not away <= tolerance:
            found.wrong.append(
                f"{name}: {each} is {theirs.tolist()}, expected {ours.tolist()} +- {tolerance:.4f}"
            )
    for each in SHARES:
        ours, theirs = mark.get(each, 1.0), other.get(each, 1.0)
        if not abs(ours - theirs) <= mark.get("tolerance_share", 0.0) + 1e-6:
            found.wrong.append(f"{name}: {each} is {theirs}, expected {ours}")
    for each in (*WORDS, *PLACED):
        if mark.get(each) != other.get(each):
            found.wrong.append(
                f"{name}: {each} is {other.get(each)!r}, expected {mark.get(each)!r}"
            )
    for each in COLOURS:
        if not same_colour(mark.get(each), other.get(each), mark.get("tolerance_channel", 0)):
            found.wrong.append(f"{name}: {each} is {other.get(each)}, expected {mark.get(each)}")
    for each in ("values", "low", "high"):
        hold_values(mark, other, each, name, found)


def hold_values(mark: Mark, other: Mark, each: str, name: str, found: Comparison) -> None:
    if (each in mark) != (each in other):
        found.wrong.append(f"{name}: {each} is only {'expected' if each in mark else 'drawn'}")
    elif each in mark:
        away = np.abs(np.asarray(mark[each], float) - np.asarray(other[each], float))
        if not (away <= np.asarray(mark["tolerance_values"]) + 1e-9).all():
            found.wrong.append(f"{name}: {each} differ by up to {away.max():.3g}")


def same_colour(ours: str | None, theirs: str | None, step: int) -> bool:
    """Equal text, or rgb() colours whose channels differ by no more than a step."""
    if ours == theirs:
        return True
    if (
        ours is None
        or theirs is None
        or not ours.startswith("rgb(")
        or not theirs.startswith("rgb(")
    ):
        return False
    pairs = zip(channels(ours), channels(theirs), strict=True)
    return all(abs(a - b) <= step + 1 for a, b in pairs)


def check_order(expected, drawn, ranks: dict[int, float], layer: str, found: Comparison) -> None:
    """Marks with a weight are painted in its order, up to what quantisation cannot tell apart."""
    tolerance = max((mark.get("tolerance_rank", 0.0) for mark in expected), default=0.0)
    seen = [(mark.get("panel"), ranks[id(mark)]) for mark in drawn if id(mark) in ranks]
    for (panel, first), (next_panel, second) in zip(seen, seen[1:], strict=False):
        if panel == next_panel and second > first + tolerance:
            found.wrong.append(f"{layer}: a mark of rank {second} is painted after one of {first}")
            return
    kinds = [key_of(mark) for mark in expected if "rank" not in mark]
    others = [key_of(mark) for mark in drawn if id(mark) not in ranks]
    if sorted(kinds) == sorted(others) and kinds != others:
        found.wrong.append(f"{layer}: painted in another order")
