"""Swin as a backbone, against transformers' on a map that no window tiles."""

import pytest
import torch

import deformviz as dv
from deformviz.analysis.swin_parts import describe
from deformviz.models.detector_config import DeformableDETRConfig
from deformviz.models.padding import pad_images
from deformviz.models.swin_backbone import SwinBackbone, SwinShape, computed_buffers
from deformviz.models.swin_features import SwinFeatures, SwinFeaturesConfig

transformers = pytest.importorskip("transformers")

# The last stage has no shifted block: on maps no larger than a window, theirs does not shift.
SHAPE = SwinShape(channels=8, depths=(2, 2, 3, 1), heads=(1, 2, 4, 8), window=3, mlp_ratio=2.0)
PARTS = {
    "swin.embeddings.patch_embeddings.projection": "patch_embed.proj",
    "swin.embeddings.norm": "patch_embed.norm",
    "swin.encoder.layers": "layers",
    "attention.relative_position_bias.": "attn.",
    "attention.o_proj": "attn.proj",
    "layernorm_before": "norm1",
    "layernorm_after": "norm2",
    "hidden_states_norms.stage2": "norm1",
    "hidden_states_norms.stage3": "norm2",
    "hidden_states_norms.stage4": "norm3",
}


def to_ours(theirs):
    """transformers' weights under the published names."""
    ours = {}
    for key, value in theirs.items():
        name = key
        for their_part, our_part in PARTS.items():
            name = name.replace(their_part, our_part)
        if ".q_proj." in key:
            parts = [theirs[key.replace("q_proj", part)] for part in ("q_proj", "k_proj", "v_proj")]
            ours[name.replace("attention.q_proj", "attn.qkv")] = torch.cat(parts)
        elif not any(part in key for part in (".k_proj.", ".v_proj.", "swin.layernorm.")):
            ours[name] = value
    return ours


@pytest.mark.parametrize("size_hw", [(101, 150), (97, 116)])
def test_every_map_equals_that_of_transformers(size_hw):
    config = transformers.SwinConfig(
        image_size=96,
        embed_dim=8,
        depths=[2, 2, 3, 1],
        num_heads=[1, 2, 4, 8],
        window_size=3,
        mlp_ratio=2.0,
        hidden_act="gelu",
        out_features=["stage2", "stage3", "stage4"],
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        theirs = transformers.SwinBackbone(config).double().eval()
        for parameter in theirs.parameters():
            parameter.data += torch.randn_like(parameter) * 0.2
    ours = SwinBackbone(SHAPE, stages=(2, 3, 4)).double().eval()
    state = ours.state_dict()
    weights = to_ours(theirs.state_dict())
    kept = {key: value for key, value in state.items() if "relative_position_index" in key}
    ours.load_state_dict(weights | kept)
    images = torch.randn(2, 3, *size_hw, generator=torch.Generator().manual_seed(1)).double()
    with torch.inference_mode():
        expected, (maps, traces) = theirs(images).feature_maps, ours.traced(images)
    for found, wanted in zip(maps, expected, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-9, rtol=0)
    assert len(traces) == 8
    weights_of_first = traces["layers.0.blocks.1"].attention_weights
    torch.testing.assert_close(weights_of_first.sum(-1), torch.ones_like(weights_of_first[..., 0]))


def test_buffers_that_files_leave_out_are_those_of_the_module():
    config = DeformableDETRConfig(
        backbone="swin", backbone_width=8, swin_depths=(2, 1, 1, 2), swin_heads=(1, 2, 4, 8)
    )
    body = SwinBackbone(SwinShape(8, config.swin_depths, config.swin_heads)).state_dict()
    computed = computed_buffers(config)
    assert len(computed) == 6
    for key, value in computed.items():
        assert torch.equal(body[key.removeprefix("backbone.0.body.")], value)


@pytest.mark.parametrize("prefix", ["", "backbone.0."])
def test_a_file_of_a_backbone_alone_opens(tmp_path, prefix):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        body = SwinBackbone(SHAPE, stages=(2, 3, 4)).eval()
    weights = {f"{prefix}{key}": value for key, value in body.state_dict().items()}
    torch.save({"model": weights}, tmp_path / "swin.pth")
    model = dv.load(tmp_path / "swin.pth").double()
    assert model.load_report.system == "swin" and model.config.stages == (2, 3, 4)
    images = [torch.randn(3, *size).double() for size in ((45, 70), (50, 61))]
    with torch.inference_mode():
        maps, traces = model(images)
        again, _ = model(pad_images(images)[0])
        expected = body.double()(pad_images(images)[0])
    assert len(maps) == 3 and len(traces) == 8
    for found, same, wanted in zip(maps, again, expected, strict=True):
        assert torch.equal(found, same) and torch.equal(found, wanted)


def test_its_parts_hold_all_parameters():
    model = SwinFeatures(SwinFeaturesConfig())
    parts = describe(model)
    assert parts.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert describe(model, (224, 224)).multiply_adds == pytest.approx(4.5e9, rel=0.05)
