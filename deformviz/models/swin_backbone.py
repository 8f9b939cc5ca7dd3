"""Swin as the backbone of a detector: maps of any size, padded to whole windows."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deformviz.attention.window import (
    from_windows,
    relative_position_index,
    shift_mask,
    to_windows,
    window_trace,
)
from deformviz.models.swin import PatchMerging, SwinBlock
from deformviz.schema import LocalTrace


@dataclass(frozen=True)
class SwinShape:
    """Sizes of a Swin backbone, each list with one number per stage."""

    channels: int = 96  # of the first stage, doubled by each next
    depths: tuple[int, ...] = (2, 2, 6, 2)
    heads: tuple[int, ...] = (3, 6, 12, 24)
    window: int = 7
    mlp_ratio: float = 4.0
    patch: int = 4


class AnySizeBlock(SwinBlock):
    """A Swin block for maps of any size: zeros fill the last windows, after the first norm."""

    def __init__(self, channels: int, heads: int, window: int, shift: int, mlp_ratio: float):
        whole = (2 * window, 2 * window)  # of the constructor only: larger than a window
        super().__init__(channels, heads, whole, window=window, mlp_ratio=mlp_ratio)
        self.shift = shift

    def forward(self, pixels: Tensor) -> tuple[Tensor, LocalTrace]:
        """[batch height width channel] -> the same, and the trace of the padded map."""
        height, width = pixels.shape[1:3]
        window = self.window_hw[0]
        padding = (0, 0, 0, -width % window, 0, -height % window)
        padded = F.pad(self.norm1(pixels), padding)
        padded_hw = (padded.shape[1], padded.shape[2])
        mask = None
        if self.shift:
            mask = shift_mask(padded_hw, self.window_hw, self.shift).to(padded)
        rolled = padded.roll((-self.shift, -self.shift), (1, 2))
        attended, weights = self.attn(to_windows(rolled, self.window_hw), mask)
        back = from_windows(attended, self.window_hw, padded_hw)
        back = back.roll((self.shift, self.shift), (1, 2))[:, :height, :width]
        pixels = pixels + back
        trace = window_trace(weights, padded_hw, self.window_hw, self.shift)
        return pixels + self.mlp(self.norm2(pixels)), trace


class AnySizeMerging(PatchMerging):
    """Four neighbours become one token; an odd map gets a last row or column of zeros."""

    def __init__(self, channels: int):
        super().__init__(channels, (2, 2))

    def forward(self, pixels: Tensor) -> Tensor:
        """[batch height width channel] -> [batch height/2 width/2 2*channel]."""
        height, width = pixels.shape[1:3]
        pixels = F.pad(pixels, (0, 0, 0, width % 2, 0, height % 2))
        corners = [pixels[:, down::2, right::2] for right in (0, 1) for down in (0, 1)]
        return self.reduction(self.norm(torch.cat(corners, -1)))


class SwinBackbone(nn.Module):
    """The feature maps of the stages asked for, each normalised; keys are the published ones."""

    def __init__(self, shape: SwinShape, stages: tuple[int, ...] = (1, 2, 3, 4)):
        """stages: which of the stages 1 to 4 to return, in rising order."""
        super().__init__()
        self.shape, self.stages = shape, stages
        self.patch_embed = nn.ModuleDict(
            {
                "proj": nn.Conv2d(3, shape.channels, shape.patch, shape.patch),
                "norm": nn.LayerNorm(shape.channels),
            }
        )
        self.layers = nn.ModuleList(
            self._stage(index, index + 1 == len(shape.depths)) for index in range(len(shape.depths))
        )
        for stage in stages:
            width = shape.channels << (stage - 1)
            self.add_module(f"norm{stage - 1}", nn.LayerNorm(width))
        self.out_channels = tuple(shape.channels << (stage - 1) for stage in stages)

    def _stage(self, index: int, last: bool) -> nn.Module:
        shape, channels = self.shape, self.shape.channels << index
        stage = nn.Module()
        stage.blocks = nn.ModuleList(
            AnySizeBlock(
                channels,
                shape.heads[index],
                shape.window,
                shape.window // 2 if block % 2 else 0,
                shape.mlp_ratio,
            )
            for block in range(shape.depths[index])
        )
        stage.downsample = nn.Identity() if last else AnySizeMerging(channels)
        return stage

    def traced(self, images: Tensor) -> tuple[list[Tensor], dict[str, LocalTrace]]:
        """[batch 3 height width] -> one [batch channel height width] per stage, and the traces.

        Traces are named "layers.S.blocks.B" and lie on maps padded to whole windows.
        """
        patch = self.shape.patch
        height, width = images.shape[-2:]
        images = F.pad(images, (0, -width % patch, 0, -height % patch))
        pixels = self.patch_embed["norm"](self.patch_embed["proj"](images).movedim(1, -1))
        maps, traces = [], {}
        for index, stage in enumerate(self.layers):
            for number, block in enumerate(stage.get_submodule("blocks").children()):
                pixels, traces[f"layers.{index}.blocks.{number}"] = block(pixels)
            if index + 1 in self.stages:
                norm = getattr(self, f"norm{index}")
                maps.append(norm(pixels).movedim(-1, 1).contiguous())
            pixels = stage.get_submodule("downsample")(pixels)
        return maps, traces

    def forward(self, images: Tensor) -> list[Tensor]:
        """[batch 3 height width] -> one [batch channel height width] per stage asked for."""
        return self.traced(images)[0]


def computed_buffers(config) -> dict[str, Tensor]:
    """By key, what a detector's Swin computes from its window and files need not hold."""
    if config.backbone != "swin":
        return {}
    index = relative_position_index((config.swin_window,) * 2)
    return {
        f"backbone.0.body.layers.{stage}.blocks.{block}.attn.relative_position_index": index
        for stage, depth in enumerate(config.swin_depths)
        for block in range(depth)
    }
