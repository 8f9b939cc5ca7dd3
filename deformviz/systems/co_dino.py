"""Co-DINO (Zong et al., ICCV 2023), as it runs after training."""

from deformviz.schema import AttentionTrace, DenseTrace
from deformviz.systems.system import System

CO_DINO = System(
    name="co-dino",
    config="deformviz.models.detector_config:CoDINOConfig",
    model="deformviz.models.co_detr:CoDINO",
    layouts=("deformviz.checkpoints.co_dino:LAYOUT",),
    description="deformviz.analysis.detector_parts:describe",
    traces=(AttentionTrace, DenseTrace),
    room="sampling",
    buffers="deformviz.models.swin_backbone:computed_buffers",
)
