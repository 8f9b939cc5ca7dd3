"""The encoder: every token of every level attends to the memory it is part of."""

from typing import Any

from torch import Tensor, nn

from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.models.boxes import MLP
from deformviz.models.config import DetectorConfig
from deformviz.models.layers import Residual, attend_densely
from deformviz.models.watch import LayerWatch
from deformviz.schema import AttentionTrace, DenseTrace


class EncoderLayer(Residual):
    """Deformable self-attention to a few samples of all levels, and a feed-forward network."""

    def __init__(self, config: DetectorConfig):
        super().__init__(config, config.feedforward_channels)
        self.self_attn = self.make_attention(config)
        self.norm1 = nn.LayerNorm(config.hidden_channels)
        self.norm2 = nn.LayerNorm(config.hidden_channels)

    def make_attention(self, config: Any) -> nn.Module:
        return MultiScaleDeformableAttention(
            config.hidden_channels, config.heads, config.levels, config.encoder_points
        )

    def attend(
        self, tokens, positions, references, spatial_shapes, padding_mask, traced
    ) -> tuple[Tensor, AttentionTrace | DenseTrace | None]:
        """What attention adds to the tokens [batch pixel channel], and its trace."""
        return self.self_attn(
            tokens + positions, references, tokens, spatial_shapes, padding_mask, traced=traced
        )

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        references: Tensor | None,
        spatial_shapes,
        padding_mask: Tensor | None,
        traced: bool,
    ) -> tuple[Tensor, AttentionTrace | DenseTrace | None]:
        """tokens and positions [batch pixel channel], references [batch pixel level xy]."""
        attended, trace = self.attend(
            self.read(tokens, self.norm1),
            positions,
            references,
            spatial_shapes,
            padding_mask,
            traced,
        )
        tokens = self.add(tokens, attended, self.norm1)
        return self.feed_forward(tokens, self.norm2), trace


class DenseEncoderLayer(EncoderLayer):
    """DETR's: every token attends to every token of the only level."""

    def make_attention(self, config: Any) -> nn.Module:
        return nn.MultiheadAttention(
            config.hidden_channels, config.heads, dropout=config.dropout, batch_first=True
        )

    def attend(self, tokens, positions, references, spatial_shapes, padding_mask, traced):
        query = tokens + positions
        return attend_densely(
            self.self_attn, query, query, tokens, padding_mask, traced, spatial_shapes[0]
        )


class Encoder(nn.Module):
    """`encoder_layers` layers one after another; references stay where they are."""

    layer_type: type[EncoderLayer] = EncoderLayer

    def __init__(self, config: DetectorConfig):
        super().__init__()
        self.layers = nn.ModuleList(self.layer_type(config) for _ in range(config.encoder_layers))
        if config.pre_norm:
            self.norm = nn.LayerNorm(config.hidden_channels)

    def place(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """The positions as the next layer adds them."""
        return positions

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        references: Tensor | None,
        spatial_shapes,
        padding_mask: Tensor | None,
        watch: LayerWatch,
    ) -> Tensor:
        """The memory [batch pixel channel]; traces go to the watch as "encoder.0", ..."""
        for index, layer in enumerate(self.layers):
            name = f"encoder.{index}"
            watch.begins(name)
            here = self.place(tokens, positions)
            tokens, trace = layer(
                tokens, here, references, spatial_shapes, padding_mask, watch.wants(name)
            )
            watch.keep(name, trace)
        return self.norm(tokens) if hasattr(self, "norm") else tokens


class DeformableEncoder(Encoder):
    """The encoder of Deformable DETR and of what followed it."""


class DenseEncoder(Encoder):
    """The encoder of DETR and DAB-DETR; in the latter contents scale the positions."""

    layer_type = DenseEncoderLayer

    def __init__(self, config: Any):
        super().__init__(config)
        if config.encoder_scale:
            width = config.hidden_channels
            self.query_scale = MLP(width, width, width, depth=2)

    def place(self, tokens: Tensor, positions: Tensor) -> Tensor:
        if not hasattr(self, "query_scale"):
            return positions
        return positions * self.query_scale(tokens)
