"""The key layout of Co-DINO's published files (mmdetection 2, its own heads)."""

from deformviz.checkpoints.co_deformable_detr import (
    ARGUMENTS,
    REQUIRED,
    TOLD_BY_TENSORS,
    UNUSED,
    pairs,
)
from deformviz.checkpoints.mmdet2 import class_names, repeat_heads
from deformviz.checkpoints.naming import Naming
from deformviz.checkpoints.renaming import Table
from deformviz.models.detector_config import CoDINOConfig

NAMING = Naming(
    layout="Co-DINO of mmdetection 2",
    system="co-dino",
    config=CoDINOConfig,
    required=(*REQUIRED, "query_head.transformer.query_embed.weight"),
    table=lambda keys: Table(
        [*pairs(keys), ("transformer.tgt_embed", "query_head.transformer.query_embed")]
    ),
    arguments=ARGUMENTS,
    silent=TOLD_BY_TENSORS,
    unused=UNUSED,
    read=class_names,
    complete=repeat_heads,
)
LAYOUT = NAMING.record
