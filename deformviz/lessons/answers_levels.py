"""Answers of the lesson on levels and boxes."""

import numpy as np
import torch

from deformviz.attention.reference import (
    locations_from_boxes,
    locations_from_points,
    normalise_weights,
)
from deformviz.tracing.packing import unpack_layer
from deformviz.tracing.store import SHIPPED, read_index

WIDTH_PX, LAST = 256, 3
SHAPES = [(32, 32), (16, 16), (8, 8), (4, 4)]


def step_on_the_last_level() -> float:
    """Pixels of the picture that an offset of (1, 0) moves on the coarsest level."""
    offsets = torch.zeros(1, 1, 1, 4, 1, 2)
    offsets[..., LAST, 0, 0] = 1
    locations = locations_from_points(torch.full((1, 1, 4, 2), 0.5), offsets, SHAPES)
    return float((locations[0, 0, 0, LAST, 0, 0] - 0.5) * WIDTH_PX)


def step_in_a_box() -> float:
    """The share of half the box's width that an offset of (1, 0) reaches, with four points."""
    offsets = torch.zeros(1, 1, 1, 1, 4, 2)
    offsets[..., 0, 0] = 1
    locations = locations_from_boxes(torch.tensor([[[[0.5, 0.5, 0.4, 0.2]]]]), offsets)
    return float((locations[0, 0, 0, 0, 0, 0] - 0.5) / 0.2)


def levels_sum_choice() -> int:
    """Which weights sum to 1: those of each level, of all levels, or of all heads together."""
    raw = torch.randn(1, 1, 2 * 4 * 4, generator=torch.Generator().manual_seed(0)).double()
    weights = normalise_weights(raw, 2, 4, 4)
    sums = (weights.sum(-1), weights.sum((-1, -2)), weights.sum((-1, -2, -3)))
    return next(i for i, found in enumerate(sums) if torch.allclose(found, torch.ones_like(found)))


def heaviest_level_of_the_decoder() -> int:
    """The level with most weight in the last decoder layer, over the shipped traces."""
    shares = []
    for stored in read_index(SHIPPED):
        weights = unpack_layer(stored.layer_gzip("decoder.2")).weights
        shares.append(np.asarray(weights, float).sum(axis=(0, 1, 3)))
    return int(np.argmax(np.sum(shares, axis=0)))
