"""The key layout of mmdetection 3.x: DAB-DETR."""

from deformviz.checkpoints.mmdet2 import class_names
from deformviz.checkpoints.mmdet3 import DECODER_LAYER, ENCODER_LAYER
from deformviz.checkpoints.naming import Naming
from deformviz.checkpoints.official_dab_detr import CROSS, SELF
from deformviz.checkpoints.official_options import ARGUMENTS, SILENT
from deformviz.checkpoints.renaming import Table, layers
from deformviz.models.dense_config import DABDETRConfig

ACTIVATION = {"activation": "ffn.layers.0.1"}
SINE = {"q_sine": "qpos_sine"}  # theirs, as the authors'
ATTENTIONS = {
    f"{side}.{ours}_proj": f"{side}.{(names | SINE).get(ours, theirs)}_proj"
    for side, names in (("self_attn", SELF), ("cross_attn", CROSS))
    for ours, theirs in names.items()
}
OUTPUTS = {f"{side}.out_proj": f"{side}.out_proj" for side in ("self_attn", "cross_attn")}
NORMS = {ours: theirs for ours, theirs in DECODER_LAYER.items() if ours != "self_attn"}
TABLE = Table(
    [
        ("backbone.0.body", "backbone"),
        ("input_proj.0.0", "neck.convs.0.conv"),
        *layers(
            "transformer.encoder.layers",
            "encoder.layers",
            ENCODER_LAYER | ACTIVATION | {"self_attn": "self_attn.attn"},
        ),
        *layers(
            "transformer.decoder.layers",
            "decoder.layers",
            NORMS | ACTIVATION | ATTENTIONS | OUTPUTS,
        ),
        ("transformer.encoder.query_scale", "encoder.query_scale"),
        *(
            (f"transformer.decoder.{name}", f"decoder.{name}")
            for name in ("query_scale", "ref_point_head", "ref_anchor_head")
        ),
        ("transformer.decoder.norm", "decoder.post_norm"),
        ("class_embed.0", "bbox_head.fc_cls"),
        ("bbox_embed.0.layers", "bbox_head.fc_reg.layers"),
        ("refpoint_embed", "query_embedding"),
        ("transformer.patterns", "patterns"),
    ]
)
NAMING = Naming(
    layout="mmdetection 3 DAB-DETR",
    system="dab-detr",
    config=DABDETRConfig,
    required=(
        "decoder.layers.0.cross_attn.qcontent_proj.weight",
        "decoder.ref_anchor_head.layers.0.weight",
        "bbox_head.fc_cls.weight",
        "query_embedding.weight",
    ),
    table=lambda keys: TABLE,
    read=class_names,
    arguments=ARGUMENTS,
    silent=SILENT,
)
LAYOUT = NAMING.record
