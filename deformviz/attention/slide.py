"""Slide attention: local attention written with depthwise convolutions (arXiv 2304.04237).

A fixed one-hot kernel fetches each neighbour; a learnt kernel beside it deforms what is fetched.
Outside the map lie zeros, which take part in the softmax like any other key.
"""

import torch
from einops import rearrange
from torch import Tensor, nn

from deformviz.axes import check_shape
from deformviz.schema import LocalTrace


def shift_kernels(window: int, channels: int) -> Tensor:
    """One-hot kernels that fetch each neighbour: [(channel tap) 1 row column], taps row by row."""
    taps = torch.eye(window * window).view(window * window, 1, window, window)
    return taps.repeat(channels, 1, 1, 1)


def neighbor_index(map_hw: tuple[int, int], window: int) -> Tensor:
    """Which pixel each tap fetches, int64 [query key]; -1 outside the map."""
    height, width = map_hw
    reach = torch.arange(window) - window // 2
    rows, columns = (torch.arange(size)[:, None] + reach for size in map_hw)
    rows, columns = rows[:, None, :, None], columns[None, :, None, :]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    pixels = torch.where(inside, rows * width + columns, -1)
    return pixels.flatten(2).flatten(0, 1)


class SlideAttention(nn.Module):
    """Slide attention over a map; DAT's stage letter E narrows it to a quarter of the channels.

    Parameters carry the official names, `dep_conv.weight` (the fixed kernel) included.
    """

    def __init__(
        self,
        channels: int,
        heads: int,
        window: int = 3,
        *,
        reduction: int = 1,
        qkv_bias: bool = True,
        share_kernel: bool = True,
        share_qkv: bool = False,
        position_bias: bool = True,
    ):
        """
        Args:
            window: pixels on a side, odd.
            reduction: divides the channels that attend; the score's scale keeps the full width.
            share_kernel: keys and values use the same learnt kernel.
            share_qkv: one projection serves as query, key and value.
        """
        super().__init__()
        if channels % (heads * reduction):
            raise ValueError(
                f"channels must be a multiple of heads * reduction; got channels={channels}, "
                f"heads={heads}, reduction={reduction}."
            )
        inner = channels // reduction
        width = inner // heads
        self.heads, self.window, self.parts = heads, window, 1 if share_qkv else 3
        self.scale = (channels // heads) ** -0.5
        self.qkv = nn.Linear(channels, inner * self.parts, bias=qkv_bias)
        self.proj = nn.Linear(inner, channels)
        self.dep_conv, self.dep_conv1 = (self._neighbours(width, window) for _ in range(2))
        self.dep_conv2 = None if share_kernel else self._neighbours(width, window)
        with torch.no_grad():
            self.dep_conv.weight.copy_(shift_kernels(window, width))
        self.dep_conv.weight.requires_grad_(False)
        self.relative_position_bias_table = None
        if position_bias:
            table = torch.empty(1, heads, 1, window * window, 1, 1)
            self.relative_position_bias_table = nn.Parameter(nn.init.trunc_normal_(table, std=0.02))

    @staticmethod
    def _neighbours(channels: int, window: int) -> nn.Conv2d:
        return nn.Conv2d(
            channels, channels * window * window, window, padding=window // 2, groups=channels
        )

    def forward(self, features: Tensor) -> tuple[Tensor, LocalTrace]:
        """[batch channel height width] -> the same (no residual), and the trace."""
        check_shape(
            "features",
            features.shape,
            "batch channel height width",
            {"channel": self.proj.out_features},
        )
        projected = self.qkv(features.movedim(1, -1))
        # Head-major: query, key and value lie side by side inside each head.
        parts = rearrange(
            projected,
            "batch height width (head part channel) -> part (batch head) channel height width",
            head=self.heads,
            part=self.parts,
        )
        query, key, value = parts if self.parts == 3 else parts.expand(3, *parts.shape[1:])
        learnt_for_values = self.dep_conv1 if self.dep_conv2 is None else self.dep_conv2
        keys = self._fetch(key, self.dep_conv1)
        values = self._fetch(value, learnt_for_values)
        query = rearrange(
            query * self.scale,
            "(batch head) channel height width -> batch head channel 1 height width",
            head=self.heads,
        )
        if self.relative_position_bias_table is not None:
            keys = keys + self.relative_position_bias_table
        weights = (query * keys).sum(2, keepdim=True).softmax(3)
        output = rearrange(
            (weights * values).sum(3),
            "batch head channel height width -> batch height width (head channel)",
        )
        return self.proj(output).movedim(-1, 1), self._trace(weights)

    def _fetch(self, maps: Tensor, learnt: nn.Conv2d) -> Tensor:
        """[(batch head) channel height width] -> [batch head channel tap height width]."""
        return rearrange(
            self.dep_conv(maps) + learnt(maps),
            "(batch head) (channel tap) height width -> batch head channel tap height width",
            head=self.heads,
            channel=maps.shape[1],
        )

    def _trace(self, weights: Tensor) -> LocalTrace:
        map_hw = weights.shape[-2], weights.shape[-1]
        keys = neighbor_index(map_hw, self.window).to(weights.device)
        return LocalTrace(
            attention_weights=rearrange(
                weights, "batch head 1 tap height width -> batch head (height width) tap"
            ),
            keys=keys.expand(weights.shape[0], -1, -1),
            map_hw=map_hw,
        )
