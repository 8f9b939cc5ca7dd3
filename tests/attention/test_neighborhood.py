"""Neighborhood attention against the original kernels."""

import pytest
import torch

from deformviz.attention.neighborhood import (
    NeighborhoodAttention,
    neighborhood_attention,
    neighbors,
)
from deformviz.axes import ShapeError
from tests.dat_parity import (
    EXACT,
    assert_close,
    assert_gradient,
    cases,
    check_module,
    single_tolerance,
)


@pytest.mark.parametrize("name", cases("natten_func_*"))
def test_the_function_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config, outputs = recorded["config"], recorded["outputs"]
    for axis, letter in enumerate("hw"):
        size = recorded["inputs"]["q"].shape[2 + axis]
        keys, start = neighbors(size, config["kernel_size"], config["dilation"])
        assert torch.equal(keys, outputs[f"neighbors_{letter}"])
        assert torch.equal(start, outputs[f"rpb_start_{letter}"])
    for dtype, tolerance in ((torch.float64, EXACT), (torch.float32, single_tolerance(name))):
        inputs = {
            key: value.to(dtype).requires_grad_() for key, value in recorded["inputs"].items()
        }
        output, _ = neighborhood_attention(
            inputs["q"] * config["scale"],
            inputs["k"],
            inputs["v"],
            inputs["rpb"],
            config["dilation"],
        )
        assert_close(output, recorded["outputs64"]["y"], tolerance, str(dtype))
        if "grads" in recorded:
            output.backward(recorded["grads"]["cotangent"].to(dtype))
            for key, gradient in recorded["grads"]["inputs"].items():
                assert_gradient(inputs[key].grad, gradient, key)


@pytest.mark.parametrize("name", cases("dat_nat_*"))
def test_the_module_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config = recorded["config"]
    module = NeighborhoodAttention(
        config["dim"], config["num_heads"], config["kernel_size"], config.get("dilation")
    )
    module = check_module(name, recorded, module)
    _, trace = module.float()(recorded["inputs"]["x"])
    height, width = trace.map_hw
    recorded_weights = recorded["outputs"]["attn"][:, :, :height, :width].flatten(2, 3)
    assert_close(trace.attention_weights, recorded_weights, 1e-5, "weights")


def test_at_a_border_the_window_moves_in_and_keeps_its_size():
    keys, start = neighbors(6, 3)
    assert keys[0].tolist() == keys[1].tolist() == [0, 1, 2]
    assert keys[5].tolist() == [3, 4, 5]
    assert start.tolist() == [2, 1, 1, 1, 1, 0]


def test_padding_is_marked_in_the_trace():
    torch.manual_seed(0)
    module = NeighborhoodAttention(4, 2, 3)
    output, trace = module(torch.randn(1, 4, 2, 5))
    assert output.shape == (1, 4, 2, 5)
    assert trace.keys[0, 0].tolist() == [0, 1, 2, 5, 6, 7, -1, -1, -1]


def test_an_axis_too_short_for_the_window_is_refused():
    with pytest.raises(ShapeError, match="needs 6 places, the axis has 5"):
        neighbors(5, 3, dilation=2)
