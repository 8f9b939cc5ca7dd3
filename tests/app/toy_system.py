"""A kind of network nobody has heard of: one encoder layer, one decoder layer, one record."""

import torch

from deformviz.analysis.architecture import Architecture, Part
from deformviz.models.deformable_detr import DeformableDETR, DeformableDETRConfig
from deformviz.schema import AttentionTrace
from deformviz.systems.system import System

INPUT_HW = (24, 40)


class Toy(DeformableDETR):
    """Computes what a small Deformable DETR does, under another name."""


def toy_model():
    torch.manual_seed(5)
    config = DeformableDETRConfig(
        classes=2,
        class_names=("cup", "hat"),
        hidden_channels=16,
        heads=2,
        levels=2,
        encoder_layers=1,
        decoder_layers=1,
        encoder_points=3,
        decoder_points=3,
        feedforward_channels=24,
        queries=5,
        backbone="compact",
        backbone_width=8,
        compact_channels=(8, 8, 8, 16, 16),
        compact_blocks=(1, 1, 1, 1),
        projection_groups=4,
        short_side=None,
        long_side=96,
    )
    model = Toy(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return model


def describe(model, input_hw=None):
    """Its parts, told without counting."""
    size = sum(parameter.numel() for parameter in model.parameters())
    return Architecture(input_hw or INPUT_HW, (Part("all of it", "a toy", size, 7, "5 queries"),))


TOY = System(
    name="toy",
    config="deformviz.models.detector_config:DeformableDETRConfig",
    model=f"{__name__}:Toy",
    layouts=(),
    description=f"{__name__}:describe",
    traces=(AttentionTrace,),
    room="sampling",
)
