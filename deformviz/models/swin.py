"""Swin (arXiv 2103.14030): windows that shift; and its blocks with slide attention."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from deformviz.attention.pyramid import to_map, to_tokens
from deformviz.attention.slide import SlideAttention
from deformviz.attention.window import (
    WindowAttention,
    check_tiles,
    from_windows,
    shift_mask,
    to_windows,
    window_trace,
)
from deformviz.models.vit import TokenMLP
from deformviz.schema import LocalTrace


class SwinBlock(nn.Module):
    """Window attention and the MLP over the tokens of a map of fixed size.

    A map no larger than the window is one window and is not shifted. `slide` replaces windows by
    slide attention of that many pixels.
    """

    def __init__(
        self,
        channels: int,
        heads: int,
        map_hw: tuple[int, int],
        *,
        window: int = 7,
        shift: int = 0,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        slide: int | None = None,
    ):
        super().__init__()
        if min(map_hw) <= window:
            window, shift = min(map_hw), 0
        self.map_hw, self.window_hw, self.shift = map_hw, (window, window), shift
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.mlp = TokenMLP(channels, int(channels * mlp_ratio))
        mask = None
        if slide is None:
            check_tiles(map_hw, self.window_hw)
            self.attn = WindowAttention(channels, heads, window, qkv_bias=qkv_bias)
            mask = shift_mask(map_hw, self.window_hw, shift) if shift else None
        else:
            self.attn = SlideAttention(channels, heads, slide, qkv_bias=qkv_bias)
        self.register_buffer("attn_mask", mask)

    def forward(self, tokens: Tensor) -> tuple[Tensor, LocalTrace]:
        """[batch token channel] -> the same, and the attention's trace."""
        attend = self._slide if isinstance(self.attn, SlideAttention) else self._in_windows
        attended, trace = attend(self.norm1(tokens))
        tokens = tokens + attended
        return tokens + self.mlp(self.norm2(tokens)), trace

    def _slide(self, tokens: Tensor) -> tuple[Tensor, LocalTrace]:
        features, trace = self.attn(to_map(tokens, self.map_hw))
        return to_tokens(features), trace

    def _in_windows(self, tokens: Tensor) -> tuple[Tensor, LocalTrace]:
        pixels = tokens.unflatten(1, self.map_hw).roll((-self.shift, -self.shift), (1, 2))
        output, weights = self.attn(to_windows(pixels, self.window_hw), self.attn_mask)
        pixels = from_windows(output, self.window_hw, self.map_hw)
        pixels = pixels.roll((self.shift, self.shift), (1, 2))
        return pixels.flatten(1, 2), window_trace(weights, self.map_hw, self.window_hw, self.shift)


class PatchMerging(nn.Module):
    """Four neighbours become one token of twice the channels."""

    def __init__(self, channels: int, map_hw: tuple[int, int]):
        super().__init__()
        self.map_hw = map_hw
        self.norm = nn.LayerNorm(4 * channels)
        self.reduction = nn.Linear(4 * channels, 2 * channels, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """[batch token channel] -> [batch token/4 2*channel]."""
        pixels = tokens.unflatten(1, self.map_hw)
        # Column by column: upper left, lower left, upper right, lower right.
        corners = [pixels[:, down::2, right::2] for right in (0, 1) for down in (0, 1)]
        return self.reduction(self.norm(torch.cat(corners, -1).flatten(1, 2)))


@dataclass(frozen=True)
class SwinConfig:
    """Sizes of a Swin Transformer; sides in pixels."""

    image_size: int = 224
    patch: int = 4
    classes: int = 1000
    channels: int = 96
    depths: tuple[int, ...] = (2, 2, 6, 2)
    heads: tuple[int, ...] = (3, 6, 12, 24)
    window: int = 7
    mlp_ratio: float = 4.0
    qkv_bias: bool = True
    position_embedding: bool = False
    normalised_patches: bool = True


class SwinStage(nn.Module):
    """Blocks of one resolution, every second one shifted, and the way to the next stage."""

    def __init__(self, config: SwinConfig, index: int):
        super().__init__()
        side = config.image_size // config.patch >> index
        channels = config.channels << index
        self.blocks = nn.ModuleList(
            SwinBlock(
                channels,
                config.heads[index],
                (side, side),
                window=config.window,
                shift=config.window // 2 if block % 2 else 0,
                mlp_ratio=config.mlp_ratio,
                qkv_bias=config.qkv_bias,
            )
            for block in range(config.depths[index])
        )
        last = index == len(config.depths) - 1
        self.downsample = nn.Identity() if last else PatchMerging(channels, (side, side))

    def forward(self, tokens: Tensor, traces: dict[str, LocalTrace], name: str) -> Tensor:
        """Tokens for the next stage; each block's trace goes to `traces` as "<name>.blocks.B"."""
        for index, block in enumerate(self.blocks):
            tokens, traces[f"{name}.blocks.{index}"] = block(tokens)
        return self.downsample(tokens)


class Swin(nn.Module):
    """A classifier; parameters carry the names of the published checkpoints."""

    def __init__(self, config: SwinConfig):
        super().__init__()
        self.config = config
        width = config.channels
        self.patch_embed = nn.ModuleDict(
            {
                "proj": nn.Conv2d(3, width, config.patch, config.patch),
                "norm": nn.LayerNorm(width) if config.normalised_patches else nn.Identity(),
            }
        )
        self.absolute_pos_embed = None
        if config.position_embedding:
            patches = (config.image_size // config.patch) ** 2
            self.absolute_pos_embed = nn.Parameter(torch.zeros(1, patches, width))
        self.layers = nn.ModuleList(SwinStage(config, i) for i in range(len(config.depths)))
        last = width << (len(config.depths) - 1)
        self.norm = nn.LayerNorm(last)
        self.head = nn.Linear(last, config.classes)

    def forward(self, images: Tensor) -> tuple[Tensor, dict[str, LocalTrace]]:
        """[batch 3 height width] -> logits [batch class], and a trace by "layers.S.blocks.B"."""
        tokens = self.patch_embed["norm"](to_tokens(self.patch_embed["proj"](images)))
        if self.absolute_pos_embed is not None:
            tokens = tokens + self.absolute_pos_embed
        traces = {}
        for s, stage in enumerate(self.layers):
            tokens = stage(tokens, traces, f"layers.{s}")
        return self.head(self.norm(tokens).mean(1)), traces
