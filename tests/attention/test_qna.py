"""Learnt-query attention against the original JAX code and DAT's port of it."""

import pytest
import torch

from deformviz.attention.qna import FusedQnA, QnA
from tests.dat_parity import cases, check_module


@pytest.mark.parametrize("name", cases("qna_jax_*"))
def test_the_original_form_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config = recorded["config"]
    module = QnA(
        config["features"],
        config["heads"],
        config["kernel_size"],
        config["stride"],
        config["padding"],
        channels_in=recorded["inputs"]["x"].shape[-1],
        channels_out=config.get("out_features"),
        queries=config.get("n_queries", 2),
        bias=config.get("use_bias", False),
        scale=config.get("attn_scale", "normal"),
        normalise_query=config.get("normalize_q", True),
        scale_bias=config.get("scale_rpe_bias", False),
    )
    check_module(name, recorded, module)


@pytest.mark.parametrize("name", cases("dat_qna_*"))
def test_the_form_of_dat_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config = recorded["config"]
    module = FusedQnA(
        config["n_channels"],
        config["n_heads"],
        config["ksize"],
        config["stride"],
        config["padding"],
        queries=config["n_q"],
        activation=config["qna_activation"],
    )
    check_module(name, recorded, module)


def test_weights_of_a_window_sum_to_one_and_padding_gets_none():
    torch.manual_seed(0)
    output, trace = FusedQnA(8, 2, 3, 1, 1)(torch.randn(1, 8, 3, 4))
    assert output.shape == (1, 8, 3, 4)
    assert torch.allclose(trace.attention_weights.sum(-1), torch.ones(1, 4, 12))
    assert trace.keys[0, 0].tolist() == [-1, -1, -1, -1, 0, 1, -1, 4, 5]
    assert trace.attention_weights[0, :, 0, :4].abs().max() == 0


def test_scaled_biases_are_those_divided_by_the_root_of_the_head_width():
    torch.manual_seed(0)
    scaled, plain = (QnA(8, 2, 3, 1, 1, scale_bias=flag) for flag in (True, False))
    torch.nn.init.normal_(scaled.rpe_bias)
    plain.load_state_dict(scaled.state_dict())
    with torch.no_grad():
        plain.rpe_bias.div_(2.0)  # two heads of four channels
    features = torch.randn(1, 3, 5, 8)
    assert torch.allclose(scaled(features)[0], plain(features)[0])
