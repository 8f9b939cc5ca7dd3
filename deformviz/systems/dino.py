"""DINO (Zhang et al., ICLR 2023): learnt contents on boxes that the encoder proposes."""

from deformviz.schema import AttentionTrace, DenseTrace
from deformviz.systems.system import System

DINO = System(
    name="dino",
    config="deformviz.models.detector_config:DINOConfig",
    model="deformviz.models.dino:DINO",
    layouts=(
        "deformviz.checkpoints.official_dino:LAYOUT",
        "deformviz.checkpoints.mmdet3_dino:LAYOUT",
        "deformviz.checkpoints.detrex_dino:LAYOUT",
    ),
    description="deformviz.analysis.detector_parts:describe",
    traces=(AttentionTrace, DenseTrace),
    room="sampling",
    buffers="deformviz.models.swin_backbone:computed_buffers",
)
