"""The decoder: object queries attend to each other, then to a few samples of the memory."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.models.boxes import MLP, refine
from deformviz.models.detector_config import DeformableDETRConfig
from deformviz.models.position import box_positions
from deformviz.models.watch import LayerWatch
from deformviz.schema import AttentionTrace, DenseTrace


@dataclass(frozen=True)
class Memory:
    """What the encoder made of a batch, as every decoder layer reads it."""

    tokens: Tensor  # [batch pixel channel]
    spatial_shapes: list  # [(H_l, W_l)]
    padding_mask: Tensor | None  # [batch pixel], True = padding; None if there is none
    valid_ratios: Tensor  # [batch level xy]


class DecoderLayer(nn.Module):
    """Self-attention, deformable cross-attention, feed-forward.

    The published names count differently: norm2 follows self-attention, norm1 cross-attention.
    """

    def __init__(self, config: DeformableDETRConfig):
        super().__init__()
        width, heads = config.hidden_channels, config.decoder_heads or config.heads
        inner = config.decoder_feedforward_channels or config.feedforward_channels
        self.cross_attn = MultiScaleDeformableAttention(
            width, heads, config.levels, config.decoder_points
        )
        self.norm1 = nn.LayerNorm(width)
        self.self_attn = nn.MultiheadAttention(
            width, heads, dropout=config.dropout, batch_first=True
        )
        self.norm2 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, inner)
        self.linear2 = nn.Linear(inner, width)
        self.norm3 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(config.dropout)

    def attend_to_queries(
        self, content: Tensor, position: Tensor, traced: bool
    ) -> tuple[Tensor, DenseTrace | None]:
        """Dense attention among the queries; [batch query channel] before the residual."""
        query = content + position
        attended, weights = self.self_attn(
            query, query, content, need_weights=traced, average_attn_weights=False
        )
        trace = None
        if traced:
            trace = DenseTrace(attention_weights=weights, query=query, output=attended)
        return attended, trace

    def forward(
        self,
        content: Tensor,
        position: Tensor,
        references: Tensor,
        memory: Memory,
        traced_self: bool,
        traced: bool,
    ) -> tuple[Tensor, DenseTrace | None, AttentionTrace | None]:
        """content and position [batch query channel], references [batch query level xy|cxcywh]."""
        attended, self_trace = self.attend_to_queries(content, position, traced_self)
        content = self.norm2(content + self.dropout(attended))
        attended, trace = self.cross_attn(
            content + position,
            references,
            memory.tokens,
            memory.spatial_shapes,
            memory.padding_mask,
            traced=traced,
        )
        content = self.norm1(content + self.dropout(attended))
        inner = self.linear2(self.dropout(F.relu(self.linear1(content))))
        return self.norm3(content + self.dropout(inner)), self_trace, trace


class DeformableDecoder(nn.Module):
    """`decoder_layers` layers; with refinement each moves the reference boxes of the next."""

    def __init__(self, config: DeformableDETRConfig):
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.refines = config.refine
        self.channels, self.frequencies = config.hidden_channels, config.position_frequencies
        if config.query_position == "mlp":
            self.ref_point_head = MLP(2 * self.channels, self.channels, self.channels, depth=2)

    def forward(
        self,
        content: Tensor,
        position: Tensor | None,
        references: Tensor,
        memory: Memory,
        box_heads: nn.ModuleList,
        watch: LayerWatch,
    ) -> list[tuple[Tensor, Tensor]]:
        """Per layer, its content [batch query channel] and boxes [batch query cxcywh].

        Args:
            content: what the queries start with [batch query channel].
            position: added to the content where it acts as a query; None: computed from the
                current reference boxes before each layer.
            references: [batch query xy] or [batch query cxcywh], of the un-padded picture.
            box_heads: one per layer; each predicts a step from the references *before* it.
        """
        steps = []
        for index, layer in enumerate(self.layers):
            name = f"decoder.{index}"
            watch.begins(name)
            here = position
            if here is None:
                embedded = box_positions(references, self.channels, frequencies=self.frequencies)
                here = self.ref_point_head(embedded.to(content.dtype))
            content, self_trace, trace = layer(
                content,
                here,
                scale_to_padded(references, memory.valid_ratios),
                memory,
                watch.wants(f"{name}.self"),
                watch.wants(name),
            )
            watch.keep(f"{name}.self", self_trace)
            watch.keep(name, trace)
            boxes = refine(box_heads[index](content), references)
            steps.append((content, boxes))
            if self.refines:
                references = boxes.detach()
        return steps


def scale_to_padded(references: Tensor, valid_ratios: Tensor) -> Tensor:
    """References of the un-padded picture on every padded level: [batch query level xy|cxcywh]."""
    ratios = valid_ratios.repeat(1, 1, references.shape[-1] // 2)
    return references[:, :, None] * ratios[:, None]
