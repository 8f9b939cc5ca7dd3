"""Answers of the lesson on comparing: softmax, and weights with and without keys."""

import math

import torch

from deformviz.attention.deformable import MultiScaleDeformableAttention

YES, NO = 0, 1


def weight_of_log_nine() -> float:
    return float(torch.tensor([0.0, math.log(9)], dtype=torch.float64).softmax(0)[1])


def naive_softmax_choice() -> int:
    """What the formula as it is written says of (10000, 10001)."""
    powers = torch.tensor([10000.0, 10001.0], dtype=torch.float64).exp()
    naive = powers / powers.sum()
    stable = torch.tensor([10000.0, 10001.0], dtype=torch.float64).softmax(0)
    if naive.isnan().all():
        return 2
    return 0 if torch.allclose(naive, stable) else 1


def dense_weights_follow_content() -> int:
    """Whether one query's weights change when the keys of other pixels do."""
    generator = torch.Generator().manual_seed(0)
    query, keys = torch.randn(4, generator=generator), torch.randn(6, 4, generator=generator)
    before = (keys @ query / 2).softmax(0)
    keys[3] = torch.randn(4, generator=generator)
    return NO if torch.allclose(before, (keys @ query / 2).softmax(0)) else YES


@torch.no_grad()
def deformable_weights_follow_content() -> int:
    """Whether a layer's weights or places change when what it reads does."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    layer = MultiScaleDeformableAttention(
        channels=8, heads=2, levels=1, points=2, backend="reference"
    ).eval()
    for parameter in layer.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator))
    query, references = torch.randn(1, 3, 8, generator=generator), torch.full((1, 3, 1, 2), 0.5)

    def look():
        value = torch.randn(1, 12, 8, generator=generator)
        return layer(query, references, value, [(3, 4)], traced=True)[1]

    first, second = look(), look()
    same = torch.equal(first.attention_weights, second.attention_weights)
    return NO if same and torch.equal(first.sampling_locations, second.sampling_locations) else YES
