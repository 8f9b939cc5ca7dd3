"""The key layout of mmdetection 2.x: Deformable DETR, its transformer inside the head."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from deformviz.checkpoints.detector_sizes import count_children, share_heads
from deformviz.checkpoints.naming import Naming
from deformviz.checkpoints.official_options import ARGUMENTS, SILENT
from deformviz.checkpoints.reading import CheckpointFile
from deformviz.checkpoints.renaming import NUMBER, Pair, Table, layers
from deformviz.models.detector_config import DeformableDETRConfig

FEED_FORWARD = {"linear1": "ffns.0.layers.0.0", "linear2": "ffns.0.layers.1"}
ENCODER_LAYER = FEED_FORWARD | {"self_attn": "attentions.0", "norm1": "norms.0", "norm2": "norms.1"}
DECODER_LAYER = FEED_FORWARD | {
    "self_attn": "attentions.0.attn",
    "cross_attn": "attentions.1",
    "norm2": "norms.0",
    "norm1": "norms.1",
    "norm3": "norms.2",
}
BOX_LAYERS = ((0, 0), (1, 2), (2, 4))  # ours and theirs: activations count there


def neck_pairs(keys: Mapping[str, Any], norm: str) -> Iterator[Pair]:
    """One projection per backbone map, then extra ones; `norm` is what they call the group norm."""
    maps = count_children(keys, "neck.convs") or count_children(keys, "input_proj")
    for ours, theirs in (("0", "conv"), ("1", norm)):
        for index in range(maps):
            yield f"input_proj.{index}.{ours}", f"neck.convs.{index}.{theirs}"
        for index in range(count_children(keys, "neck.extra_convs")):
            yield f"input_proj.{maps + index}.{ours}", f"neck.extra_convs.{index}.{theirs}"


def head_pairs(head: str) -> Iterator[Pair]:
    """Class and box heads, numbered by layers; `head` ends with a point."""
    yield f"class_embed.{NUMBER}", f"{head}cls_branches.{NUMBER}"
    for ours, theirs in BOX_LAYERS:
        yield f"bbox_embed.{NUMBER}.layers.{ours}", f"{head}reg_branches.{NUMBER}.{theirs}"


def transformer_pairs(head: str) -> Iterator[Pair]:
    """What lies in `head`'s transformer, for every system of this layout."""
    transformer = f"{head}transformer."
    yield "transformer.level_embed", f"{transformer}level_embeds"
    for side, names in (("encoder", ENCODER_LAYER), ("decoder", DECODER_LAYER)):
        yield from layers(f"transformer.{side}.layers", f"{transformer}{side}.layers", names)
    for ours, theirs in ((0, 0), (1, 2)):
        point_head = "decoder.ref_point_head"
        yield f"transformer.{point_head}.layers.{ours}", f"{transformer}{point_head}.{theirs}"
    for name in (
        "decoder.norm",
        "reference_points",
        "enc_output",
        "enc_output_norm",
        "pos_trans",
        "pos_trans_norm",
    ):
        yield f"transformer.{name}", f"{transformer}{name}"


def table(keys: Mapping[str, Any], head: str = "bbox_head.") -> Table:
    """The whole table of a file with these keys."""
    return Table(
        [
            ("backbone.0.body", "backbone"),
            *neck_pairs(keys, "gn"),
            *head_pairs(head),
            *transformer_pairs(head),
            ("query_embed", f"{head}query_embedding"),
        ]
    )


def repeat_heads(tensors: dict[str, Tensor]) -> None:
    """List the heads a second time where our model does: they refine, or rank proposals.

    Such files keep every head once, so that refinement shows only by heads that differ.
    """
    two_stage = "transformer.enc_output.weight" in tensors
    file = CheckpointFile(Path(), tensors)  # of no file any more
    decoder_layers = count_children(tensors, "transformer.decoder.layers")
    if not two_stage and share_heads(file, decoder_layers):
        return
    names = ("bbox_embed", "class_embed") if two_stage else ("bbox_embed",)
    for key in [key for key in tensors if key.startswith(names)]:
        tensors.setdefault(f"transformer.decoder.{key}", tensors[key])


def class_names(file: CheckpointFile) -> dict[str, Any]:
    """The names a file's `meta` gives its classes, if there are as many as classes."""
    meta = file.arguments.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    dataset = meta.get("dataset_meta")
    names = meta.get("CLASSES") or (dataset or {}).get("classes") or ()
    heads = [tensor for key, tensor in file.tensors.items() if "cls_branches.0.weight" in key]
    if not isinstance(names, (list, tuple)) or not heads or len(heads[0]) != len(names):
        return {}
    return {"class_names": tuple(map(str, names))}


NAMING = Naming(
    layout="mmdetection 2 Deformable DETR",
    system="deformable-detr",
    config=DeformableDETRConfig,
    required=(
        "bbox_head.transformer.level_embeds",
        "bbox_head.transformer.encoder.layers.0.attentions.0.sampling_offsets.weight",
        "bbox_head.cls_branches.0.weight",
    ),
    table=table,
    read=class_names,
    complete=repeat_heads,
    arguments=ARGUMENTS,
    silent=SILENT,
)
LAYOUT = NAMING.record
