"""The key layouts of the files that the authors of each detector published.

Ours are the names of Deformable DETR's, so that its table is empty.
"""

from deformviz.checkpoints.naming import Naming
from deformviz.checkpoints.official_options import ARGUMENTS, FIXED, SILENT, UNUSED
from deformviz.models.detector_config import DeformableDETRConfig

NAMING = Naming(
    layout="official Deformable DETR",
    system="deformable-detr",
    config=DeformableDETRConfig,
    required=(
        "transformer.level_embed",
        "transformer.encoder.layers.0.self_attn.sampling_offsets.weight",
        "transformer.decoder.layers.0.cross_attn.sampling_offsets.weight",
    ),
    absent=("refpoint_embed.weight", "transformer.decoder.ref_point_head.layers.0.weight"),
    arguments=ARGUMENTS | {"with_box_refine": "refine", "two_stage": "two_stage"},
    silent=SILENT,
    fixed=FIXED,
    unused=UNUSED,
)
LAYOUT = NAMING.record
