"""DAT and DAT++ (Xia et al., CVPR 2022, arXiv 2201.00520; 2023, arXiv 2309.01430), whole."""

from collections.abc import Collection

import torch
from torch import Tensor, nn

from deformviz.attention.channel_norm import ChannelNorm
from deformviz.attention.dat import DATAttention
from deformviz.axes import check_shape
from deformviz.models.dat_blocks import TransformerStage, make_stem, make_transition
from deformviz.models.dat_config import DATConfig
from deformviz.models.watch import LayerWatch, OnLayer
from deformviz.schema import GridTrace

__all__ = ["DAT", "DATConfig"]


class DAT(nn.Module):
    """A classifier whose deformed grids can be watched.

    Parameters carry the names of the published checkpoints; traces carry those of their layers,
    e.g. "stages.2.attns.1" for the second block of the third stage.
    """

    def __init__(self, config: DATConfig):
        super().__init__()
        self.config = config
        self.patch_proj = make_stem(config)
        self.stages = nn.ModuleList()
        self.down_projs = nn.ModuleList()
        channels = config.stem_channels
        for index, stage in enumerate(config.stages):
            if index:
                self.down_projs.append(
                    make_transition(channels, stage.channels, config.overlapping_patches)
                )
                channels = stage.channels
            self.stages.append(TransformerStage(config, index, channels))
            channels = stage.channels
        self.cls_norm = ChannelNorm(channels)
        self.cls_head = nn.Linear(channels, config.classes)
        if config.offset_start == "zero":
            for module in self.modules():
                if isinstance(module, DATAttention):
                    nn.init.zeros_(module.last_offset_layer.weight)

    @property
    def stage_names(self) -> tuple[str, ...]:
        """What a forward pass consists of, in order, as `on_layer` hears it."""
        blocks = (
            f"stages.{i}.attns.{d}"
            for i, stage in enumerate(self.config.stages)
            for d in range(len(stage.blocks))
        )
        return ("patch_proj", *blocks)

    @property
    def trace_names(self) -> tuple[str, ...]:
        """The traces a forward pass can give: those of the deformed grids, in order."""
        return tuple(
            f"stages.{i}.attns.{d}"
            for i, stage in enumerate(self.config.stages)
            for d, letter in enumerate(stage.blocks)
            if letter == "D"
        )

    def forward(
        self,
        images: Tensor,
        traced: bool | Collection[str] = True,
        on_layer: OnLayer | None = None,
    ) -> tuple[Tensor, dict[str, GridTrace]]:
        """Classify images, and say where each deformed grid read.

        Args:
            images: normalised float [batch 3 height width], sides multiples of the last stage's
                stride; windows must tile each stage's map.
            traced: which layers keep a trace: True for all, False for none, or names of
                `trace_names`.
            on_layer: called as (name, index, count) before each of `stage_names`; may raise to
                cancel.

        Returns:
            logits [batch class], and a batched GridTrace by layer name.
        """
        check_shape("images", images.shape, "batch colour height width", {"colour": 3})
        watch = LayerWatch(self.stage_names, self.trace_names, traced, on_layer)
        watch.begins("patch_proj")
        features = self.patch_proj(images)
        for index, stage in enumerate(self.stages):
            if index:
                features = self.down_projs[index - 1](features)
            features = stage(features, watch)
        pooled = self.cls_norm(features).mean((-2, -1))
        return self.cls_head(pooled), watch.traces

    @torch.no_grad()
    def predict(self, images: Tensor) -> Tensor:
        """Class probabilities [batch class] of normalised images."""
        return self(images, traced=False)[0].softmax(-1)
