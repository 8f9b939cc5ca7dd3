"""The key layouts of detrex with dense attention: DETR and DAB-DETR."""

from collections.abc import Mapping

from deformviz.checkpoints.detrex import backbone_pairs_in_order
from deformviz.checkpoints.mmdet2 import DECODER_LAYER, ENCODER_LAYER
from deformviz.checkpoints.naming import Naming
from deformviz.checkpoints.official_dab_detr import CROSS, SELF, SPELLED_OUT
from deformviz.checkpoints.official_detr import heads_and_input
from deformviz.checkpoints.official_options import ARGUMENTS, SILENT
from deformviz.checkpoints.renaming import Table, layers, same
from deformviz.models.config import DetectorConfig
from deformviz.models.dense_config import DABDETRConfig, DETRConfig

BESIDE = (r"pixel_(mean|std)$",)
ACTIVATION = {"activation": "ffns.0.layers.0.1"}
WITHOUT_ATTENTION = {
    ours: theirs for ours, theirs in DECODER_LAYER.items() if not ours.endswith("_attn")
}
CONDITIONAL = {
    f"{side}.{ours}": f"attentions.{index}.{theirs}"
    for index, (side, names) in enumerate((("self_attn", SELF), ("cross_attn", CROSS)))
    for ours, theirs in (
        *((f"{name}_proj", f"{SPELLED_OUT[name]}_proj") for name in names),
        ("out_proj", "out_proj"),
    )
}
MULTI_HEAD = {"self_attn": "attentions.0.attn", "cross_attn": "attentions.1.attn"}


def naming(
    title: str,
    system: str,
    config: type[DetectorConfig],
    decoder: Mapping[str, str],
    own: tuple[str, ...],
    required: tuple[str, ...],
) -> Naming:
    """What both have in common, around the names in a decoder layer and of their `own` parts."""
    encoder = ENCODER_LAYER | ACTIVATION | {"self_attn": "attentions.0.attn"}
    table = Table(
        [
            *backbone_pairs_in_order(),
            *layers("transformer.encoder.layers", "transformer.encoder.layers", encoder),
            *layers("transformer.decoder.layers", "transformer.decoder.layers", decoder),
            *(
                (f"transformer.{side}.norm", f"transformer.{side}.post_norm_layer")
                for side in ("encoder", "decoder")
            ),
            *heads_and_input(),
            *same(*own),
        ]
    )
    return Naming(
        layout=f"detrex {title}",
        system=system,
        config=config,
        required=("backbone.stem.conv1.weight", "input_proj.weight", *required),
        table=lambda keys: table,
        unused=BESIDE,
        arguments=ARGUMENTS,
        silent=SILENT,
    )


DETR = naming(
    "DETR",
    "detr",
    DETRConfig,
    WITHOUT_ATTENTION | ACTIVATION | MULTI_HEAD,
    ("query_embed",),
    ("transformer.decoder.layers.0.attentions.1.attn.in_proj_weight", "query_embed.weight"),
)
DAB_DETR = naming(
    "DAB-DETR",
    "dab-detr",
    DABDETRConfig,
    WITHOUT_ATTENTION | ACTIVATION | CONDITIONAL,
    (
        "refpoint_embed",
        "transformer.encoder.query_scale",
        "transformer.decoder.query_scale",
        "transformer.decoder.ref_point_head",
        "transformer.decoder.ref_anchor_head",
    ),
    (
        "transformer.decoder.layers.0.attentions.1.query_content_proj.weight",
        "refpoint_embed.weight",
    ),
)
DETR_LAYOUT, DAB_DETR_LAYOUT = DETR.record, DAB_DETR.record
