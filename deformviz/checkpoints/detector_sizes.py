"""A detector's configuration, read off tensors under our names.

Every layout of every detector renames its keys to these and ends here.
"""

import dataclasses
import math
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from deformviz.checkpoints import coco
from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.reading import CheckpointFile
from deformviz.checkpoints.registry import Options, Plan
from deformviz.checkpoints.report import Assumption
from deformviz.checkpoints.stars import StarReading, estimate_heads
from deformviz.models.config import DetectorConfig
from deformviz.models.resnet import TOPOLOGIES

ENCODER, DECODER = "transformer.encoder.layers", "transformer.decoder.layers"
BODY = "backbone.0.body"
BIAS_TABLE = "relative_position_bias_table"
# What the tensors cannot tell; a system's own defaults, but for these.
UNTOLD = {"heads": 8, "decoder_heads": None, "dilation": False}
Told = dict[str, tuple[Any, str]]


def gather_told(
    file: CheckpointFile,
    options: Options,
    from_file: Mapping[str, Any],
    from_config: Mapping[str, Any],
) -> Told:
    """What the file's arguments and the caller say, by our names, each with who said it.

    Raises:
        CheckpointError: they contradict each other.
    """
    direct = {name: getattr(options, name) for name in ("heads", "dilation", "queries")}
    sources = (
        ("the file's own arguments", from_file),
        ("config=", from_config),
        ("the argument", {name: value for name, value in direct.items() if value is not None}),
    )
    told: Told = {}
    for source, values in sources:
        for name, value in values.items():
            if name in told and told[name][0] != value:
                raise CheckpointError(
                    f"{file.path.name}: {name} is {told[name][0]!r} by {told[name][1]}, but "
                    f"{value!r} by {source}."
                )
            told.setdefault(name, (value, source))
    return told


def plan_from_tensors(
    file: CheckpointFile,
    system: str,
    config_type: type[DetectorConfig],
    told: Told,
    extra: Mapping[str, Any],
) -> Plan:
    """Sizes from the tensors; what they cannot tell from `told`, then the system's defaults.

    Args:
        file: its tensors under our names.
        told: by our field names; what the tensors can tell is compared.
        extra: further fields of the configuration that are no sizes, e.g. `class_names`.

    Raises:
        CheckpointError: sizes that contradict each other or what was told.
    """
    fields = {field.name: field.default for field in dataclasses.fields(config_type)}
    told = {name: value for name, value in told.items() if name in fields}
    read = read_sizes(file, config_type, fields)
    assumed: list[Assumption] = []
    untold = UNTOLD if "queries" in read else UNTOLD | {"queries": fields["queries"]}
    if among := fields.get("decoder_self_heads"):
        fits = read["hidden_channels"] % among == 0
        untold = untold | {"decoder_self_heads": among if fits else None}
    star = None if "heads" in told else star_of(file, read)
    for name, default in untold.items():
        nobody = (default, "the default, as nobody said otherwise")
        if name == "heads" and star is not None:
            nobody = (
                star.heads,
                (
                    f"the star of the offset biases, {star.likeness:.0%} like that of {star.heads} "
                    f"heads; heads= says otherwise"
                ),
            )
        read[name], source = told.get(name, nobody)
        if read[name] is not None:
            assumed.append(Assumption(name, read[name], source))
    read |= read_points(file, read)
    for name, (value, source) in told.items():
        if value != read.setdefault(name, value):
            raise CheckpointError(
                f"{file.path.name}: {name} is {value!r} by {source}, but the tensors say "
                f"{read[name]!r}."
            )
    read |= extra
    names = read.get("class_names")
    if names and len(names) < read["classes"] and "id2label" in file.arguments:
        names += tuple(f"class {i}" for i in range(len(names), read["classes"]))
        read["class_names"] = names
    if names is None and read["classes"] == coco.ROWS and _may_be_coco(file):
        read["class_names"] = coco.coco_class_names()
        assumed.append(Assumption("class_names", "COCO", "the class head has 91 rows"))
    try:
        config = config_type.from_dict(read)
    except ValueError as error:
        raise CheckpointError(f"{file.path.name}: {error}") from None
    return Plan(system, config.variant, config, dict(file.tensors), tuple(assumed))


def star_of(file: CheckpointFile, read: Mapping[str, Any]) -> StarReading | None:
    """What the encoder's offset biases say about heads; None where they are no clear stars."""
    if "levels" not in read:
        return None
    keys = (
        f"{ENCODER}.{layer}.self_attn.sampling_offsets.bias"
        for layer in range(read["encoder_layers"])
    )
    biases = [file.tensors[key] for key in keys if key in file.tensors]
    return estimate_heads(biases, read["hidden_channels"], read["levels"]) if biases else None


def _may_be_coco(file: CheckpointFile) -> bool:
    """Whether nothing in the file says that it was trained on other classes."""
    return str(file.arguments.get("dataset_file", "coco")).startswith("coco")


def read_sizes(
    file: CheckpointFile, config: type[DetectorConfig], fields: Mapping[str, Any]
) -> dict[str, Any]:
    """Every field of the configuration that the tensors tell without knowing the heads.

    fields: those `config` has, with their defaults.
    """
    tensors = file.tensors
    inner, channels = shape_of(file, f"{ENCODER}.0.linear1.weight", 2)
    decoder_inner = shape_of(file, f"{DECODER}.0.linear1.weight", 2)[0]
    sizes = {
        "hidden_channels": channels,
        "encoder_layers": count_children(tensors, ENCODER),
        "decoder_layers": count_children(tensors, DECODER),
        "feedforward_channels": inner,
        "decoder_feedforward_channels": None if decoder_inner == inner else decoder_inner,
        "classes": shape_of(file, "class_embed.0.weight", 2)[0] - int(config.no_object),
    }
    for key in ("transformer.tgt_embed", "tgt_embed", "query_embed", "refpoint_embed"):
        if f"{key}.weight" in tensors:
            sizes["queries"] = shape_of(file, f"{key}.weight", 2)[0]
            break
    reader = read_deformable if "levels" in fields else read_dense
    return sizes | reader(file, fields) | read_backbone(file)


def read_deformable(file: CheckpointFile, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What only detectors with deformable attention have."""
    tensors = file.tensors
    levels = shape_of(file, "transformer.level_embed", 2)[0]
    kernels = [
        shape_of(file, f"input_proj.{i}.0.weight", 4)[-1]
        for i in range(min(levels, count_children(tensors, "input_proj")))
    ]
    maps = kernels.count(1)
    sizes = {
        "levels": levels,
        "backbone_maps": None if maps == min(levels, 3) else maps,
        "projection_bias": "input_proj.0.0.bias" in tensors,
        "refine": "transformer.decoder.bbox_embed.0.layers.0.weight" in tensors,
        "two_stage": "transformer.enc_output.weight" in tensors,
        "decoder_norm": "transformer.decoder.norm.weight" in tensors,
        "query_scale": "transformer.decoder.query_scale.layers.0.weight" in tensors,
    }
    if fields["shared_heads"] is not None:
        sizes["shared_heads"] = share_heads(file, count_children(tensors, DECODER))
    if not sizes["two_stage"] and "tgt_embed.weight" not in tensors:
        shape_of(file, "query_embed.weight", 2)
    return sizes


def read_dense(file: CheckpointFile, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What only DETR and DAB-DETR have."""
    tensors = file.tensors
    sizes: dict[str, Any] = {"pre_norm": "transformer.encoder.norm.weight" in tensors}
    if "patterns" in fields:
        patterns = tensors.get("transformer.patterns.weight")
        sizes["patterns"] = 0 if patterns is None else len(patterns)
        learnt = f"{ENCODER}.0.activation.weight" in tensors
        sizes["activation"] = "prelu" if learnt else "relu"
    return sizes


def share_heads(file: CheckpointFile, layers: int) -> bool:
    """Whether all layers have the same class and box head."""
    first = [
        (name, part)
        for name in ("class_embed", "bbox_embed")
        for part in file.tensors
        if part.startswith(f"{name}.0.")
    ]
    for name, part in first:
        for index in range(1, layers):
            other = file.tensors.get(part.replace(f"{name}.0.", f"{name}.{index}.", 1))
            if other is not None and not torch.equal(other, file.tensors[part]):
                return False
    return True


def read_backbone(file: CheckpointFile) -> dict[str, Any]:
    """Topology and widths of the ResNet, or of the Swin."""
    if f"{BODY}.patch_embed.proj.weight" in file.tensors:
        return read_swin(file)
    blocks = tuple(count_children(file.tensors, f"{BODY}.layer{stage}") for stage in (1, 2, 3, 4))
    bottleneck = f"{BODY}.layer1.0.conv3.weight" in file.tensors
    stem = shape_of(file, f"{BODY}.conv1.weight", 4)[0]
    width = shape_of(file, f"{BODY}.layer1.0.conv1.weight", 4)[0]
    found = {"backbone_width": width, "backbone_stem": None if stem == width else stem}
    for name, topology in TOPOLOGIES.items():
        if topology == (blocks, bottleneck):
            return found | {"backbone": name}
    return found | {
        "backbone": "resnet",
        "resnet_blocks": blocks,
        "resnet_bottleneck": bottleneck,
    }


def read_swin(file: CheckpointFile) -> dict[str, Any]:
    """Sizes of a Swin: all of them show in its tensors, heads in the tables of biases."""
    stages = [f"{BODY}.layers.{index}.blocks" for index in range(4)]
    tables = [shape_of(file, f"{stage}.0.attn.{BIAS_TABLE}", 2) for stage in stages]
    width = shape_of(file, f"{BODY}.patch_embed.proj.weight", 4)[0]
    inner = shape_of(file, f"{stages[0]}.0.mlp.fc1.weight", 2)[0]
    return {
        "backbone": "swin",
        "backbone_width": width,
        "swin_depths": tuple(count_children(file.tensors, stage) for stage in stages),
        "swin_heads": tuple(heads for _, heads in tables),
        "swin_window": (math.isqrt(tables[0][0]) + 1) // 2,
        "swin_mlp_ratio": inner / width,
    }


def read_points(file: CheckpointFile, read: Mapping[str, Any]) -> dict[str, int]:
    """Points per head and level of encoder and decoder, where attention is deformable.

    Raises:
        CheckpointError: these numbers of heads cannot be.
    """
    channels = read["hidden_channels"]
    decoder_heads = read["heads"] if read["decoder_heads"] is None else read["decoder_heads"]
    for heads in (read["heads"], decoder_heads):
        if type(heads) is not int or heads < 1 or channels % heads:
            raise CheckpointError(_no_such_heads(file, heads, channels, ""))
    if "levels" not in read:
        return {}
    points = {}
    for field, key, heads in (
        ("encoder_points", f"{ENCODER}.0.self_attn", read["heads"]),
        ("decoder_points", f"{DECODER}.0.cross_attn", decoder_heads),
    ):
        rows = shape_of(file, f"{key}.attention_weights.weight", 2)[0]
        if rows % (heads * read["levels"]):
            rule = (
                f", and heads times {read['levels']} levels the {rows} rows of "
                f"{key}.attention_weights"
            )
            raise CheckpointError(_no_such_heads(file, heads, channels, rule))
        points[field] = rows // (heads * read["levels"])
    return points


def _no_such_heads(file: CheckpointFile, heads: Any, channels: int, rule: str) -> str:
    return (
        f"{file.path.name}: heads={heads!r} cannot be: it must divide the {channels} channels"
        f"{rule}. Give the right number as heads=."
    )


def shape_of(file: CheckpointFile, key: str, axes: int) -> tuple[int, ...]:
    """The shape of a tensor that must be there with this many axes.

    Raises:
        CheckpointError: it is not.
    """
    tensor: Tensor | None = file.tensors.get(key)
    if tensor is None or tensor.ndim != axes or 0 in tensor.shape:
        found = "is missing" if tensor is None else f"has the shape {tuple(tensor.shape)}"
        raise CheckpointError(
            f"{file.path.name} looks like a detector of this family, but {key} {found}; nothing "
            f"was loaded."
        )
    return tuple(tensor.shape)


def count_children(tensors: Mapping[str, Tensor], prefix: str) -> int:
    """How many numbered children a prefix has."""
    pattern = re.compile(re.escape(prefix) + r"\.(\d+)\.")
    return len({match[1] for key in tensors if (match := pattern.match(key))})
