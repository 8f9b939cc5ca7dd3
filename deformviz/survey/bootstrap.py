"""How sure a mean over pictures is: resampled pictures, intervals, and many questions at once."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

RESAMPLES = 1000
LEVEL = 0.05  # of false discoveries


@dataclass(frozen=True, eq=False)
class Mean:
    """Means over pictures with what resampling says of them; arrays of one shape."""

    value: np.ndarray
    low: np.ndarray  # of the 95 % interval
    high: np.ndarray
    error: np.ndarray  # standard error


def mean_over_pictures(values: np.ndarray, seed: int = 0, resamples: int = RESAMPLES) -> Mean:
    """The mean over pictures and its bootstrap interval; NaN of a picture is left out.

    Args:
        values: [picture ..].
    """
    known = np.isfinite(values)
    flat = np.where(known, values, 0.0).reshape(len(values), -1)
    there = known.reshape(len(values), -1).astype(np.float64)
    drawn = np.random.default_rng(seed).multinomial(
        len(values), np.full(len(values), 1 / len(values)), size=resamples
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (drawn @ flat) / (drawn @ there)
        value = flat.sum(0) / there.sum(0)
    with warnings.catch_warnings():  # where no picture has a value, neither has the mean
        warnings.simplefilter("ignore", RuntimeWarning)
        low, high = np.nanquantile(means, (0.025, 0.975), axis=0)
        error = np.nanstd(means, axis=0)
    shape = values.shape[1:]
    return Mean(*(part.reshape(shape) for part in (value, low, high, error)))


def p_values(difference: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Two-sided p of differences with their standard errors; 1 where both are zero."""
    from scipy.special import ndtr  # not needed to read what was found

    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.abs(difference) / error
    z = np.where(np.isnan(z), 0.0, z)
    return 2 * ndtr(-z)


def discoveries(p: np.ndarray, level: float = LEVEL) -> np.ndarray:
    """Which of many questions are answered yes, with the false discovery rate controlled.

    Source: Benjamini and Hochberg 1995: the largest k with p_(k) <= level * k / n, and all below.
    """
    flat = p.reshape(-1)
    order = np.argsort(flat)
    below = flat[order] <= level * (np.arange(len(flat)) + 1) / max(len(flat), 1)
    found = np.zeros(len(flat), bool)
    if below.any():
        found[order[: int(below.nonzero()[0].max()) + 1]] = True
    return found.reshape(p.shape)
