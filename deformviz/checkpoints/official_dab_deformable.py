"""The key layout of DAB-Deformable-DETR's published files: Deformable DETR's and the anchors."""

from deformviz.checkpoints.naming import Naming
from deformviz.checkpoints.official_options import ARGUMENTS, FIXED, SILENT, UNUSED
from deformviz.models.detector_config import DABDeformableDETRConfig

NAMING = Naming(
    layout="official DAB-Deformable-DETR",
    system="dab-deformable-detr",
    config=DABDeformableDETRConfig,
    required=(
        "refpoint_embed.weight",
        "tgt_embed.weight",
        "transformer.level_embed",
        "transformer.decoder.layers.0.cross_attn.sampling_offsets.weight",
    ),
    arguments=ARGUMENTS,  # its script reads temperatures of positions and does not use them
    silent=SILENT,
    fixed=FIXED | {"num_patterns": (0,), "two_stage": (False,), "with_box_refine": (True,)},
    unused=(*UNUSED, r"label_enc\."),
)
LAYOUT = NAMING.record
