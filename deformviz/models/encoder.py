"""The encoder: every token of every level attends to a few samples of all levels."""

import torch.nn.functional as F
from torch import Tensor, nn

from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.models.detector_config import DeformableDETRConfig
from deformviz.models.watch import LayerWatch
from deformviz.schema import AttentionTrace


class EncoderLayer(nn.Module):
    """Deformable self-attention and a feed-forward network, each normalised after its sum."""

    def __init__(self, config: DeformableDETRConfig):
        super().__init__()
        width = config.hidden_channels
        self.self_attn = MultiScaleDeformableAttention(
            width, config.heads, config.levels, config.encoder_points
        )
        self.norm1 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, config.feedforward_channels)
        self.linear2 = nn.Linear(config.feedforward_channels, width)
        self.norm2 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        references: Tensor,
        spatial_shapes,
        padding_mask: Tensor | None,
        traced: bool,
    ) -> tuple[Tensor, AttentionTrace | None]:
        """tokens and positions [batch pixel channel], references [batch pixel level xy]."""
        attended, trace = self.self_attn(
            tokens + positions, references, tokens, spatial_shapes, padding_mask, traced=traced
        )
        tokens = self.norm1(tokens + self.dropout(attended))
        inner = self.linear2(self.dropout(F.relu(self.linear1(tokens))))
        return self.norm2(tokens + self.dropout(inner)), trace


class DeformableEncoder(nn.Module):
    """`encoder_layers` layers one after another; references stay where they are."""

    def __init__(self, config: DeformableDETRConfig):
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        references: Tensor,
        spatial_shapes,
        padding_mask: Tensor | None,
        watch: LayerWatch,
    ) -> Tensor:
        """The memory [batch pixel channel]; traces go to the watch as "encoder.0", ..."""
        for index, layer in enumerate(self.layers):
            name = f"encoder.{index}"
            watch.begins(name)
            tokens, trace = layer(
                tokens, positions, references, spatial_shapes, padding_mask, watch.wants(name)
            )
            watch.keep(name, trace)
        return tokens
