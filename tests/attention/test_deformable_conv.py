"""Deformable convolution against sums from the definition, and against a plain convolution."""

import pytest
import torch
import torch.nn.functional as F

from deformviz.attention.deformable_conv import DeformableConv, deform_conv2d
from tests.dat_parity import (
    EXACT,
    assert_close,
    assert_gradient,
    cases,
    check_module,
    single_tolerance,
)


def is_pack(name):
    return "pack" in name


@pytest.mark.parametrize("name", [n for n in cases("dcnv1_*", "dcnv2_*") if not is_pack(n)])
def test_the_function_equals_the_definition(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config = recorded["config"]
    for dtype, tolerance in ((torch.float64, EXACT), (torch.float32, single_tolerance(name))):
        inputs = {
            key: value.to(dtype).requires_grad_() for key, value in recorded["inputs"].items()
        }
        output = deform_conv2d(
            inputs["x"],
            inputs["offset"],
            inputs["weight"],
            inputs.get("bias"),
            inputs.get("mask"),
            stride=config["s"],
            padding=config["p"],
            dilation=config["d"],
        )
        assert_close(output, recorded["outputs64"]["y"], tolerance, str(dtype))
        if "grads" in recorded:
            output.backward(recorded["grads"]["cotangent"].to(dtype))
            for key, gradient in recorded["grads"]["inputs"].items():
                assert_gradient(inputs[key].grad, gradient, key)


@pytest.mark.parametrize("name", [n for n in cases("dcnv2_pack_*") if is_pack(n)])
def test_the_module_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config = recorded["config"]
    module = DeformableConv(
        config["in_channels"],
        config["out_channels"],
        config["kernel_size"],
        stride=config["stride"],
        padding=config["padding"],
        groups=config["deform_groups"],
    )
    check_module(name, recorded, module)


def test_without_offsets_it_is_a_convolution():
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(2, 6, 7, 9, generator=generator, dtype=torch.float64)
    weight = torch.randn(4, 3, 3, 2, generator=generator, dtype=torch.float64)
    where = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)}
    expected = F.conv2d(features, weight, groups=2, **where)
    offset = features.new_zeros(2, 2 * 3 * 2, *expected.shape[-2:])
    torch.testing.assert_close(deform_conv2d(features, offset, weight, **where), expected)


def test_it_starts_as_half_a_convolution():
    generator = torch.Generator().manual_seed(4)
    module = DeformableConv(4, 3, 3, padding=1)
    features = torch.randn(1, 4, 5, 6, generator=generator)
    output, trace = module(features)
    assert trace.offsets.abs().max() == 0 and trace.mask.unique().tolist() == [0.5]
    plain = F.conv2d(features, module.weight, module.bias, padding=1)
    torch.testing.assert_close(output, plain / 2)
    output.square().sum().backward()
    assert module.conv_offset.weight.grad.abs().max() > 0  # offsets of zero can be learnt


def test_the_trace_says_where_the_taps_went():
    module = DeformableConv(4, 3, 3, padding=1, groups=2)
    with torch.no_grad():
        module.conv_offset.bias[:2] = torch.tensor([0.5, -0.25])  # (dy, dx) of the first tap
    output, trace = module(torch.zeros(1, 4, 5, 6))
    assert output.shape == (1, 3, 5, 6)
    # The first tap of pixel (1, 2) starts one up and one left of it.
    assert trace.positions_px[0, 0, 1 * 6 + 2, 0].tolist() == [0.5, 0.75]
    assert trace.mask[0, 1, 0].tolist() == pytest.approx([0.5] * 9)
