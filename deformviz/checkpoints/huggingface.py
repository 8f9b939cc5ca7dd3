"""The key layouts of Hugging Face's Deformable DETR: hub files and transformers 5 in memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from torch import Tensor

from deformviz.checkpoints.detector_sizes import count_children
from deformviz.checkpoints.naming import Naming
from deformviz.checkpoints.reading import CheckpointFile
from deformviz.checkpoints.renaming import NUMBER, Table
from deformviz.models.detector_config import DeformableDETRConfig

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
FIXED = {"activation_function": ("relu",), "position_embedding_type": ("sine",)}
# Options that say nothing about the network, or what the tensors tell anyway.
SILENT = frozenset(
    """
    _name_or_path activation_dropout architectures attention_dropout auxiliary_loss backbone
    backbone_config backbone_kwargs bbox_cost bbox_loss_coefficient class_cost
    class_loss_coefficient cls_loss_coefficient decoder_layerdrop dice_loss_coefficient
    disable_custom_kernels dropout dtype encoder_layerdrop eos_coefficient focal_alpha giou_cost
    giou_loss_coefficient id2label init_std init_xavier_std initializer_bias_prior_prob
    is_encoder_decoder label2id mask_loss_coefficient max_position_embeddings model_type
    normalize_before num_attention_heads num_channels num_hidden_layers num_labels num_queries
    preprocessor return_dict scale_embedding sine_position_embedding_scale temperature_width
    torch_dtype transformers_version two_stage_num_proposals use_pretrained_backbone
    use_timm_backbone
    """.split()
)


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
def table(style: Style) -> Table:
    """The whole table in one spelling."""
    attention = f"layers.{NUMBER}.self_attn"
    return Table(
        all_names(style), [(f"transformer.decoder.{attention}", f"model.decoder.{attention}")]
    )


def to_published(tensors: Mapping[str, Tensor], style: Style) -> dict[str, Tensor]:
    """Their tensors under the published names, query, key and value projections joined.

    Keys the table does not know stay as they are, to be reported as unexpected.
    """
    return table(style).to_ours(tensors)


def from_published(tensors: Mapping[str, Tensor], style: Style) -> dict[str, Tensor]:
    """The inverse of `to_published`."""
    return table(style).to_theirs(tensors)


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
    told = without_repeats(told)
    queries = "two_stage_num_proposals" if told.get("two_stage") else "num_queries"
    return told | ({"queries": arguments[queries]} if arguments.get(queries) else {})


def without_repeats(told: Mapping[str, Any]) -> dict[str, Any]:
    """What was told, with None where the decoder's is the encoder's: our way to say so."""
    found = dict(told)
    for first, second in (
        ("heads", "decoder_heads"),
        ("feedforward_channels", "decoder_feedforward_channels"),
    ):
        if found.get(second) is not None and found[second] == found.get(first):
            found[second] = None
    return found


def class_names(file: CheckpointFile) -> dict[str, Any]:
    """Names from config.json, where it has real ones; ids it leaves out go by their number."""
    labels = file.arguments.get("id2label")
    if not isinstance(labels, Mapping):
        return {}
    named = {
        int(index): str(name)
        for index, name in labels.items()
        if str(index).isdecimal() and len(str(index)) < 7
    }
    if not named or all(name.startswith("LABEL_") for name in named.values()):
        return {"class_names": ()}  # it says that it has none
    return {"class_names": tuple(named.get(i, f"class {i}") for i in range(max(named) + 1))}


def image_facts(file: CheckpointFile) -> dict[str, Any]:
    """How pictures are prepared, from preprocessor_config.json where the folder has one."""
    facts = file.arguments.get("preprocessor")
    if not isinstance(facts, Mapping):
        return {}
    size = facts.get("size")
    size = size if isinstance(size, Mapping) else {}
    found = {
        "image_mean": facts.get("image_mean"),
        "image_std": facts.get("image_std"),
        "short_side": size.get("shortest_edge"),
        "long_side": size.get("longest_edge"),
    }
    return {name: value for name, value in found.items() if value is not None}


NAMING = Naming(
    layout="Hugging Face Deformable DETR",
    system="deformable-detr",
    config=DeformableDETRConfig,
    required=REQUIRED,
    table=lambda keys: table(style_of(keys)),
    arguments=ARGUMENTS,
    silent=SILENT,
    fixed=FIXED,
    told=ours,
    read=lambda file: class_names(file) | image_facts(file),
    complete=complete_heads,
)
LAYOUT = NAMING.record
