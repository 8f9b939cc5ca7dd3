"""Recording foreign and own models: the numbers are theirs, the records are ours."""

import pytest
import torch
from torch import nn

from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.attention.reference import sampling_locations
from deformviz.models.deformable_detr import DeformableDETR
from deformviz.models.detector_config import DeformableDETRConfig
from deformviz.tracing.record import RecordError, layer_names, record


def small_detector():
    torch.manual_seed(3)
    return DeformableDETR(
        DeformableDETRConfig(
            backbone="compact",
            classes=5,
            hidden_channels=32,
            heads=4,
            levels=3,
            encoder_layers=1,
            decoder_layers=2,
            encoder_points=2,
            decoder_points=3,
            feedforward_channels=48,
            queries=7,
            dropout=0.0,
            compact_channels=(8, 8, 8, 16, 16),
            projection_groups=8,
        )
    ).eval()


def hugging_face_detector(refine=True):
    transformers = pytest.importorskip("transformers")
    backbone = transformers.ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 16, 16],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    torch.manual_seed(4)
    return transformers.DeformableDetrForObjectDetection(
        transformers.DeformableDetrConfig(
            use_timm_backbone=False,
            backbone_config=backbone,
            backbone=None,
            use_pretrained_backbone=False,
            d_model=32,
            encoder_layers=1,
            decoder_layers=2,
            encoder_attention_heads=4,
            decoder_attention_heads=8,
            encoder_n_points=2,
            decoder_n_points=3,
            encoder_ffn_dim=40,
            decoder_ffn_dim=48,
            num_queries=9,
            num_feature_levels=4,
            with_box_refine=refine,
            two_stage=False,
            num_labels=6,
        )
    ).eval()


def test_paths_of_layers_become_short_names():
    assert layer_names(
        [
            "model.encoder.layers.0.self_attn",
            "model.decoder.layers.11.encoder_attn",
            "neck.attention",
            "",
        ]
    ) == ["encoder.0", "decoder.11", "neck.attention", "attention"]


def test_paths_keep_their_length_where_short_names_would_clash():
    paths = ["a.encoder.layers.0.attn", "b.encoder.layers.0.attn"]
    assert layer_names(paths) == paths


def test_own_detector_gives_the_traces_it_gives_itself():
    model, images = small_detector(), [torch.rand(3, 40, 56), torch.rand(3, 33, 48)]
    with torch.no_grad():
        expected_output, expected = model(images)
        with record(model) as recording:
            output, traces = model(images, traced=False)
    assert traces == {}
    torch.testing.assert_close(output.logits, expected_output.logits)
    assert list(recording) == ["encoder.0", "decoder.0", "decoder.1"]
    for name in recording:
        torch.testing.assert_close(
            recording[name].sampling_locations, expected[name].sampling_locations
        )
        assert recording[name].value is None


def test_hooks_are_gone_after_the_block_even_if_it_fails():
    model = small_detector()
    with pytest.raises(ZeroDivisionError), record(model):
        raise ZeroDivisionError
    hooks = [
        hook
        for module in model.modules()
        for hook in (*module._forward_hooks, *module._forward_pre_hooks)
    ]
    assert hooks == []


def test_single_module_is_recorded_with_its_gradient_intact():
    torch.manual_seed(0)
    module = MultiScaleDeformableAttention(16, heads=2, levels=2, points=3)
    query, value = torch.rand(1, 5, 16, requires_grad=True), torch.rand(1, 3 * 4 + 2 * 2, 16)
    with record(module, keep_values=True) as recording:
        output, trace = module(query, torch.rand(1, 5, 2, 2), value, [(3, 4), (2, 2)])
    output.sum().backward()
    assert query.grad is not None and trace is not None
    assert not recording["attention"].sampling_offsets.requires_grad
    torch.testing.assert_close(recording["attention"].output, output.detach())


@pytest.mark.parametrize("refine", [False, True])
def test_hugging_face_detector_gives_real_records(refine):
    model = hugging_face_detector(refine)
    pixels = torch.rand(2, 3, 64, 96)
    mask = torch.ones(2, 64, 96, dtype=torch.long)
    mask[1, 48:] = 0
    mask[1, :, 80:] = 0
    with torch.no_grad(), record(model, keep_values=True) as recording:
        model(pixel_values=pixels, pixel_mask=mask)
    assert list(recording) == ["encoder.0", "decoder.0", "decoder.1"]
    assert not recording.skipped
    boxes = recording["decoder.1"].reference_boxes
    assert (boxes is not None) == refine
    for trace in recording.traces.values():
        expected = sampling_locations(
            trace.references, trace.sampling_offsets, trace.spatial_shapes
        )
        torch.testing.assert_close(trace.sampling_locations, expected)
        torch.testing.assert_close(
            trace.attention_weights.flatten(-2).sum(-1),
            torch.ones(trace.attention_weights.shape[:3]),
        )


def test_model_without_deformable_attention_is_refused_in_a_sentence():
    with pytest.raises(RecordError, match="Linear holds no deformable attention"):
        with record(nn.Linear(2, 3)):
            pass
