"""How many keys a query has, counted where the module itself attends."""

import pytest
import torch

from deformviz.analysis.key_sets import COST_SIDES
from deformviz.analysis.relatives import RELATIVES
from deformviz.attention.neighborhood import NeighborhoodAttention
from deformviz.attention.pyramid import PyramidAttention
from deformviz.attention.qna import QnA
from deformviz.attention.slide import SlideAttention
from deformviz.attention.window_v2 import WindowAttentionV2

CHANNELS, HEADS = 4, 2


def weights_of_the_middle(name, size, side):
    """What one query in the middle of a map gives its keys [.. key]; and the keys that exist."""
    features = torch.randn(1, CHANNELS, side, side, generator=torch.Generator().manual_seed(1))
    middle = side // 2 * side + side // 2
    if name == "pyramid":
        return PyramidAttention(CHANNELS, HEADS, size)(features)[1].attention_weights[0, 0, middle]
    if name == "window_v2":
        tokens = torch.randn(1, size * size, CHANNELS)
        return WindowAttentionV2(CHANNELS, HEADS, size)(tokens)[1][0, 0, 0]
    if name == "qna":
        layer, shown = QnA(CHANNELS, HEADS, size, padding=size // 2), features.movedim(1, -1)
    else:
        kind = {"neighborhood": NeighborhoodAttention, "slide": SlideAttention}[name]
        layer, shown = kind(CHANNELS, HEADS, size), features
    _, trace = layer(shown)
    return trace.attention_weights[0, 0, middle]


@pytest.mark.parametrize("one", RELATIVES, ids=lambda one: one.name)
def test_a_query_has_as_many_keys_as_the_table_says(one):
    for side, keys in zip(COST_SIDES, one.keys, strict=True):
        with torch.no_grad():
            weights = weights_of_the_middle(one.name, one.size, side)
        assert weights.numel() == keys
        assert bool((weights > 0).all()) or one.name == "qna"  # every one of them counts
