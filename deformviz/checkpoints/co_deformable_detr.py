"""The key layout of Co-Deformable-DETR's published files (mmdetection 2, its own heads)."""

from collections.abc import Mapping
from typing import Any

from deformviz.checkpoints.mmdet2 import (
    class_names,
    head_pairs,
    neck_pairs,
    repeat_heads,
    transformer_pairs,
)
from deformviz.checkpoints.naming import Naming
from deformviz.checkpoints.official_options import SILENT
from deformviz.checkpoints.renaming import Pair, Table
from deformviz.models.detector_config import CoDeformableDETRConfig

HEAD = "query_head."
# Heads that teach the encoder while it trains, and noise for denoising.
UNUSED = (
    r"rpn_head\.",
    r"roi_head\.",
    r"bbox_head\.",
    r"mask_head\.",
    r"query_head\.downsample\.",
    r"query_head\.label_embedding\.",
    r"query_head\.transformer\.(aux_pos_trans|pos_feats|head_pos_embed)",
)
REQUIRED = (
    "query_head.transformer.level_embeds",
    "query_head.transformer.encoder.layers.0.attentions.0.sampling_offsets.weight",
    "query_head.cls_branches.0.weight",
)
# Names of our parity recordings, which describe what the authors' configurations say in Python.
ARGUMENTS = {
    "nheads": "heads",
    "nheads_decoder_self_attn": "decoder_self_heads",
    "num_queries": "queries",
    "inverse_sigmoid_eps": "logit_epsilon",
}
# Others of their options: what the tensors tell, or what this system always is.
TOLD_BY_TENSORS = SILENT | frozenset(
    """
    backbone backbone_base_width dec_layers dec_n_points dim_feedforward dilation enc_layers
    enc_n_points hidden_dim look_forward_twice max_per_img mixed_selection num_classes
    num_feature_levels positional_encoding two_stage with_box_refine
    """.split()
)


def pairs(keys: Mapping[str, Any]) -> list[Pair]:
    """What Co-Deformable-DETR and Co-DINO name alike."""
    return [
        ("backbone.0.body", "backbone"),
        *neck_pairs(keys, "gn"),
        *head_pairs(HEAD),
        *transformer_pairs(HEAD),
    ]


NAMING = Naming(
    layout="Co-Deformable-DETR of mmdetection 2",
    system="co-deformable-detr",
    config=CoDeformableDETRConfig,
    required=(*REQUIRED, "query_head.query_embedding.weight"),
    table=lambda keys: Table(
        [*pairs(keys), ("transformer.tgt_embed", "query_head.query_embedding")]
    ),
    arguments=ARGUMENTS,
    silent=TOLD_BY_TENSORS,
    unused=UNUSED,
    fixed={"mixed_selection": (True,), "two_stage": (True,), "with_box_refine": (True,)},
    read=class_names,
    complete=repeat_heads,
)
LAYOUT = NAMING.record
