"""Answers of the lesson on offsets over training, from the recorded run that is shipped."""

import json
from functools import cache

import numpy as np
import torch

from deformviz.analysis.recorded_run import SHIPPED_RUNS
from deformviz.attention.reference import sample_level, star_offsets
from deformviz.tracing.packing import unpack_layer
from deformviz.tracing.store import SHIPPED, read_index

YES, NO = 0, 1
LAST = "decoder.2"
PICTURE = "beach-dusk"


@cache
def _curves() -> dict:
    return json.loads((SHIPPED_RUNS / "detector" / "curves.json").read_text())


def _of_last_layer(name: str) -> list[float]:
    """A statistic of the last decoder layer at every snapshot, averaged over heads and levels."""
    return [float(np.mean(values)) for values in _curves()["layers"][LAST][name]]


def queries_differ_at_the_start() -> int:
    return NO if _curves()["iterations"][0] == 0 and _of_last_layer("spread")[0] == 0 else YES


def directions_at_the_start() -> int:
    star = star_offsets(8, 1, 4)[:, 0]  # [head point xy]
    angles = torch.atan2(star[..., 1], star[..., 0]).round(decimals=4)
    return len(set(angles.flatten().tolist()))


def where_the_last_layer_looks() -> list[list[float]]:
    """The weighted middle of the best detection's samples, as shares of the shipped picture."""
    stored = next(one for one in read_index(SHIPPED) if one.name == PICTURE)
    layer = unpack_layer(stored.layer_gzip(LAST))
    query = layer.header["start_query"]
    places = np.asarray(layer.locations[query], float).reshape(-1, 2)
    weights = np.asarray(layer.weights[query], float).reshape(-1, 1)
    return [((places * weights).sum(0) / weights.sum()).tolist()]


def way_from_the_star() -> float:
    return _of_last_layer("displacement")[-1]


def gradient_on_a_flat_map() -> int:
    """The choice that says why a point on a flat map does not move."""
    place = torch.tensor([[[[[0.45, 0.4]]]]], dtype=torch.float64).requires_grad_()
    flat = torch.full((1, 5, 6, 1, 1), 3.0, dtype=torch.float64)
    (slope,) = torch.autograd.grad(sample_level(flat, place).sum(), place)
    return 2 if not slope.any() else 1


def when_most_weight_lies_inside() -> int:
    """0 if half of what the weight on the object gains is there before iteration 3,000; 1 by
    half-way; else 2."""
    iterations, share = _curves()["iterations"], _of_last_layer("inside_share")
    half = (share[0] + share[-1]) / 2
    reached = max(i for i, s in zip(iterations, share, strict=True) if s < half)
    return 0 if reached < 3000 else 1 if reached <= iterations[-1] / 2 else 2
