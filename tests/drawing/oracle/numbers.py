"""What is told of one point, one knot and one query in numbers, from the float32 trace."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from deformviz.geometry import normalised_to_grid, normalised_to_original, to_pixel_index
from tests.drawing.oracle.grid_subject import GridSubject
from tests.drawing.oracle.stage import Window
from tests.drawing.oracle.subject import Subject

At = tuple[int, int, int]  # head, level, point
PLACES = {"picture": "in the picture", "padding": "in the padding", "outside": "outside the map"}


def shown(subject: Subject, query: int, heads: Iterable[int], levels: Iterable[int]) -> list[At]:
    """The samples of some heads and levels, heaviest first."""
    weights = subject.weights[query]
    points = range(weights.shape[2])
    every = [(h, level, p) for h in heads for level in levels for p in points]
    return sorted(every, key=lambda at: -weights[at])


def place_of(subject: Subject, location: np.ndarray) -> str:
    """Where a sample falls, in words."""
    if not ((location >= 0) & (location <= 1)).all():
        return PLACES["outside"]
    extent = Window(subject.frame, 1, 1).extent_xy
    return PLACES["picture" if (location <= extent).all() else "padding"]


def of_sample(subject: Subject, query: int, at: At) -> dict[str, list[float] | str]:
    """Every number of one sample, under the names of the readout."""
    level = at[1]
    hw, location = subject.shapes[level], subject.locations[query][at]
    here = to_pixel_index(location, hw)
    reference = to_pixel_index(subject.references[query, level, :2], hw)
    return {
        "weight": [subject.weights[query][at]],
        "offset": list(here - reference),
        "location": list(location),
        "level_px": list(here),
        "cell": [math.floor(here[1] + 0.5), math.floor(here[0] + 0.5)],
        "padded_px": list(to_pixel_index(location, subject.frame.padded_hw)),
        "original_px": list(normalised_to_original(subject.frame)(location)),
        "place": place_of(subject, location),
    }


def corners(subject: Subject, query: int, at: At) -> list[tuple[int, int, float, bool]]:
    """Row, column and share of the four cells a sample reads, and whether they are on the map."""
    height, width = subject.shapes[at[1]]
    x, y = to_pixel_index(subject.locations[query][at], (height, width))
    found = []
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            share = (1 - abs(x - column)) * (1 - abs(y - row))
            found.append((row, column, share, 0 <= row < height and 0 <= column < width))
    return found


def of_knot(subject: GridSubject, query: int, head: int, knot: int) -> dict[str, list[float]]:
    """Every number of one knot as a head reads it, under the names of the readout."""
    record, group = subject.record, subject.group_of(head)
    start, end = (subject.places(n)[group, knot] for n in ("reference_grid", "positions"))
    if record.query_grid is None:  # its displacements start in the middle of its cell
        row, column = divmod(query, record.query_hw[1])
        middle = np.array([column + 0.5, row + 0.5]) / record.query_hw[::-1]
        asked = normalised_to_grid(middle, record.query_hw, align_corners=record.align_corners)
    else:
        asked = np.asarray(record.query_grid, np.float64)[query]
    there = normalised_to_grid(end, record.query_hw, align_corners=record.align_corners)
    height, width = record.grid_hw
    bias = record.position_bias
    return {
        "weight": [subject.weights[head, query, knot]],
        "mean": [subject.weights[head].mean(0)[knot]],
        "bias": [float(bias[head, query, knot])] if bias is not None else [],
        "offset": list((end - start) * [width, height]),
        "displacement": list((asked - there)[::-1]),  # both (y, x) of [-1, 1]
        "original": list(normalised_to_original(subject.frame)(end)),
    }
