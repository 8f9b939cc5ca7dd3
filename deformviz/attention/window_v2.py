"""Swin-V2's window attention: cosine similarity and a bias that a small network computes."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deformviz.attention.window import (
    attend_in_windows,
    gather_bias,
    relative_position_index,
    split_qkv,
    window_pair,
)

NETWORK_WIDTH = 512
LARGEST_SCALE = math.log(100.0)


def log_steps(window_hw: tuple[int, int], pretrained_hw: tuple[int, int]) -> Tensor:
    """Signed log-steps, float32 [1 row column yx]: 8 times the step's share of the window.

    Windows larger than in pretraining reach beyond what the network saw: `pretrained_hw` (zeros:
    none) keeps its unit of length.
    """
    rows, columns = (torch.arange(1 - size, size, dtype=torch.float32) for size in window_hw)
    steps = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), -1)[None]
    spans = [
        max((known or size) - 1, 1) for known, size in zip(pretrained_hw, window_hw, strict=True)
    ]
    wide = steps * 8 / torch.tensor(spans, dtype=torch.float32)
    return wide.sign() * torch.log2(wide.abs() + 1) / math.log2(8)


class WindowAttentionV2(nn.Module):
    """Swin-V2's attention over the tokens of windows that were cut before."""

    relative_position_index: Tensor
    relative_coords_table: Tensor

    def __init__(
        self,
        channels: int,
        heads: int,
        window: int | tuple[int, int],
        *,
        qkv_bias: bool = True,
        pretrained_window: int | tuple[int, int] = 0,
    ):
        super().__init__()
        self.heads, self.window_hw = heads, window_pair(window)
        self.logit_scale = nn.Parameter(torch.full((heads, 1, 1), math.log(10.0)))
        self.cpb_mlp = nn.Sequential(
            nn.Linear(2, NETWORK_WIDTH), nn.ReLU(), nn.Linear(NETWORK_WIDTH, heads, bias=False)
        )
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.q_bias, self.v_bias = (
            nn.Parameter(torch.zeros(channels)) if qkv_bias else None for _ in range(2)
        )
        self.proj = nn.Linear(channels, channels)
        steps = log_steps(self.window_hw, window_pair(pretrained_window))
        self.register_buffer("relative_coords_table", steps)
        self.register_buffer("relative_position_index", relative_position_index(self.window_hw))

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """[(batch window) token channel] -> the same, and weights [.. head token token]."""
        shift = None
        if self.q_bias is not None and self.v_bias is not None:
            shift = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        projected = F.linear(tokens, self.qkv.weight, shift)
        query, key, value = split_qkv(projected, self.heads)
        scale = self.logit_scale.clamp(max=LARGEST_SCALE).exp()
        table = self.cpb_mlp(self.relative_coords_table).flatten(0, 2)
        bias = 16 * gather_bias(table, self.relative_position_index).sigmoid()
        output, weights = attend_in_windows(
            F.normalize(query, dim=-1) * scale,
            F.normalize(key, dim=-1),
            value,
            bias,
            mask,
            nn.Identity(),
        )
        return self.proj(output), weights
