"""Attention to a shrunken map (PVT, PVTv2, DAT's letter P) and dense attention (ViT)."""

import pytest
import torch
import torch.nn.functional as F

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


def test_pooled_keys_are_seven_by_seven_projected_normalised_and_activated():
    torch.manual_seed(2)
    module = SpatialReductionAttention(6, 2, pooled=True).double()
    tokens = torch.randn(2, 8 * 10, 6).double()
    pooled = F.adaptive_avg_pool2d(tokens.transpose(1, 2).reshape(2, 6, 8, 10), 7)
    keys = torch.einsum("oc,bchw->bhwo", module.sr.weight[:, :, 0, 0], pooled) + module.sr.bias
    centred = keys - keys.mean(-1, keepdim=True)
    spread = (centred.square().mean(-1, keepdim=True) + module.norm.eps).sqrt()
    normal = centred / spread * module.norm.weight + module.norm.bias
    wanted = 0.5 * normal * (1 + torch.erf(normal / 2**0.5))
    torch.testing.assert_close(module.shrink(tokens, (8, 10)), wanted.flatten(1, 2))
