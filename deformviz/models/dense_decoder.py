"""Decoders that attend densely: DETR's, and DAB-DETR's, whose anchors modulate the attention."""

from typing import Any

import torch
from torch import Tensor, nn

from deformviz.attention.conditional import ConditionalCrossAttention, ConditionalSelfAttention
from deformviz.models.boxes import MLP
from deformviz.models.config import DetectorConfig
from deformviz.models.decoder import Decoder, DecoderLayer, Memory
from deformviz.models.layers import attend_densely
from deformviz.models.position import anchor_positions


class DenseDecoderLayer(DecoderLayer):
    """DETR's: every query attends to every token of the memory."""

    def make_cross_attention(self, config: Any, heads: int, index: int) -> nn.Module:
        return nn.MultiheadAttention(
            config.hidden_channels, heads, dropout=config.dropout, batch_first=True
        )

    def attend_to_memory(self, content, position, place, memory, traced):
        return attend_densely(
            self.cross_attn,
            content + position,
            memory.placed_tokens,
            memory.tokens,
            memory.padding_mask,
            traced,
            memory.spatial_shapes[0],
        )


class DenseDecoder(Decoder):
    """DETR's decoder: a query is a learnt embedding and has no reference."""

    layer_type = DenseDecoderLayer

    def place(self, index, content, position, references, memory):
        return position, None


class ConditionalDecoderLayer(DecoderLayer):
    """DAB-DETR's: content and position have projections of their own in every attention."""

    def make_self_attention(self, config: DetectorConfig, heads: int) -> nn.Module:
        return ConditionalSelfAttention(config.hidden_channels, heads, config.dropout)

    def make_cross_attention(self, config: Any, heads: int, index: int) -> nn.Module:
        return ConditionalCrossAttention(
            config.hidden_channels, heads, config.dropout, adds_position=index == 0
        )

    def attend_to_queries(self, content, position, traced):
        return self.self_attn(content, position, traced=traced)

    def attend_to_memory(self, content, position, place, memory, traced):
        return self.cross_attn(
            content,
            position,
            place,
            memory.tokens,
            memory.positions,
            memory.padding_mask,
            traced=traced,
            keys_hw=memory.spatial_shapes[0],
        )


class ConditionalDecoder(Decoder):
    """DAB-DETR's decoder: a box is embedded as sines that say where to look and how wide."""

    layer_type = ConditionalDecoderLayer

    def __init__(self, config: DetectorConfig):
        super().__init__(config)
        self.ref_anchor_head = MLP(self.channels, self.channels, 2, depth=2)

    def place(
        self,
        index: int,
        content: Tensor,
        position: Tensor | None,
        references: Tensor,
        memory: Memory,
    ) -> tuple[Tensor, Tensor]:
        """Position embedding of the queries, and the sines of their centres [.. (y x)].

        Content asks for a size: the sines of x are scaled by the width asked for over the box's,
        those of y by the heights (DAB-DETR, Eq. 5).
        """
        embedded = anchor_positions(references, self.channels).to(content.dtype)
        of_y, of_x = self.scaled(index, content, embedded[..., : self.channels]).chunk(2, dim=-1)
        width, height = self.ref_anchor_head(content).sigmoid().split(1, dim=-1)
        of_x = of_x * (width / references[..., 2:3])
        of_y = of_y * (height / references[..., 3:4])
        return self.ref_point_head(embedded), torch.cat([of_y, of_x], dim=-1)
