"""The toy layer, every number worked out with a pencil."""

from dataclasses import replace

import pytest
import torch

from deformviz.schema import AttentionTrace
from deformviz.walkthrough.bilinear import bilinear
from deformviz.walkthrough.gradients import LayerGradients, gradients
from deformviz.walkthrough.multi_head import multi_head
from deformviz.walkthrough.multi_scale import multi_scale, single_scale
from deformviz.walkthrough.toy import toy_inputs, toy_module


def close(value, expected):
    return torch.allclose(value, torch.tensor(expected, dtype=value.dtype), atol=1e-12)


@pytest.fixture
def toy():
    return multi_scale(toy_module(), toy_inputs(), 0)


def test_offsets_and_weights_come_from_the_query(toy):
    # z = (2, 1); each row of the matrix is (o/4, o/2), so the answer is 2·o/4 + 1·o/2 = o.
    assert close(toy["sampling_offsets"].value[0, 0], [[1.5, 0.0], [0.5, 0.5]])
    assert close(toy["sampling_offsets"].value[1, 1], [[-0.5, 0.5], [2.0, 0.0]])
    # Head 0: exp of (0, 0, ln 2, ln 4) is (1, 1, 2, 4), over their sum of 8.
    assert close(toy["attention_weights"].value[0], [[1 / 8, 1 / 8], [1 / 4, 1 / 2]])
    assert close(toy["attention_weights"].value[1], [[1 / 4, 1 / 4], [1 / 4, 1 / 4]])


def test_the_value_is_zero_in_the_padding_although_its_bias_is_not(toy):
    value = toy["value"].value  # [pixel head channel]
    assert value[:4, 0, 0].tolist() == [0.0, 1.0, 2.0, 0.0]  # row 0: 10·0 + column
    assert value[:4, 1, 0].tolist() == [1.0, 3.0, 5.0, 0.0]  # 2·(row + column) + 1
    assert value[12:, 1, 0].tolist() == [3.0, 5.0, 7.0, 9.0]  # level 1: 2·(1, 2, 3, 4) + 1


def test_locations_are_the_reference_plus_offsets_over_width_and_height(toy):
    # Level 0 is 4 wide and 3 high: (0.375, 0.5) + (1.5/4, 0) and + (0.5/4, 0.5/3).
    assert close(toy["sampling_locations"].value[0, 0], [[0.75, 0.5], [0.5, 2 / 3]])
    # Level 1 is 2 by 2: (0.5, 0.5) + (-0.25, 0.25) and + (1, 0), which lies outside.
    assert close(toy["sampling_locations"].value[1, 1], [[0.25, 0.75], [1.5, 0.5]])


def test_samples_blend_their_corners(toy):
    # Head 0: between 12 and a padded 0; the mean of 11, 12, 21, 22; the mean of 4, 8, 12, 16; 8.
    assert close(toy["sampled_values"].value[0, ..., 0], [[6.0, 16.5], [10.0, 8.0]])
    # Head 1: 3; half of 3, because the other half lies outside; 7; nothing.
    assert close(toy["sampled_values"].value[1, ..., 0], [[3.0, 1.5], [7.0, 0.0]])


def test_heads_are_summed_by_weight_and_mixed_by_the_output(toy):
    # 6/8 + 16.5/8 + 10/4 + 8/2 = 9.3125; (3 + 1.5 + 7 + 0)/4 = 2.875.
    assert close(toy["attended"].value[:, 0], [9.3125, 2.875])
    # 9.3125 + 2.875/2 = 10.75; 2.875 - 1 = 1.875.
    assert close(toy["output"].value, [10.75, 1.875])
    assert toy.difference < 1e-12


def test_with_a_box_offsets_are_shares_of_it():
    points = toy_inputs()
    boxes_as_large_as_their_middle = torch.cat([points.references] * 2, dim=-1)
    toy = multi_scale(toy_module(), replace(points, references=boxes_as_large_as_their_middle), 0)
    # Level 0: centre (0.375, 0.5), size (0.375, 0.5); K = 2.
    # 0.375 + 1.5/2 · 0.375/2 = 0.515625; (0.375 + 0.5/2 · 0.1875, 0.5 + 0.5/2 · 0.25).
    assert close(toy["sampling_locations"].value[0, 0], [[0.515625, 0.5], [0.421875, 0.5625]])
    # Level 1: centre (0.5, 0.5), size (0.5, 0.5): (0.5 - 0.0625, 0.5 + 0.0625), (0.75, 0.5).
    assert close(toy["sampling_locations"].value[1, 1], [[0.4375, 0.5625], [0.75, 0.5]])


def test_alone_a_level_gets_all_the_weight():
    toy = single_scale(toy_module(), toy_inputs(), 0, level=1)
    # Head 0 keeps exp(ln 2, ln 4) = (2, 4) over 6; (10 + 2·8)/3 = 26/3; head 1: 7/2.
    assert close(toy["attention_weights"].value[0, 0], [1 / 3, 2 / 3])
    assert close(toy["attended"].value[:, 0], [26 / 3, 3.5])
    assert close(toy["output"].value, [26 / 3 + 1.75, 2.5])


def test_one_sample_by_hand():
    derivation = bilinear(toy_trace(), query=0, head=0, level=0, point=1)
    assert close(derivation["pixel"].value, [1.5, 1.5])
    assert derivation["corners"].value.tolist() == [[1, 1], [2, 1], [1, 2], [2, 2]]
    assert close(derivation["corner_weights"].value, [0.25, 0.25, 0.25, 0.25])
    assert close(derivation["corner_values"].value[:, 0], [11.0, 12.0, 21.0, 22.0])
    assert close(derivation["sampled_value"].value, [16.5])


def test_half_outside_only_the_inner_corner_counts():
    derivation = bilinear(toy_trace(), query=0, head=1, level=0, point=1)
    assert close(derivation["pixel"].value, [-0.5, 1.0])
    assert close(derivation["corner_weights"].value, [0.0, 0.5, 0.0, 0.0])
    assert close(derivation["sampled_value"].value, [1.5])


def test_a_gradient_by_hand():
    # Loss = out_0: head 0 counts once, head 1 half. The sample lies between 12 and a padded 0.
    inputs, module = toy_inputs(), toy_module()
    trace, offsets = toy_trace(), []

    def watch(references, sampling_offsets, spatial_shapes):
        offsets.append(sampling_offsets)
        return type(right).sampling_locations(references, sampling_offsets, spatial_shapes)

    right = module.formulas
    module.formulas = type(right)(sampling_locations=watch)
    output, _ = module(
        inputs.query,
        inputs.references,
        inputs.value_input,
        inputs.spatial_shapes,
        inputs.padding_mask,
    )
    (of_offsets,) = torch.autograd.grad(output[0, 0, 0], offsets)
    upstream = torch.tensor([[[1.0], [0.5]]], dtype=torch.float64)
    layer = LayerGradients(trace, upstream, of_offsets[0])
    derivation = gradients(layer, query=0, head=0, level=0, point=0)
    # Along x the value falls by 12 per pixel; along y, from 12 to 22 with half the weight: 5.
    assert close(derivation["slopes"].value[:, 0], [-12.0, 5.0])
    assert close(derivation["offset_gradient"].value, [-12 / 8, 5 / 8])
    assert derivation.difference < 1e-12


def test_dense_attention_by_hand():
    module = torch.nn.MultiheadAttention(2, num_heads=2, batch_first=True).double()
    with torch.no_grad():
        module.in_proj_weight.copy_(torch.eye(2).repeat(3, 1))
        module.in_proj_bias.zero_()
        module.out_proj.weight.copy_(torch.tensor([[1.0, 1.0], [0.0, 2.0]]))
        module.out_proj.bias.zero_()
    # Scores of head 0: 1·(0, ln 3); of head 1: 0. Weights (1/4, 3/4) and (1/2, 1/2).
    third = float(torch.tensor(3.0, dtype=torch.float64).log())
    keys = torch.tensor([[[0.0, 4.0], [third, 8.0]]], dtype=torch.float64)
    query = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]], dtype=torch.float64)
    values = torch.tensor([[[4.0, 2.0], [8.0, 6.0]]], dtype=torch.float64)
    derivation = multi_head(module, query, keys, values, 0)
    assert close(derivation["attention_weights"].value, [[0.25, 0.75], [0.5, 0.5]])
    assert close(derivation["attended"].value[:, 0], [7.0, 4.0])  # 1 + 6; 1 + 3
    assert close(derivation["output"].value, [11.0, 8.0])
    assert derivation.difference < 1e-12


def toy_trace() -> AttentionTrace:
    inputs = toy_inputs()
    _, trace = toy_module()(
        inputs.query,
        inputs.references,
        inputs.value_input,
        inputs.spatial_shapes,
        inputs.padding_mask,
    )
    return trace.image(0).map(torch.Tensor.detach)
