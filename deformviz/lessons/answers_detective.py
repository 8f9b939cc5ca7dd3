"""Answers of the last lesson: what each planted mistake does."""

import torch

from deformviz.attention.reference import sampling_locations
from deformviz.lessons.answers_cost import tokens
from deformviz.lessons.calculators import SIZE_HW
from deformviz.walkthrough.breaking import (
    locations_as_yx,
    locations_without_half,
    weights_per_level,
)

SHAPES = [(5, 7), (3, 4)]


def _places(formula) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    references = torch.rand(1, 3, 2, 2, generator=generator)
    offsets = torch.randn(1, 3, 2, 2, 2, 2, generator=generator)
    return formula(references, offsets, SHAPES)


def what_mirrors() -> int:
    mirrored = torch.equal(_places(locations_as_yx), _places(sampling_locations).flip(-1))
    return 0 if mirrored else 1


def sum_with_softmax_over_points() -> float:
    raw = torch.randn(1, 1, 4 * 4, generator=torch.Generator().manual_seed(0)).double()
    return float(weights_per_level(raw, 1, 4, 4).sum())


def what_shifts_by_half() -> int:
    moved = _places(locations_without_half) - _places(sampling_locations)
    sizes = torch.tensor([(width, height) for height, width in SHAPES])[:, None, :]
    return 2 if torch.allclose(moved * sizes, torch.full_like(moved, 0.5), atol=1e-5) else 0


def tokens_at_608_by_843() -> int:
    return tokens(SIZE_HW)


def shape_of_decoder_locations() -> int:
    references = torch.rand(2, 300, 4, 2)
    offsets = torch.zeros(2, 300, 8, 4, 4, 2)
    found = list(sampling_locations(references, offsets, [(8, 8)] * 4).shape)
    return [[2, 10723, 8, 4, 4, 2], [2, 300, 4, 2], [2, 300, 8, 16], [2, 300, 8, 4, 4, 2]].index(
        found
    )
