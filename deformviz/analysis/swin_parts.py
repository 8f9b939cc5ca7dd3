"""A Swin backbone part by part; costs of its stages by the formulas of their products."""

import torch

from deformviz.analysis.architecture import Architecture, Part, size_of
from deformviz.analysis.multiply_adds import counted
from deformviz.models.swin_features import SwinFeatures

COCO_HW = (800, 1066)  # the size of most COCO pictures after the evaluation's resize


def describe(model: SwinFeatures, input_hw: tuple[int, int] | None = None) -> Architecture:
    """Patches, then the stages together; for `input_hw`, or most of COCO's pictures."""
    input_hw = input_hw or COCO_HW
    with torch.device("meta"):
        shell = SwinFeatures(model.config).eval()
        picture = torch.empty(1, 3, *input_hw)
        patches, stem = counted(lambda: shell.get_submodule("patch_embed.proj")(picture))
    maps = [tuple(-(-size // (model.config.patch << i)) for size in input_hw) for i in range(4)]
    parts = [
        Part(
            "patches",
            f"{model.config.patch}×{model.config.patch} pixels each",
            size_of(model.patch_embed),
            stem,
            "×".join(map(str, patches.shape[1:])),
        )
    ]
    for index, stage in enumerate(model.layers):
        height, width = maps[index]
        channels, depth = model.config.channels << index, model.config.depths[index]
        window = model.config.window**2
        # Per token: four projections of the attention, the MLP, and the products with its window.
        cost = (
            depth
            * height
            * width
            * channels
            * (round(4 * channels + 2 * model.config.mlp_ratio * channels) + 2 * window)
        )
        parts.append(
            Part(
                f"stage {index + 1}",
                f"windows of {model.config.window}×{model.config.window}, every second shifted",
                size_of(stage),
                cost,
                f"{channels}×{height}×{width}",
                depth,
            )
        )
    norms = [getattr(model, f"norm{stage - 1}") for stage in model.stages]
    parts.append(Part("norms", "one per map that comes out", size_of(*norms), 0, "maps"))
    return Architecture(input_hw, tuple(parts))
