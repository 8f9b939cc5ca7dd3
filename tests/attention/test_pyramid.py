"""Attention to a shrunken map (PVT, PVTv2, DAT's letter P) and dense attention (ViT)."""

import pytest
import torch

from deformviz.attention.dense import SelfAttention
from deformviz.attention.pyramid import PyramidAttention, SpatialReductionAttention
from deformviz.axes import ShapeError
from tests.dat_parity import assert_close, cases, check_module


@pytest.mark.parametrize("name", cases("pvt_sra_*", "pvtv2_linear_sra"))
def test_spatial_reduction_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config = recorded["config"]
    module = SpatialReductionAttention(
        config["dim"],
        config["num_heads"],
        reduction=config.get("sr_ratio", 1),
        qkv_bias=config.get("qkv_bias", False),
        pooled=config.get("linear", False),
    )
    size = config["H"], config["W"]
    module = check_module(name, recorded, module, run=lambda module, x: module(x, size)[0])
    if "attn" in recorded["outputs"]:
        _, trace = module.float()(recorded["inputs"]["x"], size)
        assert_close(trace.attention_weights, recorded["outputs"]["attn"], 1e-5, "weights")


@pytest.mark.parametrize("name", cases("dat_pyramid_*"))
def test_the_form_of_dat_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config = recorded["config"]
    check_module(
        name, recorded, PyramidAttention(config["dim"], config["num_heads"], config["sr_ratio"])
    )


@pytest.mark.parametrize("name", cases("vit_attention"))
def test_dense_attention_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config = recorded["config"]
    module = SelfAttention(
        config["dim"],
        config["num_heads"],
        qkv_bias=config["qkv_bias"],
        qk_norm=config.get("qk_norm", False),
    )
    module = check_module(name, recorded, module)
    _, trace = module.float()(recorded["inputs"]["x"])
    assert_close(trace.attention_weights, recorded["outputs"]["attn"], 1e-5, "weights")


def test_tokens_that_are_not_the_map_are_refused():
    module = SpatialReductionAttention(8, 2, reduction=2)
    with pytest.raises(ShapeError, match="which is not 4x6"):
        module(torch.zeros(1, 20, 8), (4, 6))
