"""Swin (Liu et al., ICCV 2021) as a backbone alone: every token looks at its window."""

from deformviz.schema import LocalTrace
from deformviz.systems.system import System

SWIN = System(
    name="swin",
    config="deformviz.models.swin_features:SwinFeaturesConfig",
    model="deformviz.models.swin_features:SwinFeatures",
    layouts=("deformviz.checkpoints.official_swin:LAYOUT",),
    description="deformviz.analysis.swin_parts:describe",
    traces=(LocalTrace,),
    room="",
    buffers="deformviz.models.swin_features:computed_buffers",
)
