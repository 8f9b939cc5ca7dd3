"""The key layout of the published Deformable DETR files; every size is read off the tensors."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from deformviz.checkpoints import coco
from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.reading import CheckpointFile
from deformviz.checkpoints.registry import SYSTEMS, Layout, Options, Plan
from deformviz.checkpoints.report import Assumption
from deformviz.models.resnet import TOPOLOGIES

ENCODER, DECODER = "transformer.encoder.layers", "transformer.decoder.layers"
BODY = "backbone.0.body"
# The training script's names (and those of its constructor) for fields of our configuration.
ARGUMENTS = {
    "hidden_dim": "hidden_channels",
    "nheads": "heads",
    "num_feature_levels": "levels",
    "enc_layers": "encoder_layers",
    "dec_layers": "decoder_layers",
    "enc_n_points": "encoder_points",
    "dec_n_points": "decoder_points",
    "dim_feedforward": "feedforward_channels",
    "num_queries": "queries",
    "num_classes": "classes",
    "with_box_refine": "refine",
    "two_stage": "two_stage",
    "dilation": "dilation",
    "backbone": "backbone",
    "backbone_base_width": "backbone_width",
}
DEFAULTS = {"heads": 8, "dilation": False, "queries": 300}
IGNORED_ENDING = ".num_batches_tracked"
REQUIRED = (
    "transformer.level_embed",
    f"{ENCODER}.0.self_attn.sampling_offsets.weight",
    f"{DECODER}.0.cross_attn.sampling_offsets.weight",
)
# Relatives whose keys contain all of the above; each has more, and computes something else.
RELATIVES = {
    "label_enc.weight": "DINO",
    "refpoint_embed.weight": "DAB-Deformable-DETR",
    "transformer.decoder.ref_point_head.layers.0.weight": "DINO or DAB-Deformable-DETR",
}


def recognises(file: CheckpointFile) -> bool:
    """Whether the keys are those of the published Deformable DETR."""
    return all(key in file.tensors for key in REQUIRED)


def plan(file: CheckpointFile, options: Options) -> Plan:
    """Sizes from the tensors; what they cannot tell from the file's arguments, then `options`.

    Raises:
        CheckpointError: a relative of Deformable DETR, sizes that contradict each other or what
            was said about them.
    """
    for key, system in RELATIVES.items():
        if key in file.tensors:
            raise CheckpointError(
                f"{file.path.name} is a {system} checkpoint (it has {key}); only Deformable DETR "
                f"of this family can be loaded."
            )
    options.refuse("version", because="it tells versions of DAT apart, and this is Deformable DETR")
    told = _told(file, options)
    read = read_sizes(file)
    assumed: list[Assumption] = []
    for name, default in DEFAULTS.items():
        if name not in read:
            read[name], source = told.get(name, (default, "the default; no one said otherwise"))
            assumed.append(Assumption(name, read[name], source))
    read |= read_points(file, read["heads"], read["hidden_channels"], read["levels"])
    for name, (value, source) in told.items():
        if value != read[name]:
            raise CheckpointError(
                f"{file.path.name}: {name} is {value!r} by {source}, but the tensors say "
                f"{read[name]!r}."
            )
    if read["classes"] == coco.ROWS:
        read["class_names"] = coco.coco_class_names()
        assumed.append(Assumption("class_names", "COCO", "the class head has 91 rows"))
    try:
        config = SYSTEMS["deformable-detr"].config(**read)
    except ValueError as error:
        raise CheckpointError(f"{file.path.name}: {error}") from None
    ignored = tuple(key for key in file.tensors if key.endswith(IGNORED_ENDING))
    tensors = {key: value for key, value in file.tensors.items() if key not in ignored}
    return Plan(SYSTEMS["deformable-detr"], config.variant, config, tensors, tuple(assumed),
                ignored, read)


def _told(file: CheckpointFile, options: Options) -> dict[str, tuple[Any, str]]:
    """What the file's arguments and the caller say, by our names, with who said it.

    Raises:
        CheckpointError: they contradict each other.
    """
    sources = [
        ("the file's arguments", _ours(file.arguments)),
        ("config=", _ours(options.config or {})),
        ("the argument", {n: getattr(options, n) for n in DEFAULTS
                          if getattr(options, n) is not None}),
    ]
    told: dict[str, tuple[Any, str]] = {}
    for source, values in sources:
        for name, value in values.items():
            if name in told and told[name][0] != value:
                raise CheckpointError(
                    f"{file.path.name}: {name} is {told[name][0]!r} by {told[name][1]}, but "
                    f"{value!r} by {source}."
                )
            told.setdefault(name, (value, source))
    return told


def _ours(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments under our names; those that say nothing about the network are left out."""
    return {ours: arguments[name] for name, ours in ARGUMENTS.items()
            if arguments.get(name) is not None}


def read_sizes(file: CheckpointFile) -> dict[str, Any]:
    """Every field of the configuration that the tensors tell without knowing the heads."""
    tensors = file.tensors
    levels, channels = _shape(file, "transformer.level_embed", 2)
    sizes = {
        "levels": levels,
        "hidden_channels": channels,
        "encoder_layers": _count(tensors, ENCODER),
        "decoder_layers": _count(tensors, DECODER),
        "feedforward_channels": _shape(file, f"{ENCODER}.0.linear1.weight", 2)[0],
        "classes": _shape(file, "class_embed.0.weight", 2)[0],
        "refine": "transformer.decoder.bbox_embed.0.layers.0.weight" in tensors,
        "two_stage": "transformer.enc_output.weight" in tensors,
    }
    if not sizes["two_stage"]:
        sizes["queries"] = _shape(file, "query_embed.weight", 2)[0]
    return sizes | read_backbone(file)


def read_backbone(file: CheckpointFile) -> dict[str, Any]:
    """Topology and base width of the ResNet."""
    blocks = tuple(_count(file.tensors, f"{BODY}.layer{stage}") for stage in (1, 2, 3, 4))
    bottleneck = f"{BODY}.layer1.0.conv3.weight" in file.tensors
    for name, topology in TOPOLOGIES.items():
        if topology == (blocks, bottleneck):
            return {"backbone": name,
                    "backbone_width": _shape(file, f"{BODY}.conv1.weight", 4)[0]}
    raise CheckpointError(
        f"{file.path.name} has a backbone of {blocks} blocks, which is none of "
        f"{', '.join(TOPOLOGIES)}."
    )


def read_points(file: CheckpointFile, heads: Any, channels: int, levels: int) -> dict[str, int]:
    """Points per head and level of encoder and decoder.

    Raises:
        CheckpointError: this number of heads cannot be.
    """
    if type(heads) is not int or heads < 1 or channels % heads:
        raise CheckpointError(
            f"{file.path.name}: heads={heads!r} does not divide the {channels} channels. Give "
            f"the right number as heads=."
        )
    points = {}
    for field, key in (("encoder_points", f"{ENCODER}.0.self_attn"),
                       ("decoder_points", f"{DECODER}.0.cross_attn")):
        rows = _shape(file, f"{key}.attention_weights.weight", 2)[0]
        if rows % (heads * levels):
            raise CheckpointError(
                f"{file.path.name}: {key}.attention_weights has {rows} rows, which heads={heads} "
                f"times {levels} levels does not divide. Give the right number as heads=."
            )
        points[field] = rows // (heads * levels)
    return points


def _shape(file: CheckpointFile, key: str, axes: int) -> tuple[int, ...]:
    tensor: Tensor | None = file.tensors.get(key)
    if tensor is None or tensor.ndim != axes:
        found = "is missing" if tensor is None else f"has the shape {tuple(tensor.shape)}"
        raise CheckpointError(
            f"{file.path.name} looks like Deformable DETR, but {key} {found}; nothing was loaded."
        )
    return tuple(tensor.shape)


def _count(tensors: Mapping[str, Tensor], prefix: str) -> int:
    """How many numbered children a prefix has."""
    pattern = re.compile(re.escape(prefix) + r"\.(\d+)\.")
    return len({match[1] for key in tensors if (match := pattern.match(key))})


LAYOUT = Layout("official Deformable DETR", recognises, plan)
