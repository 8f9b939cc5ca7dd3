"""Detectors small enough for a test, and pictures whose sizes all differ."""

import torch

from deformviz.models.deformable_detr import DeformableDETR, DeformableDETRConfig

TINY = dict(
    classes=5,
    hidden_channels=32,
    heads=4,
    encoder_layers=1,
    decoder_layers=2,
    encoder_points=2,
    decoder_points=3,
    feedforward_channels=24,
    queries=6,
    dropout=0.0,
    backbone_width=4,
)
RECIPE = dict(
    refine=True,
    two_stage=True,
    backbone="compact",
    compact_channels=(8, 8, 16, 16, 24),
    compact_blocks=(1, 1, 2, 1),
    projection_groups=8,
    content_queries="learned",
    query_position="mlp",
    position_frequencies="octaves",
    proposal_base_size=0.06,
    proposal_score="max_class",
)


def tiny_detector(seed: int = 0, **changes) -> DeformableDETR:
    """A detector with random weights everywhere, so that nothing is zero by initialisation."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = DeformableDETR(DeformableDETRConfig(**(TINY | changes))).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def pictures(*sizes_hw: tuple[int, int], seed: int = 1) -> list[torch.Tensor]:
    """Normalised pictures [3 H W] of noise."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(3, *size, generator=generator) for size in sizes_hw]
