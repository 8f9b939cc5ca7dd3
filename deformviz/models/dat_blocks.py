"""The parts of a DAT: stem, transitions, feed-forward layers and stages."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deformviz.attention.channel_norm import ChannelNorm
from deformviz.attention.dat import DATAttention
from deformviz.attention.neighborhood import NeighborhoodAttention
from deformviz.attention.pyramid import PyramidAttention
from deformviz.attention.qna import FusedQnA
from deformviz.attention.slide import SlideAttention
from deformviz.attention.window import LocalAttention, ShiftWindowAttention
from deformviz.models.dat_config import DATConfig, StageConfig
from deformviz.models.watch import LayerWatch

SLIDE_WINDOW = 3
SLIDE_REDUCTION = 4


class MLP(nn.Module):
    """Two linear layers over the channels of every pixel."""

    def __init__(self, channels: int, expansion: int, dropout: float = 0.0):
        super().__init__()
        self.chunk = nn.Sequential()
        self.chunk.add_module("linear1", nn.Linear(channels, channels * expansion))
        self.chunk.add_module("act", nn.GELU())
        self.chunk.add_module("drop1", nn.Dropout(dropout))
        self.chunk.add_module("linear2", nn.Linear(channels * expansion, channels))
        self.chunk.add_module("drop2", nn.Dropout(dropout))

    def forward(self, features: Tensor) -> Tensor:
        """[batch channel height width] -> the same."""
        return self.chunk(features.movedim(1, -1)).movedim(3, 1)


class ConvolutionMLP(nn.Module):
    """An MLP with a depthwise 3x3 convolution inside.

    `residual=False` is v1's: the convolution replaces what enters it. `residual=True` is DAT++'s:
    it is added; the two differ in their keys as well.
    """

    def __init__(self, channels: int, expansion: int, dropout: float = 0.0, *, residual: bool):
        super().__init__()
        inner = channels * expansion
        narrow, wide = nn.Conv2d(channels, inner, 1), nn.Conv2d(inner, channels, 1)
        self.linear1 = nn.Sequential(narrow) if residual else narrow
        self.linear2 = nn.Sequential(wide) if residual else wide
        self.dwc = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        self.dropout = nn.Dropout(dropout)
        self.residual = residual

    def forward(self, features: Tensor) -> Tensor:
        """[batch channel height width] -> the same."""
        inner = self.dropout(self.linear1(features))
        mixed = self.dwc(inner)
        if self.residual:
            mixed = mixed + inner
        return self.dropout(self.linear2(F.gelu(mixed)))


class LayerScale(nn.Module):
    """A learnt factor per channel."""

    def __init__(self, channels: int, start: float):
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), start))

    def forward(self, features: Tensor) -> Tensor:
        return features * self.weight[:, None, None]


class DropPath(nn.Module):
    """Leaves out a residual branch for some images of a batch in training."""

    def __init__(self, chance: float):
        super().__init__()
        self.chance = chance

    def forward(self, branch: Tensor) -> Tensor:
        if not self.training or self.chance == 0:
            return branch
        kept = F.dropout(branch.new_ones(len(branch), 1, 1, 1), self.chance)
        return branch * kept


def make_stem(config: DATConfig) -> nn.Sequential:
    """From the picture to the first map."""
    width, patch = config.stem_channels, config.patch
    if config.stem == "patches":
        return nn.Sequential(nn.Conv2d(3, width, patch, patch), ChannelNorm(width))
    if config.stem == "one_convolution":
        return nn.Sequential(nn.Conv2d(3, width, 7, patch, 3), ChannelNorm(width))
    return nn.Sequential(
        nn.Conv2d(3, width // 2, 3, patch // 2, 1),
        ChannelNorm(width // 2),
        nn.GELU(),
        nn.Conv2d(width // 2, width, 3, patch // 2, 1),
        ChannelNorm(width),
    )


def make_transition(inputs: int, outputs: int, overlapping: bool) -> nn.Sequential:
    """From one stage to the next, at half the resolution."""
    kernel, padding = (3, 1) if overlapping else (2, 0)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, 2, padding, bias=False), ChannelNorm(outputs)
    )


def make_mlp(kind: str, channels: int, expansion: int, dropout: float) -> nn.Module:
    """A feed-forward layer of one of the kinds in `dat_config.MLPS`."""
    if kind == "plain":
        return MLP(channels, expansion, dropout)
    return ConvolutionMLP(channels, expansion, dropout, residual=kind == "residual_convolution")


def make_attention(
    letter: str, stage: StageConfig, config: DATConfig, map_hw: tuple[int, int]
) -> nn.Module:
    """The mixing layer of one block; all but X return (output, trace)."""
    channels, heads = stage.channels, stage.heads
    drops: dict[str, Any] = {
        "attention_dropout": config.attention_dropout,
        "output_dropout": config.dropout,
    }
    if letter == "L":
        return LocalAttention(channels, heads, stage.window, **drops)
    if letter == "S":
        return ShiftWindowAttention(channels, heads, stage.window, map_hw, **drops)
    if letter == "D":
        return DATAttention(
            channels,
            heads,
            stage.groups,
            map_hw,
            version=config.version,
            stride=stage.stride,
            offset_kernel=stage.offset_kernel,
            offset_range_factor=stage.offset_range_factor,
            position_bias=stage.position_bias,
            no_offset=stage.no_offset,
            **drops,
        )
    if letter == "N":
        return NeighborhoodAttention(channels, heads, stage.neighborhood, **drops)
    if letter == "P":
        return PyramidAttention(channels, heads, stage.reduction, output_dropout=config.dropout)
    if letter == "E":
        return SlideAttention(channels, heads, SLIDE_WINDOW, reduction=SLIDE_REDUCTION)
    if letter == "Q":
        return FusedQnA(
            channels,
            stage.qna_heads,
            stage.qna_kernel,
            1,
            stage.qna_kernel // 2,
            queries=stage.qna_queries,
            activation=config.qna_activation,
        )
    return nn.Conv2d(channels, channels, stage.window, padding=stage.window // 2, groups=channels)


class TransformerStage(nn.Module):
    """Blocks of one resolution; parameters carry the names of the published checkpoints.

    Block d has layer norms 2d (before attention) and 2d + 1 (before the MLP); X blocks have one
    of their own, in `ln_cnvnxt`, and no layer scales.
    """

    def __init__(self, config: DATConfig, index: int, channels_in: int):
        super().__init__()
        stage = self.config = config.stages[index]
        channels, letters, self.name = stage.channels, stage.blocks, f"stages.{index}"
        self.proj = nn.Identity()
        if channels_in != channels:
            self.proj = nn.Conv2d(channels_in, channels, 1)
        self.ln_cnvnxt = nn.ModuleDict(
            {str(d): ChannelNorm(channels) for d, letter in enumerate(letters) if letter == "X"}
        )
        self.layer_norms = nn.ModuleList(
            ChannelNorm(channels) if letter != "X" else nn.Identity()
            for letter in letters
            for _ in range(2)
        )
        self.mlps = nn.ModuleList(
            make_mlp(stage.mlp, channels, config.expansion, config.dropout) for _ in letters
        )
        self.attns = nn.ModuleList(
            make_attention(letter, stage, config, config.map_hw(index)) for letter in letters
        )
        self.drop_path = nn.ModuleList(
            DropPath(config.drop_path_at(index, d)) for d in range(len(letters))
        )
        self.layer_scales = nn.ModuleList(
            LayerScale(channels, stage.layer_scale) if stage.layer_scale > 0 else nn.Identity()
            for _ in range(2 * len(letters))
        )
        self.local_perception_units = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
            if stage.local_perception
            else nn.Identity()
            for _ in letters
        )

    def forward(self, features: Tensor, watch: LayerWatch) -> Tensor:
        """[batch channel height width] -> the same resolution; traces go to `watch`."""
        features = self.proj(features)
        for block, letter in enumerate(self.config.blocks):
            name = f"{self.name}.attns.{block}"
            watch.begins(name)
            if self.config.local_perception:
                features = features + self.local_perception_units[block](features)
            if letter == "X":
                features = features + self._convolve(features, block)
                continue
            features = self._attend(features, block, name, watch)
        return features

    def _convolve(self, features: Tensor, block: int) -> Tensor:
        mixed = self.ln_cnvnxt[str(block)](self.attns[block](features))
        return self.drop_path[block](self.mlps[block](mixed))

    def _attend(self, features: Tensor, block: int, name: str, watch: LayerWatch) -> Tensor:
        drop = self.drop_path[block]
        attended, trace = self.attns[block](self.layer_norms[2 * block](features))
        if watch.wants(name):
            watch.keep(name, trace)
        features = features + drop(self.layer_scales[2 * block](attended))
        mixed = self.mlps[block](self.layer_norms[2 * block + 1](features))
        return features + drop(self.layer_scales[2 * block + 1](mixed))
