"""The key layout of detrex: DINO, whose positions are Deformable DETR's."""

from deformviz.checkpoints.detrex import EPSILON, pairs
from deformviz.checkpoints.naming import Naming
from deformviz.checkpoints.official_options import ARGUMENTS, SILENT
from deformviz.checkpoints.renaming import Table
from deformviz.models.detector_config import DINOConfig

NAMING = Naming(
    layout="detrex DINO",
    system="dino",
    config=DINOConfig,
    required=(
        "transformer.level_embeds",
        "transformer.encoder.layers.0.attentions.0.sampling_offsets.weight",
        "transformer.decoder.ref_point_head.layers.0.weight",
        "transformer.tgt_embed.weight",
    ),
    table=lambda keys: Table(pairs(keys)),
    unused=(r"label_enc\.", r"pixel_(mean|std)$"),
    read=lambda file: {
        "logit_epsilon": EPSILON,
        "position_shift": -0.5,
        "position_temperature": 10000.0,
    },
    arguments=ARGUMENTS,
    silent=SILENT,
)
LAYOUT = NAMING.record
