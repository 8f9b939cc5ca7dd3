"""The head atlas's grid: which cell of a histogram an offset falls in."""

from __future__ import annotations

import numpy as np

BINS = 33
REACH_PX = 8.25  # of the histogram on either side, level pixels
REACH_BOX = 2.0625  # the same in half sides of the box: 1 is its edge


def cells(offsets: np.ndarray, reach: float) -> np.ndarray:
    """The cell that offsets [xy ..] fall in [..], as float32; the rim holds what is beyond.

    Cells are counted row by row, y first.
    """
    columns, rows = (_along(plane, reach) for plane in offsets)
    rows *= np.float32(BINS)
    rows += columns
    return rows


def _along(offsets: np.ndarray, reach: float) -> np.ndarray:
    places = offsets + np.float32(reach)
    places *= np.float32(BINS / (2 * reach))
    np.clip(places, 0, BINS - 1, out=places)
    return np.trunc(places, out=places)  # which is down from the clip on
