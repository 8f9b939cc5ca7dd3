"""The op in place of the one in Hugging Face's Deformable DETR."""

import pytest
import torch

from deformviz.attention.op import ms_deform_attn


def small_detector(two_stage):
    from transformers import DeformableDetrConfig, DeformableDetrForObjectDetection, ResNetConfig

    backbone = ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 16, 24, 32],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = DeformableDetrConfig(
        use_timm_backbone=False,
        use_pretrained_backbone=False,
        backbone=None,
        backbone_config=backbone,
        d_model=96,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=6,
        decoder_attention_heads=3,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        num_queries=11,
        two_stage_num_proposals=11,
        num_feature_levels=4,
        num_labels=5,
        encoder_n_points=3,
        decoder_n_points=2,
        two_stage=two_stage,
        with_box_refine=two_stage,
    )
    torch.manual_seed(0)
    model = DeformableDetrForObjectDetection(config).eval()
    for module in model.modules():  # as initialised, offsets do not depend on the query
        if hasattr(module, "sampling_offsets"):
            torch.nn.init.normal_(module.sampling_offsets.weight, std=0.2)
            torch.nn.init.normal_(module.attention_weights.weight, std=0.2)
    return model


@pytest.mark.parametrize("two_stage", [False, True], ids=["points", "boxes"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_detector_keeps_its_outputs(compiler, monkeypatch, two_stage, dtype):
    pytest.importorskip("transformers", reason="no transformers: pip install 'deformviz[hf]'")
    from transformers.models.deformable_detr import modeling_deformable_detr as source

    model = small_detector(two_stage).to(dtype)
    picture = torch.randn(2, 3, 96, 130, generator=torch.Generator().manual_seed(1), dtype=dtype)
    mask = torch.ones(2, 96, 130, dtype=torch.long)
    mask[1, 70:, :] = mask[1, :, 100:] = 0
    with torch.no_grad():
        before = model(picture, pixel_mask=mask)
        calls = []

        def ours(self, value, shapes, shapes_list, starts, locations, weights, im2col_step):
            calls.append(locations.shape)
            return ms_deform_attn(value, shapes_list, locations, weights, backend="cpu")

        monkeypatch.setattr(source.MultiScaleDeformableAttention, "forward", ours)
        after = model(picture, pixel_mask=mask)
    assert len(calls) == 4
    tolerance = 1e-10 if dtype == torch.float64 else 2e-4
    torch.testing.assert_close(after.logits, before.logits, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(after.pred_boxes, before.pred_boxes, rtol=tolerance, atol=tolerance)
