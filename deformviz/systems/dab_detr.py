"""DAB-DETR (Liu et al., ICLR 2022): queries are boxes that modulate dense attention."""

from deformviz.schema import DenseTrace
from deformviz.systems.system import System

DAB_DETR = System(
    name="dab-detr",
    config="deformviz.models.dense_config:DABDETRConfig",
    model="deformviz.models.detr:DABDETR",
    layouts=(
        "deformviz.checkpoints.official_dab_detr:LAYOUT",
        "deformviz.checkpoints.huggingface_dab_detr:LAYOUT",
        "deformviz.checkpoints.mmdet3_dab_detr:LAYOUT",
        "deformviz.checkpoints.detrex_dense:DAB_DETR_LAYOUT",
    ),
    description="deformviz.analysis.detector_parts:describe",
    traces=(DenseTrace,),
    room="sampling",
)
