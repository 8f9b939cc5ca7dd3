"""The key layout of DETR's published files."""

from deformviz.checkpoints.naming import Naming
from deformviz.checkpoints.official_options import ARGUMENTS, FIXED, SILENT, UNUSED
from deformviz.checkpoints.renaming import NUMBER, Pair, Table, layers
from deformviz.models.dense_config import DETRConfig

# Ours are Deformable DETR's names, whose first norm of a decoder layer is the second in use.
DECODER_LAYER = {"norm1": "norm2", "norm2": "norm1", "cross_attn": "multihead_attn"}


def heads_and_input() -> list[Pair]:
    """One head for all layers, one projection without a norm."""
    return [
        ("class_embed.0", "class_embed"),
        ("bbox_embed.0.layers", "bbox_embed.layers"),
        ("input_proj.0.0", "input_proj"),
    ]


TABLE = Table(
    [
        *layers("transformer.decoder.layers", "transformer.decoder.layers", DECODER_LAYER),
        *heads_and_input(),
        (f"class_embed.{NUMBER}", f"class_embed.{NUMBER}"),
    ]
)
NAMING = Naming(
    layout="official DETR",
    system="detr",
    config=DETRConfig,
    required=(
        "transformer.encoder.layers.0.self_attn.in_proj_weight",
        "transformer.decoder.layers.0.multihead_attn.in_proj_weight",
        "class_embed.weight",
        "input_proj.weight",
    ),
    table=lambda keys: TABLE,
    arguments=ARGUMENTS,
    silent=SILENT,
    fixed=FIXED,
    unused=UNUSED,
)
LAYOUT = NAMING.record
