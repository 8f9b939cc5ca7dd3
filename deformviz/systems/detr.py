"""DETR (Carion et al., ECCV 2020): every query may look everywhere."""

from deformviz.checkpoints.systems import Published
from deformviz.schema import DenseTrace
from deformviz.systems.system import System

TABLE = "arXiv 2005.12872, Table 1"

DETR = System(
    name="detr",
    config="deformviz.models.dense_config:DETRConfig",
    model="deformviz.models.detr:DETR",
    layouts=(
        "deformviz.checkpoints.official_detr:LAYOUT",
        "deformviz.checkpoints.huggingface_detr:LAYOUT",
        "deformviz.checkpoints.mmdet3_detr:LAYOUT",
        "deformviz.checkpoints.detrex_dense:DETR_LAYOUT",
    ),
    description="deformviz.analysis.detector_parts:describe",
    traces=(DenseTrace,),
    room="sampling",
    published=(
        Published("DETR, ResNet-50", 41.0, 86.0, TABLE),
        Published("DETR-DC5, ResNet-50", 41.0, 187.0, TABLE),
    ),
)
