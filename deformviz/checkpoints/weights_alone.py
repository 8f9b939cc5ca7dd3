"""A file no system fits, looked at by its weights alone: every deformable attention in it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.checkpoints.reading import CheckpointFile
from deformviz.checkpoints.report import some
from deformviz.checkpoints.stars import CLEAR, MOST_LEVELS, StarReading, readings

PARTS = ("sampling_offsets", "attention_weights", "value_proj", "output_proj")
OFFSETS = re.compile(r"(.*)\.sampling_offsets\.bias$")
MOST_LAYERS = 400
# Backbones by their keys, for the sentence that says what could not be run.
BACKBONES = (
    (r"\.(dwconv|pwconv1)\.", "a ConvNeXt"),
    (r"relative_position_bias_table|patch_embed\.proj(ection)?\.", "a Swin or another transformer"),
    (r"\.attn\.(qkv|q_bias|rope)", "a ViT"),
    (r"(stem|backbone)\..*(hg|lab|rep)", "an HGNet"),
    (r"(layer1|res2|stages)\.0\.conv1\.", "a ResNet"),
)


@dataclass(frozen=True)
class FoundAttention:
    """A deformable attention known by its weights only."""

    name: str  # its prefix in the file
    reading: StarReading
    module: MultiScaleDeformableAttention | None  # None where parts of it lie elsewhere
    is_clear: bool  # whether its star tells heads and levels

    def __str__(self) -> str:
        sizes = f"{self.reading.heads} heads × {self.reading.levels} levels × "
        how = "read off its star" if self.is_clear else "assumed, its star is not clear"
        return (
            f"{self.name}: {sizes}{self.reading.points} points, {how} "
            f"(likeness {self.reading.likeness:.2f})"
        )


def find_attentions(file: CheckpointFile, heads: int | None = None) -> tuple[FoundAttention, ...]:
    """Every `*.sampling_offsets` of a file, with the module its other weights make up.

    heads: if the caller knows them; else the star tells, else 8.
    """
    found = []
    for key, bias in list(file.tensors.items()):
        match = OFFSETS.match(key)
        if match is None or bias.ndim != 1 or len(found) >= MOST_LAYERS:
            continue
        weight = file.tensors.get(f"{match[1]}.sampling_offsets.weight")
        if weight is None or weight.ndim != 2 or bias.numel() % 2 or not bias.numel():
            continue
        known = _levels_of(file.tensors)
        options = readings(bias, weight.shape[1], known or range(1, MOST_LEVELS + 1))
        options = [option for option in options if heads in (None, option.heads)]
        if not options:
            continue
        clear = options[0].likeness >= CLEAR
        if not clear and heads is None:
            options = [option for option in options if option.heads == 8] or options
        best = options[0]
        found.append(FoundAttention(match[1], best, _module(file.tensors, match[1], best), clear))
    return tuple(found)


def find_grids(file: CheckpointFile) -> tuple[str, ...]:
    """Prefixes of offset networks of deformed grids (DAT and its like)."""
    return tuple(
        sorted({k.partition(".conv_offset")[0] for k in file.tensors if ".conv_offset." in k})
    )


def _levels_of(tensors: Mapping[str, Tensor]) -> tuple[int, ...]:
    for key, tensor in tensors.items():
        if re.search(r"level_embeds?(\.weight)?$", key) and tensor.ndim == 2:
            return (len(tensor),)
    return ()


def _module(
    tensors: Mapping[str, Tensor], name: str, reading: StarReading
) -> MultiScaleDeformableAttention | None:
    state = {
        f"{part}.{leaf}": tensors.get(f"{name}.{part}.{leaf}")
        for part in PARTS
        for leaf in ("weight", "bias")
    }
    whole = {key: value for key, value in state.items() if value is not None}
    if len(whole) < len(state):
        return None
    channels = whole["sampling_offsets.weight"].shape[1]
    with torch.device("meta"):
        module = MultiScaleDeformableAttention(
            channels, reading.heads, reading.levels, reading.points
        )
    expected = module.state_dict()
    if any(whole[key].shape != expected[key].shape for key in expected):
        return None
    module.load_state_dict({k: v.float() for k, v in whole.items()}, assign=True)
    return module.eval()


def why_not_run(file: CheckpointFile, attentions: tuple[FoundAttention, ...]) -> str:
    """What was found and what could not be run, in sentences."""
    kind = next(
        (name for pattern, name in BACKBONES if any(re.search(pattern, k) for k in file.tensors)),
        "",
    )
    backbone = f" Its backbone looks like {kind}." if kind else ""
    grids = find_grids(file)
    if not attentions and not grids:
        return f"No deformable attention is in it.{backbone}"
    counted = []
    if attentions:
        names = some(tuple(found.name for found in attentions))
        counted.append(f"{len(attentions)} deformable attentions ({names})")
    if grids:
        counted.append(f"{len(grids)} offset networks ({some(grids)})")
    return (
        f"Weights of {' and '.join(counted)} are looked at alone; the network around them could "
        f"not be run, because no system here has its keys.{backbone}"
    )
