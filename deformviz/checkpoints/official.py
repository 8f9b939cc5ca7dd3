"""The key layout of the published Deformable DETR files."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deformviz.checkpoints.deformable_detr import gather_told, plan_from_tensors
from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.reading import CheckpointFile
from deformviz.checkpoints.registry import Layout, Options, Plan

REQUIRED = (
    "transformer.level_embed",
    "transformer.encoder.layers.0.self_attn.sampling_offsets.weight",
    "transformer.decoder.layers.0.cross_attn.sampling_offsets.weight",
)
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
SINE_POSITIONS = ("sine", "v2")
# Relatives whose keys contain all of the above; each has more, and computes something else.
RELATIVES = {
    "label_enc.weight": "DINO",
    "refpoint_embed.weight": "DAB-Deformable-DETR",
    "transformer.decoder.ref_point_head.layers.0.weight": "DINO or DAB-Deformable-DETR",
}


def recognises(file: CheckpointFile) -> bool:
    """Whether the keys are those of the published Deformable DETR, or contain them."""
    return all(key in file.tensors for key in REQUIRED)


def plan(file: CheckpointFile, options: Options) -> Plan:
    """Sizes from the tensors; the rest from the file's `args`, then `options`.

    Raises:
        CheckpointError: a relative of Deformable DETR, an option it does not have, or sizes that
            contradict each other.
    """
    for key, system in RELATIVES.items():
        if key in file.tensors:
            raise CheckpointError(
                f"{file.path.name} is a {system} checkpoint (it has {key}); of this family only "
                f"Deformable DETR itself can be loaded."
            )
    options.refuse("version", because="it tells versions of DAT apart, and this is Deformable DETR")
    for arguments in (file.arguments, options.config or {}):
        embedding = arguments.get("position_embedding", "sine")
        if embedding not in SINE_POSITIONS:
            raise CheckpointError(
                f"{file.path.name} was trained with position_embedding={embedding!r}; only sine "
                f"embeddings are built."
            )
    told = gather_told(file, options, ours(file.arguments), ours(options.config or {}))
    counted = tuple(key for key in file.tensors if key.endswith(".num_batches_tracked"))
    kept = {key: tensor for key, tensor in file.tensors.items() if key not in counted}
    return replace(plan_from_tensors(replace(file, tensors=kept), told, {}), ignored=counted)


def ours(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments under our names; those that say nothing about the network are left out."""
    return {
        our: arguments[name] for name, our in ARGUMENTS.items() if arguments.get(name) is not None
    }


LAYOUT = Layout("official Deformable DETR", recognises, plan)
