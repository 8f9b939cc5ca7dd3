"""The formula of the paper, term by term, and what the real module is counted to do."""

from dataclasses import replace

import pytest
import torch

from deformviz.analysis.cost import (
    AttentionSizes,
    convolution_parameters,
    deformable_cost,
    dense_cost,
    flip_queries,
    module_cost,
    sample_first_cost,
    separable_parameters,
    short_form_holds,
    value_first_cost,
)
from deformviz.analysis.multiply_adds import count_multiply_adds
from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.attention.dense import dense_attention

PAPER = AttentionSizes(queries=300, pixels=1000, channels=256, heads=8, points=4)


def test_the_terms_by_hand():
    small = AttentionSizes(queries=3, pixels=5, channels=2, heads=2, points=2)
    # 3·4 + min(5·4, 3·2·4) + 5·3·2·2 + 3·3·2·2·2 = 12 + 20 + 60 + 72.
    assert deformable_cost(small) == 164
    assert deformable_cost(replace(small, queries=2)) == 8 + 16 + 40 + 48


def test_min_flips_where_the_samples_outnumber_the_pixels():
    assert flip_queries(PAPER) == 250
    fewer, more = replace(PAPER, queries=249), replace(PAPER, queries=251)
    assert sample_first_cost(fewer) < value_first_cost(fewer)
    assert sample_first_cost(more) > value_first_cost(more)
    assert deformable_cost(fewer) < module_cost(fewer)
    assert deformable_cost(more) == module_cost(more)


def test_the_short_form_holds_for_the_papers_single_scale_and_not_for_its_four_levels():
    assert short_form_holds(PAPER)  # 5·4 + 3·8·4 = 116 < 256
    assert not short_form_holds(replace(PAPER, levels=4))  # 464


@pytest.mark.parametrize("levels", [1, 3])
def test_the_module_does_as_many_multiply_adds_as_the_formula_says(levels):
    shapes = [(5, 7), (3, 4), (2, 2)][:levels]
    pixels = sum(height * width for height, width in shapes)
    sizes = AttentionSizes(queries=6, pixels=pixels, channels=12, heads=3, points=2, levels=levels)
    module = MultiScaleDeformableAttention(12, 3, levels, 2, backend="reference")
    query, references = torch.zeros(1, 6, 12), torch.full((1, 6, levels, 2), 0.5)
    counted = count_multiply_adds(
        lambda: module(query, references, torch.zeros(1, pixels, 12), shapes, traced=False)
    )
    assert counted == module_cost(sizes)


def test_dense_attention_does_as_many_as_its_formula_says():
    projections = [torch.nn.Linear(6, 6) for _ in range(4)]
    query, keys = torch.zeros(1, 5, 6), torch.zeros(1, 9, 6)

    def attend():
        q, k, v = (
            layer(tokens) for layer, tokens in zip(projections, (query, keys, keys), strict=False)
        )
        return projections[3](dense_attention(q, k, v, heads=2)[0])

    assert count_multiply_adds(attend) == dense_cost(5, 9, 6)


def test_deformable_is_linear_in_the_pixels_where_dense_is_quadratic():
    def encoder(pixels):
        return replace(PAPER, queries=pixels, pixels=pixels)

    assert deformable_cost(encoder(2000)) == 2 * deformable_cost(encoder(1000))
    assert dense_cost(2000, 2000, 256) > 2 * dense_cost(1000, 1000, 256)


def test_parameters_of_convolutions():
    assert convolution_parameters(16, 32, 3) == 4608
    assert separable_parameters(16, 32, 3) == 656
    assert convolution_parameters(16, 32, 3, groups=2) == 2304
    with pytest.raises(ValueError, match="multiples of groups"):
        convolution_parameters(16, 32, 3, groups=3)


def test_a_size_of_nothing_is_refused():
    with pytest.raises(ValueError, match="heads is 0"):
        replace(PAPER, heads=0)
