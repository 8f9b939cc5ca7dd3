"""The key layouts of Hugging Face's Deformable DETR: hub files and transformers 5 in memory."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from deformviz.checkpoints.deformable_detr import count_children, gather_told, plan_from_tensors
from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.reading import CheckpointFile
from deformviz.checkpoints.registry import Layout, Options, Plan

REQUIRED = (
    "model.level_embed",
    "model.encoder.layers.0.self_attn.sampling_offsets.weight",
    "model.decoder.layers.0.encoder_attn.sampling_offsets.weight",
)
# Fields of config.json for fields of our configuration.
ARGUMENTS = {
    "d_model": "hidden_channels",
    "encoder_attention_heads": "heads",
    "decoder_attention_heads": "decoder_heads",
    "num_feature_levels": "levels",
    "encoder_layers": "encoder_layers",
    "decoder_layers": "decoder_layers",
    "encoder_n_points": "encoder_points",
    "decoder_n_points": "decoder_points",
    "encoder_ffn_dim": "feedforward_channels",
    "decoder_ffn_dim": "decoder_feedforward_channels",
    "with_box_refine": "refine",
    "two_stage": "two_stage",
    "dilation": "dilation",
}
# Options of theirs that change the computation and that our model does not have.
FIXED = {"activation_function": "relu", "position_embedding_type": "sine"}
THIRDS = ("q_proj", "k_proj", "v_proj")  # rows of in_proj, in this order
NUMBER = "{}"  # stands for the number of a layer, level or head


@dataclass(frozen=True)
class Style:
    """Which of the spellings a file uses."""

    in_memory: bool  # transformers 5 in memory; else as hub files and transformers 4
    timm: bool  # backbone of timm (torchvision's names); else of transformers

    @property
    def backbone(self) -> str:
        return "model.backbone.model." if self.in_memory else "model.backbone.conv_encoder.model."


def style_of(keys: Mapping[str, Any]) -> Style:
    """The spelling, told by the backbone's keys."""
    hub = any(key.startswith("model.backbone.conv_encoder.") for key in keys)
    return Style(in_memory=not hub, timm=not any(".embedder.embedder." in key for key in keys))


def layer_names(style: Style) -> Iterator[tuple[str, str]]:
    """(published, Hugging Face) names of what encoder and decoder layers contain."""
    mlp = "mlp." if style.in_memory else ""
    output = "o_proj" if style.in_memory else "out_proj"
    for side, names in (
        (
            "encoder",
            {
                "norm1": "self_attn_layer_norm",
                "norm2": "final_layer_norm",
                "self_attn": "self_attn",
            },
        ),
        (
            "decoder",
            {
                "norm1": "encoder_attn_layer_norm",
                "norm2": "self_attn_layer_norm",
                "norm3": "final_layer_norm",
                "cross_attn": "encoder_attn",
                "self_attn.out_proj": f"self_attn.{output}",
                "self_attn.in_proj": "self_attn.in_proj",
            },
        ),
    ):
        names |= {"linear1": f"{mlp}fc1", "linear2": f"{mlp}fc2"}
        for published, theirs in names.items():
            yield (
                f"transformer.{side}.layers.{NUMBER}.{published}",
                f"model.{side}.layers.{NUMBER}.{theirs}",
            )


def backbone_names(style: Style) -> Iterator[tuple[str, str]]:
    """(published, Hugging Face) names of the ResNet."""
    ours, theirs = "backbone.0.body", style.backbone
    if style.timm:
        for part in ("conv1", "bn1", *(f"layer{stage}" for stage in (1, 2, 3, 4))):
            yield f"{ours}.{part}", f"{theirs}{part}"
        return
    yield f"{ours}.conv1", f"{theirs}embedder.embedder.convolution"
    yield f"{ours}.bn1", f"{theirs}embedder.embedder.normalization"
    for stage in (1, 2, 3, 4):
        block = f"{ours}.layer{stage}.{NUMBER}"
        their_block = f"{theirs}encoder.stages.{stage - 1}.layers.{NUMBER}"
        for part, name in (("convolution", "conv"), ("normalization", "bn")):
            for index in (1, 2, 3):
                yield f"{block}.{name}{index}", f"{their_block}.layer.{index - 1}.{part}"
        yield f"{block}.downsample.0", f"{their_block}.shortcut.convolution"
        yield f"{block}.downsample.1", f"{their_block}.shortcut.normalization"


def all_names(style: Style) -> Iterator[tuple[str, str]]:
    """The whole table: (published, Hugging Face) prefixes of keys."""
    yield from backbone_names(style)
    yield from layer_names(style)
    for name in (
        "level_embed",
        "reference_points",
        "enc_output",
        "enc_output_norm",
        "pos_trans",
        "pos_trans_norm",
        f"decoder.bbox_embed.{NUMBER}",
        f"decoder.class_embed.{NUMBER}",
    ):
        yield f"transformer.{name}", f"model.{name}"
    for name in ("bbox_embed", "class_embed"):
        yield f"{name}.{NUMBER}", f"{name}.{NUMBER}"
    yield f"input_proj.{NUMBER}", f"model.input_proj.{NUMBER}"
    yield "query_embed", "model.query_position_embeddings"


@lru_cache(maxsize=8)
def _patterns(style: Style, back: bool) -> tuple[tuple[re.Pattern, str], ...]:
    pairs = [(ours, theirs) if back else (theirs, ours) for ours, theirs in all_names(style)]
    return tuple(
        (re.compile(re.escape(source).replace(re.escape(NUMBER), r"(\d+)") + r"(?=[._]|$)"), target)
        for source, target in pairs
    )


def rename(key: str, style: Style, *, back: bool = False) -> str | None:
    """One key from their names to the published ones, or `back`; None if the table lacks it."""
    for pattern, target in _patterns(style, back):
        if match := pattern.match(key):
            return target.format(*match.groups()) + key[match.end() :]
    return None


def to_published(tensors: Mapping[str, Tensor], style: Style) -> dict[str, Tensor]:
    """Their tensors under the published names, query, key and value projections joined.

    Keys the table does not know stay as they are, to be reported as unexpected.
    """
    renamed: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        first, third, last = key.rpartition(".q_proj.")
        if third and first.endswith(".self_attn"):
            parts = [tensors.get(f"{first}.{name}.{last}") for name in THIRDS]
            if all(part is not None and part.shape == tensor.shape for part in parts):
                renamed[
                    rename(f"{first}.in_proj.{last}", style).replace("in_proj.", "in_proj_")
                ] = torch.cat(parts)
                continue
        elif any(f".self_attn.{name}." in key for name in THIRDS[1:]):
            sibling = re.sub(r"\.[kv]_proj\.", ".q_proj.", key)
            if sibling in tensors and tensors[sibling].shape == tensor.shape:
                continue
        renamed[rename(key, style) or key] = tensor
    return renamed


def from_published(tensors: Mapping[str, Tensor], style: Style) -> dict[str, Tensor]:
    """The inverse of `to_published`."""
    renamed: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        first, joined, last = key.rpartition(".in_proj_")
        if joined:
            base = rename(f"{first}.in_proj", style, back=True).removesuffix("in_proj")
            for name, part in zip(THIRDS, tensor.chunk(3), strict=True):
                renamed[f"{base}{name}.{last}"] = part
        else:
            renamed[rename(key, style, back=True) or key] = tensor
    return renamed


def recognises(file: CheckpointFile) -> bool:
    """Whether the keys are those of transformers' Deformable DETR."""
    return all(key in file.tensors for key in REQUIRED)


def plan(file: CheckpointFile, options: Options) -> Plan:
    """Sizes from the tensors; the rest from config.json, then `options`.

    Raises:
        CheckpointError: an option our model does not have, or sizes that contradict each other.
    """
    options.refuse("version", because="it tells versions of DAT apart, and this is Deformable DETR")
    for arguments in (file.arguments, options.config or {}):
        for name, value in FIXED.items():
            if arguments.get(name, value) != value:
                raise CheckpointError(
                    f"{file.path.name} has {name}={arguments[name]!r}; only {value!r} is built."
                )
    counted = tuple(key for key in file.tensors if key.endswith(".num_batches_tracked"))
    kept = {key: tensor for key, tensor in file.tensors.items() if key not in counted}
    published = to_published(kept, style_of(kept))
    complete_heads(published)
    told = gather_told(file, options, ours(file.arguments), ours(options.config or {}))
    extra = class_names(file) | image_facts(file)
    return replace(
        plan_from_tensors(replace(file, tensors=published), told, extra), ignored=counted
    )


def complete_heads(tensors: dict[str, Tensor]) -> None:
    """Fill in heads that `save_pretrained` left out because they share their weights.

    The model and its decoder list the same heads; and where all layers share one class head, as
    they do in a model that was never trained, only the first is stored.
    """
    decoder = "transformer.decoder."
    for key in [key for key in tensors if key.startswith((f"{decoder}class_", f"{decoder}bbox_"))]:
        tensors.setdefault(key.removeprefix(decoder), tensors[key])
    for name in ("class_embed", "bbox_embed"):
        for index in range(count_children(tensors, "bbox_embed")):
            for part in [key for key in tensors if key.startswith(f"{name}.0.")]:
                layer = part.replace(f"{name}.0.", f"{name}.{index}.", 1)
                tensors.setdefault(layer, tensors[part])


def ours(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of config.json under our names."""
    told = {
        our: arguments[name] for name, our in ARGUMENTS.items() if arguments.get(name) is not None
    }
    for first, second in (
        ("heads", "decoder_heads"),
        ("feedforward_channels", "decoder_feedforward_channels"),
    ):
        if told.get(second) is not None and told.get(second) == told.get(first):
            told[second] = None  # our way to say: as in the encoder
    queries = "two_stage_num_proposals" if told.get("two_stage") else "num_queries"
    return told | ({"queries": arguments[queries]} if arguments.get(queries) else {})


def class_names(file: CheckpointFile) -> dict[str, Any]:
    """Names from config.json, where it has real ones for every class."""
    labels = file.arguments.get("id2label")
    if not isinstance(labels, Mapping):
        return {}
    names = [labels.get(str(index)) for index in range(len(labels))]
    real = [isinstance(name, str) and not name.startswith("LABEL_") for name in names]
    return {"class_names": tuple(names)} if names and all(real) else {}


def image_facts(file: CheckpointFile) -> dict[str, Any]:
    """How pictures are prepared, from preprocessor_config.json where the folder has one."""
    facts = file.arguments.get("preprocessor")
    if not isinstance(facts, Mapping):
        return {}
    size = facts.get("size") if isinstance(facts.get("size"), Mapping) else {}
    found = {
        "image_mean": facts.get("image_mean"),
        "image_std": facts.get("image_std"),
        "short_side": size.get("shortest_edge"),
        "long_side": size.get("longest_edge"),
    }
    return {name: value for name, value in found.items() if value is not None}


LAYOUT = Layout("Hugging Face Deformable DETR", recognises, plan)
