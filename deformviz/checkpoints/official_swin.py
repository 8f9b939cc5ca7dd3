"""The key layout of Swin backbones as DINO and Co-DETR keep them, apart from any detector."""

import re

from deformviz.checkpoints.detector_sizes import BODY, read_swin
from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.reading import CheckpointFile
from deformviz.checkpoints.registry import Layout, Options, Plan
from deformviz.models.swin_features import SwinFeaturesConfig

PREFIXES = ("", "backbone.", "body.", "backbone.0.")
REQUIRED = "layers.0.blocks.0.attn.relative_position_bias_table"
OWN = re.compile(r"(patch_embed|layers|norm[0-3])\.")


def prefix_of(file: CheckpointFile) -> str | None:
    """What stands before a backbone's names; None where there is more than a backbone."""
    for prefix in PREFIXES:
        if f"{prefix}{REQUIRED}" in file.tensors and all(
            OWN.match(key.removeprefix(prefix)) and key.startswith(prefix) for key in file.tensors
        ):
            return prefix
    return None


def plan(file: CheckpointFile, options: Options) -> Plan:
    """Every size shows in the tensors.

    Raises:
        CheckpointError: sizes that contradict each other.
    """
    for name in ("version", "queries", "config", "class_names"):
        options.refuse(name, because=f"{file.path.name} is a backbone alone")
    prefix = prefix_of(file) or ""
    tensors = {key.removeprefix(prefix): value for key, value in file.tensors.items()}
    sizes = read_swin(
        CheckpointFile(file.path, {f"{BODY}.{key}": value for key, value in tensors.items()})
    )
    stages = tuple(stage for stage in (1, 2, 3, 4) if f"norm{stage - 1}.weight" in tensors)
    try:
        config = SwinFeaturesConfig(
            channels=sizes["backbone_width"],
            depths=sizes["swin_depths"],
            heads=sizes["swin_heads"],
            window=sizes["swin_window"],
            mlp_ratio=sizes["swin_mlp_ratio"],
            patch=tensors["patch_embed.proj.weight"].shape[-1],
            stages=stages,
        )
    except ValueError as error:
        raise CheckpointError(f"{file.path.name}: {error}") from None
    return Plan("swin", config.variant, config, tensors)


LAYOUT = Layout("Swin backbone", lambda file: prefix_of(file) is not None, plan)
