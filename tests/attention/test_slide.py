"""Slide attention against the original code, in DAT's form and its own."""

import pytest
import torch

from deformviz.attention.pyramid import to_map, to_tokens
from deformviz.attention.slide import SlideAttention, neighbor_index
from tests.dat_parity import cases, check_module


@pytest.mark.parametrize("name", cases("dat_slide_*"))
def test_the_form_of_dat_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config = recorded["config"]
    module = SlideAttention(
        config["dim"],
        config["num_heads"],
        config["ka"],
        reduction=config.get("dim_reduction", 4),
        qkv_bias=config.get("qkv_bias", True),
        share_kernel=config.get("share_dwc_kernel", True),
        share_qkv=config.get("share_qkv", False),
        position_bias=config.get("rpb", True),
    )
    check_module(name, recorded, module)


@pytest.mark.parametrize("name", cases("slide_attention_*"))
def test_the_original_form_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config = recorded["config"]
    module = SlideAttention(
        config["dim"], config["num_heads"], config["ka"], qkv_bias=config.get("qkv_bias", True)
    )
    size = tuple(config["input_resolution"])
    check_module(
        name, recorded, module, run=lambda module, x: to_tokens(module(to_map(x, size))[0])
    )


def test_taps_go_row_by_row_and_leave_the_map():
    keys = neighbor_index((2, 3), 3)
    assert keys[0].tolist() == [-1, -1, -1, -1, 0, 1, -1, 3, 4]


def test_the_fixed_kernel_fetches_neighbours_and_is_not_trained():
    module = SlideAttention(8, 2)
    assert not module.dep_conv.weight.requires_grad and module.dep_conv.bias.requires_grad
    ramp = torch.arange(12.0).view(1, 1, 3, 4).repeat(1, 4, 1, 1)
    fetched = module.dep_conv(ramp) - module.dep_conv.bias[:, None, None]
    around = fetched.unflatten(1, (4, 9))[0, 2, :, 1, 2]
    assert around.tolist() == pytest.approx([1, 2, 3, 5, 6, 7, 9, 10, 11], abs=1e-5)
