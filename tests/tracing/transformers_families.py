"""Every family of transformers with deformable attention, small, random, its offsets redrawn."""

import torch
from torch import nn

HEIGHT, WIDTH = 64, 96  # px; levels of 8x12, 4x6, 2x3
# Deviation of the redrawn layers: wide, since an offset counts shares of a box that may be small.
REDRAWN = {"sampling_offsets": 1.5, "attention_weights": 0.3}


def _resnet(transformers, kind="RTDetrResNetConfig", first=2):
    return getattr(transformers, kind)(
        embedding_size=8,
        hidden_sizes=[8, 12, 16, 24],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=[f"stage{i}" for i in range(first, 5)],
    )


def _hybrid(transformers, kind, backbone=None, **more):
    """A configuration of the RT-DETR kind: hybrid encoder, deformable decoder."""
    return getattr(transformers, kind)(
        backbone_config=backbone or _resnet(transformers),
        encoder_hidden_dim=32,
        encoder_in_channels=[12, 16, 24],
        feat_strides=[8, 16, 32],
        encoder_layers=1,
        encoder_ffn_dim=40,
        encoder_attention_heads=2,
        d_model=32,
        num_queries=11,
        decoder_in_channels=[32, 32, 32],
        decoder_ffn_dim=44,
        num_feature_levels=3,
        decoder_layers=2,
        decoder_attention_heads=4,
        num_denoising=0,
        num_labels=5,
        **more,
    )


def _swin(transformers, first=1):
    return transformers.SwinConfig(
        image_size=64,
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[2, 2, 2, 2],
        window_size=4,
        out_features=[f"stage{i}" for i in range(first, 5)],
    )


def _bert(transformers):
    return transformers.BertConfig(
        vocab_size=50,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=40,
        max_position_embeddings=64,
    )


def _words():
    return {"input_ids": torch.tensor([[2, 7, 9, 3], [2, 11, 5, 3]])}


def rt_detr(t):
    return t.RTDetrForObjectDetection(_hybrid(t, "RTDetrConfig", decoder_n_points=3))


def rt_detr_v2(t, method="default"):
    config = _hybrid(
        t,
        "RTDetrV2Config",
        decoder_n_points=2,
        decoder_n_levels=3,
        decoder_offset_scale=0.4,
        decoder_method=method,
    )
    return t.RTDetrV2ForObjectDetection(config)


def d_fine(t, method="default"):
    config = _hybrid(
        t,
        "DFineConfig",
        decoder_n_points=[3, 4, 2],
        decoder_method=method,
        max_num_bins=8,
        lqe_hidden_dim=8,
    )
    return t.DFineForObjectDetection(config)


def deimv2(t):
    config = _hybrid(
        t, "Deimv2Config", decoder_n_points=[2, 4, 3], max_num_bins=8, lqe_hidden_dim=8
    )
    return t.Deimv2ForObjectDetection(config)


def omdet_turbo(t):
    config = t.OmDetTurboConfig(
        backbone_config=_swin(t, first=2),
        text_config=t.CLIPTextConfig(
            vocab_size=60,
            hidden_size=24,
            intermediate_size=40,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=16,
            eos_token_id=3,
        ),
        text_projection_in_dim=24,
        text_projection_out_dim=24,
        class_embed_dim=24,
        task_encoder_hidden_dim=40,
        encoder_hidden_dim=32,
        vision_features_channels=[32, 32, 32],
        encoder_in_channels=[16, 32, 64],
        encoder_attention_heads=2,
        encoder_dim_feedforward=40,
        decoder_hidden_dim=32,
        decoder_num_heads=4,
        decoder_num_layers=2,
        decoder_dim_feedforward=44,
        decoder_num_points=3,
        num_queries=11,
        use_timm_backbone=False,
        apply_layernorm_after_vision_backbone=False,
    )
    return t.OmDetTurboForObjectDetection(config)


def pp_doclayout_v2(t):
    reading = dict(
        hidden_size=16,
        num_attention_heads=2,
        intermediate_size=20,
        num_hidden_layers=1,
        coordinate_size=4,
        shape_size=2,
        num_classes=5,
        vocab_size=4,
        max_2d_position_embeddings=1024,
        global_pointer_head_size=4,
        relation_bias_embed_dim=4,
    )
    config = _hybrid(
        t,
        "PPDocLayoutV2Config",
        decoder_n_points=3,
        reading_order_config=reading,
        class_order=[0, 1, 2, 3, 4],
        class_thresholds=[0.5] * 5,
    )
    return t.PPDocLayoutV2ForObjectDetection(config)


def pp_doclayout_v3(t):
    config = _hybrid(
        t,
        "PPDocLayoutV3Config",
        _resnet(t, first=1),
        decoder_n_points=3,
        x4_feat_dim=8,
        mask_feature_channels=[8, 8],
        num_prototypes=4,
    )
    return t.PPDocLayoutV3ForObjectDetection(config)


def pp_doclayout_v4(t):
    return t.PPDocLayoutV4ForObjectDetection(_hybrid(t, "PPDocLayoutV4Config", decoder_n_points=3))


def deformable_detr(t):
    config = t.DeformableDetrConfig(
        use_timm_backbone=False,
        backbone_config=_resnet(t, "ResNetConfig"),
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
        with_box_refine=True,
        num_labels=6,
    )
    return t.DeformableDetrForObjectDetection(config)


def _grounding(t, kind):
    return getattr(t, f"{kind}Config")(
        backbone_config=_swin(t, first=2),
        text_config=_bert(t),
        num_queries=9,
        encoder_layers=1,
        encoder_ffn_dim=40,
        encoder_attention_heads=4,
        decoder_layers=2,
        decoder_ffn_dim=44,
        decoder_attention_heads=4,
        d_model=32,
        num_feature_levels=4,
        encoder_n_points=2,
        decoder_n_points=3,
        max_text_len=8,
    )


def grounding_dino(t):
    return t.GroundingDinoForObjectDetection(_grounding(t, "GroundingDino"))


def mm_grounding_dino(t):
    return t.MMGroundingDinoForObjectDetection(_grounding(t, "MMGroundingDino"))


def lw_detr(t):
    backbone = t.LwDetrViTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=64,
        patch_size=16,
        mlp_ratio=2,
        window_block_indices=[0],
        num_windows=4,
        out_features=["stage1", "stage2"],
    )
    config = t.LwDetrConfig(
        backbone_config=backbone,
        projector_scale_factors=[2.0, 0.5],
        c2f_num_blocks=1,
        d_model=32,
        decoder_ffn_dim=40,
        decoder_n_points=3,
        decoder_layers=2,
        decoder_self_attention_heads=2,
        decoder_cross_attention_heads=4,
        num_queries=11,
        group_detr=2,
        num_labels=5,
    )
    return t.LwDetrForObjectDetection(config)


def rf_detr(t):
    backbone = t.RfDetrDinov2Config(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=64,
        patch_size=16,
        mlp_ratio=2,
        num_windows=2,
        out_features=["stage1", "stage2"],
    )
    config = t.RfDetrConfig(
        backbone_config=backbone,
        c2f_num_blocks=1,
        d_model=32,
        decoder_ffn_dim=40,
        decoder_n_points=3,
        decoder_layers=2,
        decoder_self_attention_heads=2,
        decoder_cross_attention_heads=4,
        num_queries=11,
        group_detr=2,
        num_labels=5,
    )
    return t.RfDetrForObjectDetection(config)


def mask2former(t):
    config = t.Mask2FormerConfig(
        backbone_config=_swin(t),
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=40,
        encoder_layers=2,
        decoder_layers=3,
        num_attention_heads=4,
        dim_feedforward=44,
        num_queries=7,
        num_labels=5,
    )
    return t.Mask2FormerForUniversalSegmentation(config)


def oneformer(t):
    config = t.OneFormerConfig(
        backbone_config=_swin(t),
        num_queries=7,
        conv_dim=32,
        mask_dim=32,
        hidden_dim=32,
        encoder_feedforward_dim=40,
        encoder_layers=2,
        decoder_layers=3,
        num_attention_heads=4,
        dim_feedforward=44,
        query_dec_layers=1,
        task_seq_len=5,
        num_labels=5,
    )
    return t.OneFormerForUniversalSegmentation(config)


TWO_PICTURES = {
    "pixel_values": lambda: torch.rand(
        2, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1)
    )
}
PROMPTS = {
    "omdet_turbo": lambda: {
        "classes_input_ids": torch.tensor([[2, 7, 3], [2, 9, 3], [2, 5, 3], [2, 8, 3]]),
        "classes_attention_mask": torch.ones(4, 3, dtype=torch.long),
        "tasks_input_ids": torch.tensor([[2, 11, 12, 3], [2, 11, 12, 3]]),
        "tasks_attention_mask": torch.ones(2, 4, dtype=torch.long),
        "classes_structure": torch.tensor([2, 2]),
    },
    "grounding_dino": _words,
    "mm_grounding_dino": _words,
    "oneformer": lambda: {"task_inputs": torch.ones(2, 5)},
}
DEFORMABLE_LAYERS = {
    "deformable_detr": 3,
    "grounding_dino": 3,
    "mm_grounding_dino": 3,
}  # the others have two


def build(family, **options):
    """A family's model in eval mode, every offset and weight layer redrawn."""
    import transformers

    torch.manual_seed(7)
    model = globals()[family](transformers, **options).eval()
    generator = torch.Generator().manual_seed(8)
    for name, parameter in model.named_parameters():
        spread = REDRAWN.get(name.split(".")[-2])
        if parameter.dim() > 1 or spread:  # many initialise to next to nothing
            fan_in = parameter[0].numel() if parameter.dim() > 1 else 1
            nn.init.normal_(parameter, std=spread or fan_in**-0.5, generator=generator)
    _settle(model, inputs_of(family))
    return model


@torch.no_grad()
def _settle(model, inputs):
    """Let every batch norm measure what it normalises, so that no level is next to nothing."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    model(**inputs)
    model.eval()


def inputs_of(family):
    """What a family's forward takes: two pictures, and a prompt where it needs one."""
    return {name: make() for name, make in TWO_PICTURES.items()} | PROMPTS.get(family, dict)()


FAMILIES = (
    "d_fine",
    "deformable_detr",
    "deimv2",
    "grounding_dino",
    "lw_detr",
    "mask2former",
    "mm_grounding_dino",
    "omdet_turbo",
    "oneformer",
    "pp_doclayout_v2",
    "pp_doclayout_v3",
    "pp_doclayout_v4",
    "rf_detr",
    "rt_detr",
    "rt_detr_v2",
)
