"""The key layouts of Hugging Face's DETR: hub files and transformers 5 in memory."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from deformviz.checkpoints.huggingface import (
    SILENT,
    Style,
    backbone_names,
    class_names,
    image_facts,
    without_repeats,
)
from deformviz.checkpoints.naming import Naming
from deformviz.checkpoints.reading import CheckpointFile
from deformviz.checkpoints.renaming import NUMBER, Pair, Table, layers
from deformviz.models.dense_config import DETRConfig

# Fields of config.json for fields of our configuration.
ARGUMENTS = {
    "d_model": "hidden_channels",
    "encoder_attention_heads": "heads",
    "decoder_attention_heads": "decoder_heads",
    "encoder_layers": "encoder_layers",
    "decoder_layers": "decoder_layers",
    "encoder_ffn_dim": "feedforward_channels",
    "decoder_ffn_dim": "decoder_feedforward_channels",
    "num_queries": "queries",
    "dilation": "dilation",
}
FIXED = {"activation_function": ("relu",), "position_embedding_type": ("sine",)}


def style_of(keys: Mapping[str, Any]) -> Style:
    """The spelling: of the backbone, and of what follows attention."""
    in_memory = any(".mlp.fc1." in key or ".o_proj." in key for key in keys)
    return Style(in_memory=in_memory, timm=not any(".embedder.embedder." in key for key in keys))


def pairs(style: Style) -> Iterator[Pair]:
    """(ours, theirs) prefixes of keys."""
    yield from backbone_names(style)
    mlp, output = ("mlp.", "o_proj") if style.in_memory else ("", "out_proj")
    both = {
        "linear1": f"{mlp}fc1",
        "linear2": f"{mlp}fc2",
        "self_attn.out_proj": f"self_attn.{output}",
    }
    encoder = both | {"norm1": "self_attn_layer_norm", "norm2": "final_layer_norm"}
    decoder = both | {
        "norm2": "self_attn_layer_norm",
        "norm1": "encoder_attn_layer_norm",
        "norm3": "final_layer_norm",
        "cross_attn.out_proj": f"encoder_attn.{output}",
    }
    yield from shared_pairs(encoder, decoder)
    yield "transformer.encoder.norm", "model.encoder.layernorm"
    yield "class_embed.0", "class_labels_classifier"
    yield "query_embed", "model.query_position_embeddings"


def shared_pairs(encoder: Mapping[str, str], decoder: Mapping[str, str]) -> Iterator[Pair]:
    """What DETR and DAB-DETR name alike, around the names inside their layers."""
    yield from layers("transformer.encoder.layers", "model.encoder.layers", encoder)
    yield from layers("transformer.decoder.layers", "model.decoder.layers", decoder)
    yield "transformer.decoder.norm", "model.decoder.layernorm"
    yield "bbox_embed.0.layers", "bbox_predictor.layers"
    yield "input_proj.0.0", "model.input_projection"


@lru_cache(maxsize=8)
def table(style: Style) -> Table:
    """The whole table in one spelling."""
    split = [("encoder", "self_attn", "self_attn"), ("decoder", "self_attn", "self_attn")]
    split.append(("decoder", "cross_attn", "encoder_attn"))
    return Table(
        pairs(style),
        [
            (
                f"transformer.{side}.layers.{NUMBER}.{ours}",
                f"model.{side}.layers.{NUMBER}.{theirs}",
            )
            for side, ours, theirs in split
        ],
    )


def told(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of config.json under our names; the decoder's are left out where they repeat."""
    return without_repeats(
        {o: arguments[t] for t, o in ARGUMENTS.items() if arguments.get(t) is not None}
    )


def facts(file: CheckpointFile) -> dict[str, Any]:
    """Names of classes, without the one for "no object", and how pictures are prepared."""
    return class_names(file) | image_facts(file)


NAMING = Naming(
    layout="Hugging Face DETR",
    system="detr",
    config=DETRConfig,
    required=(
        "class_labels_classifier.weight",
        "model.decoder.layers.0.encoder_attn.q_proj.weight",
        "model.query_position_embeddings.weight",
    ),
    table=lambda keys: table(style_of(keys)),
    arguments=ARGUMENTS,
    silent=SILENT,
    fixed=FIXED,
    told=told,
    read=facts,
)
LAYOUT = NAMING.record
