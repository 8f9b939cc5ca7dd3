"""PVT (arXiv 2102.12122) and PVTv2 (arXiv 2106.13797): dense attention to shrunken maps."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deformviz.attention.pyramid import SpatialReductionAttention, to_map, to_tokens
from deformviz.models.vit import TokenMLP
from deformviz.schema import DenseTrace

OVERLAPS = (7, 3, 3, 3)  # kernels of PVTv2's patch embeddings


class _Depthwise(nn.Module):
    """Holds the depthwise convolution under the published name."""

    def __init__(self, channels: int):
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)


class ConvolvedMLP(TokenMLP):
    """PVTv2's MLP with a depthwise convolution before the activation; "linear" adds a ReLU."""

    def __init__(self, channels: int, hidden: int, *, rectified: bool = False):
        super().__init__(channels, hidden)
        self.dwconv = _Depthwise(hidden)
        self.rectified = rectified

    def forward(self, tokens: Tensor, map_hw: tuple[int, int]) -> Tensor:
        """[batch token channel] of a map of `map_hw` -> the same."""
        inner = self.fc1(tokens)
        inner = inner.relu() if self.rectified else inner
        mixed = to_tokens(self.dwconv.dwconv(to_map(inner, map_hw)))
        return self.fc2(F.gelu(mixed))


class PVTBlock(nn.Module):
    """Attention and MLP; `version` 2 convolves in the MLP, `pooled` is its "linear" form."""

    def __init__(
        self,
        channels: int,
        heads: int,
        *,
        reduction: int = 1,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = False,
        epsilon: float = 1e-6,
        version: int = 1,
        pooled: bool = False,
    ):
        super().__init__()
        self.version = version
        self.norm1, self.norm2 = (nn.LayerNorm(channels, eps=epsilon) for _ in range(2))
        self.attn = SpatialReductionAttention(
            channels, heads, reduction=reduction, qkv_bias=qkv_bias, pooled=pooled
        )
        hidden = int(channels * mlp_ratio)
        self.mlp = (
            TokenMLP(channels, hidden)
            if version == 1
            else ConvolvedMLP(channels, hidden, rectified=pooled)
        )

    def forward(self, tokens: Tensor, map_hw: tuple[int, int]) -> tuple[Tensor, DenseTrace]:
        """[batch token channel] of a map of `map_hw` -> the same, and the attention's trace."""
        attended, trace = self.attn(self.norm1(tokens), map_hw)
        tokens = tokens + attended
        normalised = self.norm2(tokens)
        mixed = self.mlp(normalised) if self.version == 1 else self.mlp(normalised, map_hw)
        return tokens + mixed, trace


@dataclass(frozen=True)
class PVTConfig:
    """Sizes of a PVT, one entry per stage; sides in pixels."""

    image_size: int = 224
    patch: int = 4
    classes: int = 1000
    channels: tuple[int, ...] = (64, 128, 320, 512)
    heads: tuple[int, ...] = (1, 2, 5, 8)
    mlp_ratios: tuple[float, ...] = (8, 8, 4, 4)
    depths: tuple[int, ...] = (2, 2, 2, 2)
    reductions: tuple[int, ...] = (8, 4, 2, 1)
    qkv_bias: bool = True
    version: int = 1
    pooled: bool = False
    epsilon: float = 1e-6  # of the blocks' and the last layer norms; the others keep 1e-5


class _PatchEmbedding(nn.Module):
    """A convolution to the next resolution, and a layer norm."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int):
        super().__init__()
        padding = kernel // 2 if kernel > stride else 0
        self.proj = nn.Conv2d(inputs, outputs, kernel, stride, padding)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, features: Tensor) -> tuple[Tensor, tuple[int, int]]:
        features = self.proj(features)
        return self.norm(to_tokens(features)), (features.shape[-2], features.shape[-1])


class PVT(nn.Module):
    """A classifier; parameters carry the names of the published checkpoints.

    Version 1 learns positions and reads its answer off a class token of the last stage, version 2
    averages tokens.
    """

    def __init__(self, config: PVTConfig):
        super().__init__()
        self.config = config
        inputs, side = 3, config.image_size
        for index, channels in enumerate(config.channels):
            first, name = index == 0, index + 1
            stride = (config.patch if config.version == 1 else 4) if first else 2
            kernel = stride if config.version == 1 else OVERLAPS[index]
            side = side // stride
            self.add_module(f"patch_embed{name}", _PatchEmbedding(inputs, channels, kernel, stride))
            self.add_module(
                f"block{name}",
                nn.ModuleList(
                    PVTBlock(
                        channels,
                        config.heads[index],
                        reduction=config.reductions[index],
                        mlp_ratio=config.mlp_ratios[index],
                        qkv_bias=config.qkv_bias,
                        version=config.version,
                        pooled=config.pooled,
                        epsilon=config.epsilon,
                    )
                    for _ in range(config.depths[index])
                ),
            )
            last = index == len(config.channels) - 1
            if config.version == 1:
                positions = torch.randn(1, side * side + int(last), channels) * 0.02
                self.register_parameter(f"pos_embed{name}", nn.Parameter(positions))
            else:
                self.add_module(f"norm{name}", nn.LayerNorm(channels, eps=config.epsilon))
            inputs = channels
        if config.version == 1:
            self.cls_token = nn.Parameter(torch.zeros(1, 1, inputs))
            self.norm = nn.LayerNorm(inputs, eps=config.epsilon)
        self.head = nn.Linear(inputs, config.classes)

    def forward(self, images: Tensor) -> tuple[Tensor, dict[str, DenseTrace]]:
        """[batch 3 height width] -> logits [batch class], and a trace by "blockS.B"."""
        features, traces, last = images, {}, len(self.config.channels)
        for stage in range(1, last + 1):
            tokens, map_hw = getattr(self, f"patch_embed{stage}")(features)
            if self.config.version == 1:
                if stage == last:
                    tokens = torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], 1)
                tokens = tokens + getattr(self, f"pos_embed{stage}")
            for index, block in enumerate(getattr(self, f"block{stage}")):
                tokens, traces[f"block{stage}.{index}"] = block(tokens, map_hw)
            if self.config.version == 2:
                tokens = getattr(self, f"norm{stage}")(tokens)
            if stage < last:
                features = to_map(tokens, map_hw)
        pooled = self.norm(tokens)[:, 0] if self.config.version == 1 else tokens.mean(1)
        return self.head(pooled), traces
