"""The key layout of DAB-DETR's published files."""

from deformviz.checkpoints.naming import Naming
from deformviz.checkpoints.official_detr import heads_and_input
from deformviz.checkpoints.official_options import ARGUMENTS, FIXED, SILENT, UNUSED
from deformviz.checkpoints.renaming import Table, layers
from deformviz.models.dense_config import DABDETRConfig

# Content and position have projections of their own, which the files keep beside the attentions.
SELF = {
    "q_content": "qcontent",
    "q_pos": "qpos",
    "k_content": "kcontent",
    "k_pos": "kpos",
    "v": "v",
}
CROSS = SELF | {"q_sine": "qpos_sine"}
SPELLED_OUT = {  # as transformers and detrex call them
    "q_content": "query_content",
    "q_pos": "query_pos",
    "k_content": "key_content",
    "k_pos": "key_pos",
    "v": "value",
    "q_sine": "query_pos_sine",
}
DECODER_LAYER = {
    "norm1": "norm2",
    "norm2": "norm1",
    **{f"self_attn.{ours}_proj": f"sa_{theirs}_proj" for ours, theirs in SELF.items()},
    **{f"cross_attn.{ours}_proj": f"ca_{theirs}_proj" for ours, theirs in CROSS.items()},
}
TABLE = Table(
    [
        *layers("transformer.decoder.layers", "transformer.decoder.layers", DECODER_LAYER),
        *heads_and_input(),
        ("transformer.decoder.bbox_embed.0.layers", "transformer.decoder.bbox_embed.layers"),
    ]
)
NAMING = Naming(
    layout="official DAB-DETR",
    system="dab-detr",
    config=DABDETRConfig,
    required=(
        "refpoint_embed.weight",
        "transformer.decoder.layers.0.ca_qcontent_proj.weight",
        "transformer.decoder.ref_anchor_head.layers.0.weight",
    ),
    table=lambda keys: TABLE,
    arguments=ARGUMENTS | {"num_patterns": "patterns", "pe_temperatureH": "position_temperature"},
    silent=SILENT,
    fixed=FIXED | {"query_dim": (4,)},
    unused=UNUSED,
)
LAYOUT = NAMING.record
