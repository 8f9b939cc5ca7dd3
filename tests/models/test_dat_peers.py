"""ViT, Swin and PVT, their blocks and DAT's feed-forward layers, against the original code."""

import pytest
import torch

from deformviz.models.dat_blocks import MLP, ConvolutionMLP, DropPath
from deformviz.models.pvt import PVT, PVTBlock, PVTConfig
from deformviz.models.swin import Swin, SwinBlock, SwinConfig
from deformviz.models.vit import ViT, ViTBlock, ViTConfig
from tests.dat_parity import cases, check_module


@pytest.mark.parametrize("name", cases("dat_mlp*"))
def test_feed_forward_layers_equal_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config = recorded["config"]
    sizes = config["channels"], config["expansion"]
    module = (
        MLP(*sizes) if name == "dat_mlp" else ConvolutionMLP(*sizes, residual=name.endswith("v2"))
    )
    check_module(name, recorded, module, run=lambda module, x: module(x))


@pytest.mark.parametrize("name", cases("swin_block_*", "slide_swin_block*"))
def test_a_swin_block_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config = recorded["config"]
    slide = config.get("ka", 3) if name.startswith("slide") else None
    module = SwinBlock(
        config["dim"],
        config["num_heads"],
        tuple(config["input_resolution"]),
        window=config.get("window_size", 7),
        shift=config.get("shift_size", 0),
        mlp_ratio=config.get("mlp_ratio", 4.0),
        qkv_bias=config.get("qkv_bias", True),
        slide=slide if config.get("is_slide", True) else None,
    )
    check_module(name, recorded, module)


@pytest.mark.parametrize("name", cases("swin_model_*"))
def test_a_swin_model_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config = recorded["config"]
    module = Swin(
        SwinConfig(
            image_size=config["img_size"],
            patch=config.get("patch_size", 4),
            classes=config["num_classes"],
            channels=config["embed_dim"],
            depths=tuple(config["depths"]),
            heads=tuple(config["num_heads"]),
            window=config.get("window_size", 7),
            mlp_ratio=config.get("mlp_ratio", 4.0),
            qkv_bias=config.get("qkv_bias", True),
            position_embedding=config.get("ape", False),
            normalised_patches=config.get("patch_norm", True),
        )
    )
    check_module(name, recorded, module)


def epsilons_of(recorded):
    """Of the layer norms: what the notes say; else the two that originals use, to be tried."""
    about = recorded["meta"].get("cls", "") + recorded["meta"].get("note", "")
    said = [epsilon for text, epsilon in (("1e-6", 1e-6), ("1e-5", 1e-5)) if text in about]
    return said[:1] or [1e-6, 1e-5]


def check_some_epsilon(name, recorded, build, **how):
    """The original chose one of the epsilons; with it every recorded number agrees."""
    *others, last = epsilons_of(recorded)
    for epsilon in others:
        try:
            return check_module(name, recorded, build(epsilon), **how)
        except AssertionError:
            continue
    return check_module(name, recorded, build(last), **how)


def test_an_epsilon_that_nobody_noted_is_not_guessed():
    assert epsilons_of({"meta": {"cls": "Block (norm eps=1e-6 except attn.norm eps=1e-5)"}}) == [
        1e-6
    ]
    assert epsilons_of({"meta": {"cls": "Block", "note": "eps 1e-5"}}) == [1e-5]
    assert epsilons_of({"meta": {"cls": "Block"}}) == [1e-6, 1e-5]


def test_a_block_alone_has_the_epsilon_of_its_model():
    assert ViTBlock(8, 2).norm1.eps == ViTConfig().epsilon
    assert PVTBlock(8, 2).norm1.eps == PVTConfig().epsilon


@pytest.mark.parametrize("name", cases("pvt_block_*", "pvtv2_block_*"))
def test_a_pvt_block_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config = recorded["config"]
    size = config["H"], config["W"]
    build = lambda epsilon: PVTBlock(  # noqa: E731
        config["dim"],
        config["num_heads"],
        reduction=config.get("sr_ratio", 1),
        mlp_ratio=config.get("mlp_ratio", 4.0),
        qkv_bias=config.get("qkv_bias", False),
        version=2 if name.startswith("pvtv2") else 1,
        pooled=config.get("linear", False),
        epsilon=epsilon,
    )
    check_some_epsilon(name, recorded, build, run=lambda module, x: module(x, size)[0])


@pytest.mark.parametrize("name", cases("pvt_model_*", "pvtv2_model_*"))
def test_a_pvt_model_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config = recorded["config"]
    build = lambda epsilon: PVT(  # noqa: E731
        PVTConfig(
            image_size=config["img_size"],
            patch=config.get("patch_size", 4),
            classes=config["num_classes"],
            channels=tuple(config["embed_dims"]),
            heads=tuple(config["num_heads"]),
            mlp_ratios=tuple(config["mlp_ratios"]),
            depths=tuple(config["depths"]),
            reductions=tuple(config["sr_ratios"]),
            qkv_bias=config.get("qkv_bias", False),
            pooled=config.get("linear", False),
            version=2 if name.startswith("pvtv2") else 1,
            epsilon=epsilon,
        )
    )
    check_some_epsilon(name, recorded, build)


@pytest.mark.parametrize("name", cases("vit_block*"))
def test_a_vit_block_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config = recorded["config"]
    build = lambda epsilon: ViTBlock(  # noqa: E731
        config["dim"],
        config["num_heads"],
        config.get("mlp_ratio", 4.0),
        qkv_bias=config.get("qkv_bias", False),
        qk_norm=config.get("qk_norm", False),
        epsilon=epsilon,
    )
    check_some_epsilon(name, recorded, build)


@pytest.mark.parametrize("name", cases("vit_model_*"))
def test_a_vit_model_equals_the_original(parity, name):
    recorded = parity(f"dat/{name}.pt")
    config = recorded["config"]
    build = lambda epsilon: ViT(  # noqa: E731
        ViTConfig(
            image_size=config["img_size"],
            patch=config["patch_size"],
            classes=config["num_classes"],
            channels=config["embed_dim"],
            depth=config["depth"],
            heads=config["num_heads"],
            mlp_ratio=config.get("mlp_ratio", 4.0),
            qkv_bias=config.get("qkv_bias", True),
            epsilon=epsilon,
        )
    )
    check_some_epsilon(name, recorded, build)


def test_one_window_is_never_shifted():
    block = SwinBlock(8, 2, (5, 5), window=7, shift=3)
    assert block.shift == 0 and block.window_hw == (5, 5) and block.attn_mask is None


def test_traces_of_a_small_swin_and_vit_count_their_keys():
    torch.manual_seed(0)
    swin = Swin(
        SwinConfig(image_size=32, classes=3, channels=8, depths=(2, 1), heads=(2, 4), window=4)
    )
    logits, traces = swin(torch.randn(2, 3, 32, 32))
    assert logits.shape == (2, 3)
    assert traces["layers.0.blocks.1"].attention_weights.shape == (2, 2, 64, 16)
    vit = ViT(ViTConfig(image_size=32, patch=8, classes=3, channels=8, depth=1, heads=2))
    assert vit(torch.randn(2, 3, 32, 32))[1]["blocks.0"].attention_weights.shape == (2, 2, 17, 17)


def test_a_pvt2_of_small_size_runs_and_shrinks_its_keys():
    torch.manual_seed(0)
    model = PVT(
        PVTConfig(
            image_size=64,
            classes=3,
            channels=(8, 16),
            heads=(1, 2),
            mlp_ratios=(2, 2),
            depths=(1, 1),
            reductions=(4, 2),
            version=2,
        )
    )
    logits, traces = model(torch.randn(1, 3, 64, 64))
    assert logits.shape == (1, 3)
    assert traces["block1.0"].attention_weights.shape == (1, 1, 256, 16)


def test_paths_are_dropped_in_training_only():
    torch.manual_seed(0)
    drop, branch = DropPath(0.5), torch.ones(64, 1, 2, 2)
    assert torch.equal(drop.eval()(branch), branch)
    kept = drop.train()(branch)[:, 0, 0, 0]
    assert set(kept.tolist()) == {0.0, 2.0}
