"""The key layout of Hugging Face's DAB-DETR, the same on the hub and in memory.

Their model keeps the odds of references above 1e-5; the weights were trained with the authors'
1e-3, which ours keeps.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from deformviz.checkpoints.huggingface import SILENT, Style, backbone_names
from deformviz.checkpoints.huggingface_detr import ARGUMENTS, facts, shared_pairs
from deformviz.checkpoints.huggingface_detr import told as told_detr
from deformviz.checkpoints.naming import Naming
from deformviz.checkpoints.official_dab_detr import CROSS, SELF, SPELLED_OUT
from deformviz.checkpoints.renaming import NUMBER, Pair, Table
from deformviz.models.dense_config import DABDETRConfig

OWN = {  # fields of its config.json beside DETR's
    "hidden_size": "hidden_channels",
    "num_patterns": "patterns",
    "temperature_height": "position_temperature",
}


def style_of(keys: Mapping[str, Any]) -> Style:
    """DAB-DETR keeps the hub's name of the backbone in memory."""
    return Style(in_memory=False, timm=not any(".embedder.embedder." in key for key in keys))


def pairs(style: Style) -> Iterator[Pair]:
    """(ours, theirs) prefixes of keys."""
    yield from backbone_names(style)
    encoder = {
        "linear1": "fc1",
        "linear2": "fc2",
        "activation": "activation_fn",
        "norm1": "self_attn_layer_norm",
        "norm2": "final_layer_norm",
        "self_attn.out_proj": "self_attn.out_proj",
    }
    decoder = {
        "linear1": "mlp.fc1",
        "linear2": "mlp.fc2",
        "activation": "mlp.activation_fn",
        "norm2": "self_attn.self_attn_layer_norm",
        "norm1": "cross_attn.cross_attn_layer_norm",
        "norm3": "mlp.final_layer_norm",
        "self_attn.out_proj": "self_attn.self_attn.output_proj",
        "cross_attn.out_proj": "cross_attn.cross_attn.output_proj",
    }
    for side, names in (("self_attn", SELF), ("cross_attn", CROSS)):
        for name in names:
            decoder[f"{side}.{name}_proj"] = f"{side}.{side}_{SPELLED_OUT[name]}_proj"
    yield from shared_pairs(encoder, decoder)
    for name in ("query_scale", "ref_point_head", "ref_anchor_head"):
        yield f"transformer.decoder.{name}", f"model.decoder.{name}"
    yield "transformer.encoder.query_scale", "model.encoder.query_scale"
    yield "transformer.decoder.bbox_embed.0.layers", "model.decoder.bbox_embed.layers"
    yield "transformer.patterns", "model.patterns"
    yield "class_embed.0", "class_embed"
    yield "refpoint_embed", "model.query_refpoint_embeddings"


@lru_cache(maxsize=4)
def table(style: Style) -> Table:
    """The whole table for one kind of backbone."""
    module = f"layers.{NUMBER}.self_attn"
    return Table(pairs(style), [(f"transformer.encoder.{module}", f"model.encoder.{module}")])


def told(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of config.json under our names."""
    more = {o: arguments[t] for t, o in OWN.items() if arguments.get(t) is not None}
    if "position_temperature" in more:
        more["position_temperature"] = float(more["position_temperature"])
    return told_detr(arguments) | more


NAMING = Naming(
    layout="Hugging Face DAB-DETR",
    system="dab-detr",
    config=DABDETRConfig,
    required=(
        "model.query_refpoint_embeddings.weight",
        "model.decoder.ref_anchor_head.layers.0.weight",
        "model.decoder.layers.0.cross_attn.cross_attn_query_content_proj.weight",
    ),
    table=lambda keys: table(style_of(keys)),
    arguments=ARGUMENTS | OWN,
    silent=SILENT,
    fixed={"activation_function": ("prelu",), "keep_query_pos": (False,), "query_dim": (4,)},
    told=told,
    read=facts,
)
LAYOUT = NAMING.record
