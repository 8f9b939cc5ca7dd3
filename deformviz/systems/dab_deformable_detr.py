"""DAB-Deformable-DETR (Liu et al., ICLR 2022): learnt boxes read a few points each."""

from deformviz.schema import AttentionTrace, DenseTrace
from deformviz.systems.system import System

DAB_DEFORMABLE_DETR = System(
    name="dab-deformable-detr",
    config="deformviz.models.detector_config:DABDeformableDETRConfig",
    model="deformviz.models.dab_deformable_detr:DABDeformableDETR",
    layouts=(
        "deformviz.checkpoints.official_dab_deformable:LAYOUT",
        "deformviz.checkpoints.detrex_dab_deformable:LAYOUT",
    ),
    description="deformviz.analysis.detector_parts:describe",
    traces=(AttentionTrace, DenseTrace),
    room="sampling",
    buffers="deformviz.models.swin_backbone:computed_buffers",
)
