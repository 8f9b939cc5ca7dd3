"""ViT (arXiv 2010.11929): patches as tokens, dense attention; parameter names of timm."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deformviz.attention.dense import SelfAttention
from deformviz.attention.pyramid import to_tokens
from deformviz.schema import DenseTrace


class TokenMLP(nn.Module):
    """Two linear layers with GELU between them, over the channels of every token."""

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """[batch token channel] -> the same."""
        return self.fc2(F.gelu(self.fc1(tokens)))


class ViTBlock(nn.Module):
    """Attention, then the MLP, each normalised before and added after."""

    def __init__(
        self,
        channels: int,
        heads: int,
        mlp_ratio: float = 4.0,
        *,
        qkv_bias: bool = True,
        qk_norm: bool = False,
        epsilon: float = 1e-6,
    ):
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=epsilon)
        self.attn = SelfAttention(
            channels, heads, qkv_bias=qkv_bias, qk_norm=qk_norm, norm_epsilon=epsilon
        )
        self.norm2 = nn.LayerNorm(channels, eps=epsilon)
        self.mlp = TokenMLP(channels, int(channels * mlp_ratio))

    def forward(self, tokens: Tensor) -> tuple[Tensor, DenseTrace]:
        """[batch token channel] -> the same, and the attention's trace."""
        attended, trace = self.attn(self.norm1(tokens))
        tokens = tokens + attended
        return tokens + self.mlp(self.norm2(tokens)), trace


@dataclass(frozen=True)
class ViTConfig:
    """Sizes of a ViT; sides in pixels."""

    image_size: int = 224
    patch: int = 16
    classes: int = 1000
    channels: int = 768
    depth: int = 12
    heads: int = 12
    mlp_ratio: float = 4.0
    qkv_bias: bool = True
    epsilon: float = 1e-6  # of the layer norms


class ViT(nn.Module):
    """A classifier that reads its answer off an extra token, the first one."""

    def __init__(self, config: ViTConfig):
        super().__init__()
        self.config = config
        width, patches = config.channels, (config.image_size // config.patch) ** 2
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, config.patch, config.patch)})
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.randn(1, patches + 1, width) * 0.02)
        self.blocks = nn.ModuleList(
            ViTBlock(
                width,
                config.heads,
                config.mlp_ratio,
                qkv_bias=config.qkv_bias,
                epsilon=config.epsilon,
            )
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(width, eps=config.epsilon)
        self.head = nn.Linear(width, config.classes)

    def forward(self, images: Tensor) -> tuple[Tensor, dict[str, DenseTrace]]:
        """[batch 3 height width] -> logits [batch class], and a trace by "blocks.N".

        Queries and keys: the class token, then the patches row by row.
        """
        tokens = to_tokens(self.patch_embed["proj"](images))
        start = self.cls_token.expand(len(tokens), -1, -1)
        tokens = torch.cat([start, tokens], dim=1) + self.pos_embed
        traces = {}
        for index, block in enumerate(self.blocks):
            tokens, traces[f"blocks.{index}"] = block(tokens)
        return self.head(self.norm(tokens)[:, 0]), traces
