"""The op and the module against the original implementation, float64, outputs and gradients."""

import pytest
import torch

from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.attention.op import ms_deform_attn

EXACT = dict(rtol=0, atol=1e-12)
# The first recorded case was computed before its weights were rounded to float32 and stored
# (shown by a test below), so its tolerance is that rounding.
ROUNDED = dict(rtol=1e-6, atol=3e-6)
CORES = ["random_mixed", "special_coordinates", "one_by_one_map"]
CASES = ["ref2_mask", "ref4_mask", "ref2_nomask", "ref4_nomask", "ref2_border_mask"]


@pytest.fixture(scope="module")
def recorded(parity):
    return parity("detr/msda_module.pt")


@pytest.mark.parametrize("name", CORES)
@pytest.mark.parametrize("backend", ["reference", "auto"])
def test_the_op_equals_the_original_forward_and_backward(recorded, name, backend):
    case = recorded["core"][name]
    inputs = [
        case[k].clone().requires_grad_()
        for k in ("value", "sampling_locations", "attention_weights")
    ]
    value, locations, weights = inputs
    output = ms_deform_attn(
        value, case["value_spatial_shapes"], locations, weights, backend=backend
    )
    gradients = torch.autograd.grad(output, inputs, case["grad_output"])
    torch.testing.assert_close(output, case["output"], **EXACT)
    for gradient, key in zip(
        gradients, ("value", "sampling_locations", "attention_weights"), strict=True
    ):
        torch.testing.assert_close(gradient, case[f"grad_{key}"], **EXACT)


@pytest.mark.parametrize("name", CORES)
def test_the_op_in_float32_stays_within_rounding(recorded, name):
    case = recorded["core"][name]
    output = ms_deform_attn(
        case["value"].float(),
        case["value_spatial_shapes"],
        case["sampling_locations"].float(),
        case["attention_weights"].float(),
    )
    torch.testing.assert_close(output, case["output_float32"], rtol=0, atol=5e-7)


def load_module(recorded, dtype=torch.float64):
    config = recorded["module"]["config"]
    module = MultiScaleDeformableAttention(
        config["d_model"], config["n_heads"], config["n_levels"], config["n_points"]
    ).to(dtype)
    module.load_state_dict(recorded["module"]["state_dict"])
    return module


@pytest.mark.parametrize("name", CASES)
def test_the_module_equals_the_original_in_every_tensor_and_gradient(recorded, name):
    module, case = load_module(recorded), recorded["module"]["cases"][name]
    tolerance = ROUNDED if name == "ref2_mask" else EXACT
    inputs = [
        case[k].double().clone().requires_grad_()
        for k in ("query", "reference_points", "input_flatten")
    ]
    output, trace = module(
        *inputs, recorded["module"]["spatial_shapes"], case.get("input_padding_mask")
    )
    torch.testing.assert_close(output, case["output"], **tolerance)
    torch.testing.assert_close(trace.value, case["value_after_mask"], **tolerance)
    torch.testing.assert_close(trace.sampling_locations, case["sampling_locations"], **tolerance)
    torch.testing.assert_close(trace.attention_weights, case["attention_weights"], **tolerance)
    inner = [trace.sampling_locations, trace.attention_weights, trace.value]
    parameters = dict(module.named_parameters())
    gradients = torch.autograd.grad(
        output, inputs + inner + list(parameters.values()), case["grad_output"]
    )
    wanted = [
        case[f"grad_{k}"]
        for k in (
            "query",
            "reference_points",
            "input_flatten",
            "sampling_locations",
            "attention_weights",
            "value",
        )
    ]
    wanted += [case["grad_params"][k] for k in parameters]
    for gradient, expected in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(gradient, expected, **tolerance)


@pytest.mark.parametrize("name", CASES)
def test_the_module_in_float32_stays_within_rounding(recorded, name):
    module, case = load_module(recorded, torch.float32), recorded["module"]["cases"][name]
    output, _ = module(
        *(case[k].float() for k in ("query", "reference_points", "input_flatten")),
        recorded["module"]["spatial_shapes"],
        case.get("input_padding_mask"),
    )
    torch.testing.assert_close(output, case["output_float32"], rtol=0, atol=5e-7)


def test_the_first_case_was_recorded_with_unrounded_weights(recorded):
    case, stored = recorded["module"]["cases"]["ref2_mask"], recorded["module"]["state_dict"]
    real = ~case["input_padding_mask"]
    pixels = case["input_flatten"][real]
    design = torch.cat([pixels, torch.ones_like(pixels[:, :1])], dim=1)
    solved = torch.linalg.lstsq(design, case["value_after_mask"].flatten(2)[real]).solution.T
    assert (solved[:, :-1] - stored["value_proj.weight"]).abs().max() > 1e-9
    torch.testing.assert_close(
        solved[:, :-1].float(), stored["value_proj.weight"].float(), rtol=0, atol=0
    )


def test_a_new_module_starts_from_the_published_star(recorded):
    for name, sizes in {"d24_h4_l3_p5": (24, 4, 3, 5), "d256_h8_l4_p4": (256, 8, 4, 4)}.items():
        bias = MultiScaleDeformableAttention(*sizes).sampling_offsets.bias
        expected = recorded["module"]["official_init_sampling_offsets_bias"][name]
        torch.testing.assert_close(bias.detach(), expected.float(), rtol=0, atol=1e-6)
        assert bias.requires_grad
