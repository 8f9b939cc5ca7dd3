"""The key layout of detrex: DAB-Deformable-DETR."""

from deformviz.checkpoints.detrex import pairs
from deformviz.checkpoints.naming import Naming
from deformviz.checkpoints.official_options import ARGUMENTS, SILENT
from deformviz.checkpoints.renaming import Table, same
from deformviz.models.detector_config import DABDeformableDETRConfig

OWN = ("tgt_embed", "refpoint_embed", "transformer.decoder.query_scale")
NAMING = Naming(
    layout="detrex DAB-Deformable-DETR",
    system="dab-deformable-detr",
    config=DABDeformableDETRConfig,
    required=(
        "transformer.level_embeds",
        "transformer.decoder.layers.0.attentions.1.sampling_offsets.weight",
        "transformer.decoder.query_scale.layers.0.weight",
        "tgt_embed.weight",
        "refpoint_embed.weight",
    ),
    table=lambda keys: Table([*pairs(keys), *same(*OWN)]),
    unused=(r"pixel_(mean|std)$",),
    arguments=ARGUMENTS,
    silent=SILENT,
)
LAYOUT = NAMING.record
