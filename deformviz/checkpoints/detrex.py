"""The key layout of detrex: Deformable DETR on a backbone of detectron2."""

from collections.abc import Iterator, Mapping
from typing import Any

from deformviz.checkpoints.mmdet2 import DECODER_LAYER, ENCODER_LAYER, neck_pairs
from deformviz.checkpoints.naming import Naming
from deformviz.checkpoints.official_options import ARGUMENTS, SILENT
from deformviz.checkpoints.renaming import NUMBER, Pair, Table, layers, same
from deformviz.models.detector_config import DeformableDETRConfig

EPSILON = 1e-3  # detrex keeps odds above it in every system
PARTS = (
    "decoder.norm",
    "decoder.ref_point_head",
    "reference_points",
    "enc_output",
    "enc_output_norm",
    "pos_trans",
    "pos_trans_norm",
    "tgt_embed",
)


def backbone_pairs() -> Iterator[Pair]:
    """torchvision's names (ours) and detectron2's: stages count from 2, norms lie in layers."""
    ours, theirs = "backbone.0.body", "backbone"
    yield f"{ours}.conv1", f"{theirs}.stem.conv1"
    yield f"{ours}.bn1", f"{theirs}.stem.conv1.norm"
    for stage in (1, 2, 3, 4):
        block, their_block = f"{ours}.layer{stage}.{NUMBER}", f"{theirs}.res{stage + 1}.{NUMBER}"
        for index in (1, 2, 3):
            yield f"{block}.bn{index}", f"{their_block}.conv{index}.norm"
            yield f"{block}.conv{index}", f"{their_block}.conv{index}"
        yield f"{block}.downsample.1", f"{their_block}.shortcut.norm"
        yield f"{block}.downsample.0", f"{their_block}.shortcut"


def backbone_pairs_in_order() -> list[Pair]:
    """The norm's name contains its layer's, so that it has to be tried first."""
    return sorted(backbone_pairs(), key=lambda pair: not pair[1].endswith(".norm"))


def pairs(keys: Mapping[str, Any]) -> Iterator[Pair]:
    """What Deformable DETR and DINO name alike."""
    yield from backbone_pairs_in_order()
    yield from neck_pairs(keys, "norm")
    yield "transformer.level_embed", "transformer.level_embeds"
    for side, names in (("encoder", ENCODER_LAYER), ("decoder", DECODER_LAYER)):
        yield from layers(f"transformer.{side}.layers", f"transformer.{side}.layers", names)
    yield from same(*(f"transformer.{name}" for name in PARTS))


NAMING = Naming(
    layout="detrex Deformable DETR",
    system="deformable-detr",
    config=DeformableDETRConfig,
    required=(
        "transformer.level_embeds",
        "transformer.encoder.layers.0.attentions.0.sampling_offsets.weight",
        "transformer.decoder.layers.0.attentions.1.sampling_offsets.weight",
    ),
    absent=("transformer.decoder.ref_point_head.layers.0.weight",),
    table=lambda keys: Table([*pairs(keys), ("query_embed", "query_embedding")]),
    unused=(r"pixel_(mean|std)$",),
    read=lambda file: {"logit_epsilon": EPSILON},
    arguments=ARGUMENTS,
    silent=SILENT,
)
LAYOUT = NAMING.record
