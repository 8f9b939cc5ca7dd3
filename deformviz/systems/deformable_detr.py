"""Deformable DETR (Zhu et al., ICLR 2021): a detector whose queries read a few points each."""

from deformviz.checkpoints.systems import Published
from deformviz.schema import AttentionTrace, DenseTrace
from deformviz.systems.system import System

DEFORMABLE_DETR = System(
    name="deformable-detr",
    config="deformviz.models.detector_config:DeformableDETRConfig",
    model="deformviz.models.deformable_detr:DeformableDETR",
    layouts=(
        "deformviz.checkpoints.official:LAYOUT",
        "deformviz.checkpoints.huggingface:LAYOUT",
        "deformviz.checkpoints.mmdet2:LAYOUT",
        "deformviz.checkpoints.mmdet3:LAYOUT",
        "deformviz.checkpoints.detrex:LAYOUT",
    ),
    description="deformviz.analysis.detector_parts:describe",
    traces=(AttentionTrace, DenseTrace),
    room="sampling",
    buffers="deformviz.models.swin_backbone:computed_buffers",
    published=(Published("Deformable DETR, ResNet-50", 40.0, 173.0, "arXiv 2010.04159, Table 1"),),
)
