"""The key layout of mmdetection 3.x: DINO."""

from deformviz.checkpoints.mmdet2 import class_names, repeat_heads
from deformviz.checkpoints.mmdet3 import pairs
from deformviz.checkpoints.naming import Naming
from deformviz.checkpoints.official_options import ARGUMENTS, SILENT
from deformviz.checkpoints.renaming import Table
from deformviz.models.detector_config import DINOConfig

NAMING = Naming(
    layout="mmdetection 3 DINO",
    system="dino",
    config=DINOConfig,
    required=(
        "level_embed",
        "encoder.layers.0.self_attn.sampling_offsets.weight",
        "decoder.ref_point_head.layers.0.weight",
        "memory_trans_fc.weight",
        "bbox_head.cls_branches.0.weight",
    ),
    table=lambda keys: Table([*pairs(keys), ("transformer.tgt_embed", "query_embedding")]),
    unused=(r"dn_query_generator\.",),  # noise for denoising
    read=class_names,
    complete=repeat_heads,
    arguments=ARGUMENTS,
    silent=SILENT,
)
LAYOUT = NAMING.record
