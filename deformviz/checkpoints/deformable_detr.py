"""A Deformable DETR's configuration, read off tensors under the published names.

Every layout of this system renames its keys to these and ends here.
"""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from deformviz.checkpoints import coco
from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.reading import CheckpointFile
from deformviz.checkpoints.registry import Options, Plan
from deformviz.checkpoints.report import Assumption
from deformviz.models.detector_config import DeformableDETRConfig
from deformviz.models.resnet import TOPOLOGIES

ENCODER, DECODER = "transformer.encoder.layers", "transformer.decoder.layers"
BODY = "backbone.0.body"
# What the tensors cannot tell, with the published values. (Two-stage files do not hold queries.)
DEFAULTS = {"heads": 8, "decoder_heads": None, "dilation": False, "queries": 300}

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


def plan_from_tensors(file: CheckpointFile, told: Told, extra: Mapping[str, Any]) -> Plan:
    """Sizes from the tensors; what they cannot tell from `told`, then the published values.

    Args:
        file: its tensors under the published names.
        told: by our field names; what the tensors can tell is compared.
        extra: further fields of the configuration that are no sizes, e.g. `class_names`.

    Raises:
        CheckpointError: sizes that contradict each other or what was told.
    """
    read = read_sizes(file)
    assumed: list[Assumption] = []
    for name, default in DEFAULTS.items():
        if name not in read:
            read[name], source = told.get(name, (default, "the default, as nobody said otherwise"))
            if read[name] is not None:
                assumed.append(Assumption(name, read[name], source))
    read |= read_points(file, read)
    for name, (value, source) in told.items():
        if value != read.get(name, value):
            raise CheckpointError(
                f"{file.path.name}: {name} is {value!r} by {source}, but the tensors say "
                f"{read[name]!r}."
            )
    read |= extra
    if read["classes"] == coco.ROWS and not read.get("class_names"):
        read["class_names"] = coco.coco_class_names()
        assumed.append(Assumption("class_names", "COCO", "the class head has 91 rows"))
    try:
        config = DeformableDETRConfig.from_dict(read)
    except ValueError as error:
        raise CheckpointError(f"{file.path.name}: {error}") from None
    return Plan("deformable-detr", config.variant, config, dict(file.tensors), tuple(assumed))


def read_sizes(file: CheckpointFile) -> dict[str, Any]:
    """Every field of the configuration that the tensors tell without knowing the heads."""
    tensors = file.tensors
    levels, channels = shape_of(file, "transformer.level_embed", 2)
    inner = shape_of(file, f"{ENCODER}.0.linear1.weight", 2)[0]
    decoder_inner = shape_of(file, f"{DECODER}.0.linear1.weight", 2)[0]
    sizes = {
        "levels": levels,
        "hidden_channels": channels,
        "encoder_layers": count_children(tensors, ENCODER),
        "decoder_layers": count_children(tensors, DECODER),
        "feedforward_channels": inner,
        "decoder_feedforward_channels": None if decoder_inner == inner else decoder_inner,
        "classes": shape_of(file, "class_embed.0.weight", 2)[0],
        "refine": "transformer.decoder.bbox_embed.0.layers.0.weight" in tensors,
        "two_stage": "transformer.enc_output.weight" in tensors,
    }
    if not sizes["two_stage"]:
        sizes["queries"] = shape_of(file, "query_embed.weight", 2)[0]
    return sizes | read_backbone(file)


def read_backbone(file: CheckpointFile) -> dict[str, Any]:
    """Topology and widths of the ResNet."""
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


def read_points(file: CheckpointFile, read: Mapping[str, Any]) -> dict[str, int]:
    """Points per head and level of encoder and decoder.

    Raises:
        CheckpointError: these numbers of heads cannot be.
    """
    levels, channels = read["levels"], read["hidden_channels"]
    decoder_heads = read["heads"] if read["decoder_heads"] is None else read["decoder_heads"]
    points = {}
    for field, key, heads in (
        ("encoder_points", f"{ENCODER}.0.self_attn", read["heads"]),
        ("decoder_points", f"{DECODER}.0.cross_attn", decoder_heads),
    ):
        rows = shape_of(file, f"{key}.attention_weights.weight", 2)[0]
        if type(heads) is not int or heads < 1 or channels % heads or rows % (heads * levels):
            raise CheckpointError(
                f"{file.path.name}: heads={heads!r} cannot be: it must divide the {channels} "
                f"channels, and heads times {levels} levels the {rows} rows of "
                f"{key}.attention_weights. Give the right number as heads=."
            )
        points[field] = rows // (heads * levels)
    return points


def shape_of(file: CheckpointFile, key: str, axes: int) -> tuple[int, ...]:
    """The shape of a tensor that must be there with this many axes.

    Raises:
        CheckpointError: it is not.
    """
    tensor: Tensor | None = file.tensors.get(key)
    if tensor is None or tensor.ndim != axes or 0 in tensor.shape:
        found = "is missing" if tensor is None else f"has the shape {tuple(tensor.shape)}"
        raise CheckpointError(
            f"{file.path.name} looks like Deformable DETR, but {key} {found}; nothing was loaded."
        )
    return tuple(tensor.shape)


def count_children(tensors: Mapping[str, Tensor], prefix: str) -> int:
    """How many numbered children a prefix has."""
    pattern = re.compile(re.escape(prefix) + r"\.(\d+)\.")
    return len({match[1] for key in tensors if (match := pattern.match(key))})
