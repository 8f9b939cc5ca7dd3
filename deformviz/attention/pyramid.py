"""Pyramid attention: dense, but keys come from a shrunken map (PVT, arXiv 2102.12122; PVTv2)."""

import torch.nn.functional as F
from torch import Tensor, nn

from deformviz.attention.channel_norm import ChannelNorm
from deformviz.attention.dense import dense_attention
from deformviz.axes import ShapeError, check_shape
from deformviz.schema import DenseTrace

POOLED_SIZE = 7


def to_map(tokens: Tensor, map_hw: tuple[int, int]) -> Tensor:
    """[batch token channel] -> [batch channel height width]."""
    return tokens.movedim(1, -1).unflatten(-1, map_hw)


def to_tokens(features: Tensor) -> Tensor:
    """[batch channel height width] -> [batch token channel]."""
    return features.flatten(2).movedim(-1, 1)


class SpatialReductionAttention(nn.Module):
    """PVT's attention over tokens; parameters `q`, `kv`, `sr`, `norm`, `proj`.

    Keys are patches of `reduction` pixels on a side, projected and normalised; with `pooled`
    (PVTv2 "linear") always 7x7 of them, whatever the map's size.
    """

    def __init__(
        self,
        channels: int,
        heads: int,
        *,
        reduction: int = 1,
        qkv_bias: bool = False,
        pooled: bool = False,
    ):
        super().__init__()
        if channels % heads:
            raise ValueError(f"channels must be a multiple of heads, got {channels} and {heads}.")
        self.heads, self.reduction, self.pooled = heads, reduction, pooled
        self.q = nn.Linear(channels, channels, bias=qkv_bias)
        self.kv = nn.Linear(channels, 2 * channels, bias=qkv_bias)
        self.proj = nn.Linear(channels, channels)
        if pooled or reduction > 1:
            patch = 1 if pooled else reduction
            self.sr = nn.Conv2d(channels, channels, patch, patch)
            self.norm = nn.LayerNorm(channels)

    def shrink(self, tokens: Tensor, map_hw: tuple[int, int]) -> Tensor:
        """The tokens keys and values are made of, [batch key channel]."""
        if self.pooled:
            pooled = F.adaptive_avg_pool2d(to_map(tokens, map_hw), POOLED_SIZE)
            return F.gelu(self.norm(to_tokens(self.sr(pooled))))
        if self.reduction > 1:
            return self.norm(to_tokens(self.sr(to_map(tokens, map_hw))))
        return tokens

    def forward(self, tokens: Tensor, map_hw: tuple[int, int]) -> tuple[Tensor, DenseTrace]:
        """[batch token channel] of a map of `map_hw` -> the same (no residual), and the trace."""
        check_shape("tokens", tokens.shape, "batch token channel", {"channel": self.q.in_features})
        if (self.pooled or self.reduction > 1) and tokens.shape[1] != map_hw[0] * map_hw[1]:
            raise ShapeError(
                f"tokens has {tokens.shape[1]} on axis 'token', which is not "
                f"{map_hw[0]}x{map_hw[1]}."
            )
        query = self.q(tokens)
        key, value = self.kv(self.shrink(tokens, map_hw)).chunk(2, dim=-1)
        attended, weights = dense_attention(query, key, value, self.heads)
        output = self.proj(attended)
        return output, DenseTrace(attention_weights=weights, query=query, output=output)


class PyramidAttention(nn.Module):
    """The same over a map, as in DAT's code (stage letter P): 1x1 convolutions, own names."""

    def __init__(
        self, channels: int, heads: int, reduction: int = 1, *, output_dropout: float = 0.0
    ):
        super().__init__()
        if channels % heads:
            raise ValueError(f"channels must be a multiple of heads, got {channels} and {heads}.")
        self.heads = heads
        self.q = nn.Conv2d(channels, channels, 1)
        self.kv = nn.Conv2d(channels, 2 * channels, 1)
        self.proj = nn.Conv2d(channels, channels, 1)
        self.proj_ds = nn.Identity()
        if reduction > 1:
            self.proj_ds = nn.Sequential(
                nn.Conv2d(channels, channels, reduction, reduction), ChannelNorm(channels)
            )
        self.output_dropout = nn.Dropout(output_dropout)

    def forward(self, features: Tensor) -> tuple[Tensor, DenseTrace]:
        """[batch channel height width] -> the same (no residual), and the trace."""
        check_shape(
            "features",
            features.shape,
            "batch channel height width",
            {"channel": self.q.in_channels},
        )
        query = to_tokens(self.q(features))
        key, value = to_tokens(self.kv(self.proj_ds(features))).chunk(2, dim=-1)
        attended, weights = dense_attention(query, key, value, self.heads)
        output = self.output_dropout(
            self.proj(to_map(attended, (features.shape[-2], features.shape[-1])))
        )
        return output, DenseTrace(attention_weights=weights, query=query, output=to_tokens(output))
