"""Co-Deformable-DETR (Zong et al., ICCV 2023), as it runs after training."""

from deformviz.schema import AttentionTrace, DenseTrace
from deformviz.systems.system import System

CO_DEFORMABLE_DETR = System(
    name="co-deformable-detr",
    config="deformviz.models.detector_config:CoDeformableDETRConfig",
    model="deformviz.models.co_detr:CoDeformableDETR",
    layouts=("deformviz.checkpoints.co_deformable_detr:LAYOUT",),
    description="deformviz.analysis.detector_parts:describe",
    traces=(AttentionTrace, DenseTrace),
    room="sampling",
    buffers="deformviz.models.swin_backbone:computed_buffers",
)
