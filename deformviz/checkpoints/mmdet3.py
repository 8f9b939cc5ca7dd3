"""The key layout of mmdetection 3.x: Deformable DETR, its transformer beside the head."""

from collections.abc import Iterator, Mapping
from typing import Any

from deformviz.checkpoints.mmdet2 import class_names, head_pairs, neck_pairs, repeat_heads
from deformviz.checkpoints.naming import Naming
from deformviz.checkpoints.official_options import ARGUMENTS, SILENT
from deformviz.checkpoints.renaming import Pair, Table, layers
from deformviz.models.detector_config import DeformableDETRConfig

FEED_FORWARD = {"linear1": "ffn.layers.0.0", "linear2": "ffn.layers.1"}
ENCODER_LAYER = FEED_FORWARD | {"norm1": "norms.0", "norm2": "norms.1"}
DECODER_LAYER = FEED_FORWARD | {
    "self_attn": "self_attn.attn",
    "norm2": "norms.0",
    "norm1": "norms.1",
    "norm3": "norms.2",
}
# Ours under `transformer.`, theirs without it.
PARTS = {
    "level_embed": "level_embed",
    "reference_points": "reference_points_fc",
    "enc_output": "memory_trans_fc",
    "enc_output_norm": "memory_trans_norm",
    "pos_trans": "pos_trans_fc",
    "pos_trans_norm": "pos_trans_norm",
    "decoder.norm": "decoder.norm",
    "decoder.ref_point_head": "decoder.ref_point_head",
}


def pairs(keys: Mapping[str, Any]) -> Iterator[Pair]:
    """What Deformable DETR and DINO name alike."""
    yield "backbone.0.body", "backbone"
    yield from neck_pairs(keys, "gn")
    yield from head_pairs("bbox_head.")
    for side, names in (
        ("encoder", ENCODER_LAYER | {"self_attn": "self_attn"}),
        ("decoder", DECODER_LAYER | {"cross_attn": "cross_attn"}),
    ):
        yield from layers(f"transformer.{side}.layers", f"{side}.layers", names)
    for ours, theirs in PARTS.items():
        yield f"transformer.{ours}", theirs


NAMING = Naming(
    layout="mmdetection 3 Deformable DETR",
    system="deformable-detr",
    config=DeformableDETRConfig,
    required=(
        "level_embed",
        "encoder.layers.0.self_attn.sampling_offsets.weight",
        "decoder.layers.0.cross_attn.sampling_offsets.weight",
        "bbox_head.cls_branches.0.weight",
    ),
    absent=("decoder.ref_point_head.layers.0.weight",),
    table=lambda keys: Table([*pairs(keys), ("query_embed", "query_embedding")]),
    read=class_names,
    complete=repeat_heads,
    arguments=ARGUMENTS,
    silent=SILENT,
)
LAYOUT = NAMING.record
