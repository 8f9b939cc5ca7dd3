"""The key layout of mmdetection 3.x: DETR."""

from deformviz.checkpoints.mmdet2 import class_names
from deformviz.checkpoints.mmdet3 import DECODER_LAYER, ENCODER_LAYER
from deformviz.checkpoints.naming import Naming
from deformviz.checkpoints.official_options import ARGUMENTS, SILENT
from deformviz.checkpoints.renaming import Table, layers
from deformviz.models.dense_config import DETRConfig

BOX_LAYERS = ("reg_ffn.layers.0.0", "reg_ffn.layers.1", "fc_reg")
TABLE = Table(
    [
        ("backbone.0.body", "backbone"),
        ("input_proj.0.0", "neck.convs.0.conv"),
        *layers(
            "transformer.encoder.layers",
            "encoder.layers",
            ENCODER_LAYER | {"self_attn": "self_attn.attn"},
        ),
        *layers(
            "transformer.decoder.layers",
            "decoder.layers",
            DECODER_LAYER | {"cross_attn": "cross_attn.attn"},
        ),
        ("transformer.decoder.norm", "decoder.post_norm"),
        ("class_embed.0", "bbox_head.fc_cls"),
        *((f"bbox_embed.0.layers.{i}", f"bbox_head.{name}") for i, name in enumerate(BOX_LAYERS)),
        ("query_embed", "query_embedding"),
    ]
)
NAMING = Naming(
    layout="mmdetection 3 DETR",
    system="detr",
    config=DETRConfig,
    required=(
        "encoder.layers.0.self_attn.attn.in_proj_weight",
        "decoder.layers.0.cross_attn.attn.in_proj_weight",
        "bbox_head.fc_cls.weight",
        "query_embedding.weight",
    ),
    table=lambda keys: TABLE,
    read=class_names,
    arguments=ARGUMENTS,
    silent=SILENT,
)
LAYOUT = NAMING.record
