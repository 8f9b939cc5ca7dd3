"""The decoder: object queries attend to each other, then to the memory, and move their boxes."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.models.boxes import MLP, refine
from deformviz.models.config import DetectorConfig
from deformviz.models.layers import Residual, attend_densely
from deformviz.models.position import anchor_positions, box_positions
from deformviz.models.watch import LayerWatch
from deformviz.schema import AttentionTrace, DenseTrace


@dataclass(frozen=True)
class Memory:
    """What the encoder made of a batch, as every decoder layer reads it."""

    tokens: Tensor  # [batch pixel channel]
    spatial_shapes: list[tuple[int, int]]  # (H_l, W_l)
    padding_mask: Tensor | None  # [batch pixel], True = padding; None if there is none
    valid_ratios: Tensor  # [batch level xy]
    positions: Tensor | None = None  # [batch pixel channel], read by dense attention

    @property
    def placed_tokens(self) -> Tensor:
        """Tokens with their positions added [batch pixel channel]: the keys of dense attention."""
        return self.tokens if self.positions is None else self.tokens + self.positions


class DecoderLayer(Residual):
    """Self-attention, deformable cross-attention, feed-forward.

    The published names count differently: norm2 follows self-attention, norm1 cross-attention.
    """

    def __init__(self, config: DetectorConfig, index: int):
        inner = config.decoder_feedforward_channels or config.feedforward_channels
        super().__init__(config, inner)
        width, heads = config.hidden_channels, config.decoder_heads or config.heads
        self.cross_attn = self.make_cross_attention(config, heads, index)
        self.norm1 = nn.LayerNorm(width)
        self.self_attn = self.make_self_attention(config, heads)
        self.norm2 = nn.LayerNorm(width)
        self.norm3 = nn.LayerNorm(width)

    def make_self_attention(self, config: Any, heads: int) -> nn.Module:
        heads = getattr(config, "decoder_self_heads", None) or heads
        return nn.MultiheadAttention(
            config.hidden_channels, heads, dropout=config.dropout, batch_first=True
        )

    def make_cross_attention(self, config: Any, heads: int, index: int) -> nn.Module:
        return MultiScaleDeformableAttention(
            config.hidden_channels, heads, config.levels, config.decoder_points
        )

    def attend_to_queries(
        self, content: Tensor, position: Tensor, traced: bool
    ) -> tuple[Tensor, DenseTrace | None]:
        """Dense attention among the queries; [batch query channel] before the residual."""
        query = content + position
        return attend_densely(self.self_attn, query, query, content, None, traced)

    def attend_to_memory(
        self, content: Tensor, position: Tensor, place: Tensor | None, memory: Memory, traced: bool
    ) -> tuple[Tensor, AttentionTrace | DenseTrace | None]:
        """Attention to the picture; [batch query channel] before the residual."""
        return self.cross_attn(
            content + position,
            place,
            memory.tokens,
            memory.spatial_shapes,
            memory.padding_mask,
            traced=traced,
        )

    def forward(
        self,
        content: Tensor,
        position: Tensor,
        place: Tensor | None,
        memory: Memory,
        traced_self: bool,
        traced: bool,
    ) -> tuple[Tensor, DenseTrace | None, AttentionTrace | DenseTrace | None]:
        """One step of every query.

        content and position [batch query channel]; place: where the query looks, as
        `Decoder.place` says it, for deformable attention [batch query level xy|cxcywh].
        """
        attended, self_trace = self.attend_to_queries(
            self.read(content, self.norm2), position, traced_self
        )
        content = self.add(content, attended, self.norm2)
        attended, trace = self.attend_to_memory(
            self.read(content, self.norm1), position, place, memory, traced
        )
        content = self.add(content, attended, self.norm1)
        return self.feed_forward(content, self.norm3), self_trace, trace


class Decoder(nn.Module):
    """`decoder_layers` layers; with refinement each moves the reference boxes of the next."""

    layer_type: type[DecoderLayer] = DecoderLayer

    def __init__(self, config: DetectorConfig):
        super().__init__()
        width = config.hidden_channels
        self.layers = nn.ModuleList(
            self.layer_type(config, index) for index in range(config.decoder_layers)
        )
        self.refines, self.forward_twice = config.refine, config.look_forward_twice
        self.channels, self.frequencies = width, config.position_frequencies
        self.query_position, self.epsilon = config.query_position, config.logit_epsilon
        if config.query_position in ("mlp", "anchor"):
            self.ref_point_head = MLP(2 * width, width, width, depth=2)
        if config.query_scale:
            self.query_scale = MLP(width, width, width, depth=2)
        if config.decoder_norm:
            self.norm = nn.LayerNorm(width)

    def place(
        self,
        index: int,
        content: Tensor,
        position: Tensor | None,
        references: Any,
        memory: Memory,
    ) -> tuple[Tensor, Tensor | None]:
        """Position embedding of the queries of a layer, and their references on padded levels."""
        padded = scale_to_padded(references, memory.valid_ratios)
        if position is not None:
            return position, padded
        if self.query_position == "anchor":  # DAB and DINO: the box as it lies on level 0
            embedded = anchor_positions(padded[:, :, 0], self.channels)
        else:
            embedded = box_positions(references, self.channels, frequencies=self.frequencies)
        embedded = self.ref_point_head(embedded.to(content.dtype))
        return self.scaled(index, content, embedded), padded

    def scaled(self, index: int, content: Tensor, position: Tensor) -> Tensor:
        """The position times a factor from the content, after the first layer."""
        if index == 0 or not hasattr(self, "query_scale"):
            return position
        return self.query_scale(content) * position

    def forward(
        self,
        content: Tensor,
        position: Tensor | None,
        references: Tensor | None,
        memory: Memory,
        box_heads: nn.ModuleList,
        watch: LayerWatch,
    ) -> list[tuple[Tensor, Tensor]]:
        """Per layer, its content [batch query channel] and boxes [batch query cxcywh].

        Args:
            content: what the queries start with [batch query channel].
            position: added to the content where it acts as a query; None: computed from the
                current reference boxes before each layer.
            references: [batch query xy] or [batch query cxcywh], of the un-padded picture; None
                where queries have none (DETR).
            box_heads: one per layer; each predicts a step from the references *before* it.
        """
        steps, start = [], references  # `start` may carry a gradient, `references` never do
        for index, layer in enumerate(self.layers):
            name = f"decoder.{index}"
            watch.begins(name)
            here, place = self.place(index, content, position, references, memory)
            wanted = watch.wants(f"{name}.self"), watch.wants(name)
            content, self_trace, trace = layer(content, here, place, memory, *wanted)
            watch.keep(f"{name}.self", self_trace)
            watch.keep(name, trace)
            said = self.norm(content) if hasattr(self, "norm") else content
            step = box_heads[index](said)
            steps.append((said, refine(step, start, self.epsilon)))
            if self.refines and index + 1 < len(self.layers):
                step = step if said is content else box_heads[index](content)
                moved = refine(step, references, self.epsilon)
                start = moved if self.forward_twice else moved.detach()
                references = moved.detach()
        return steps


class DeformableDecoder(Decoder):
    """The decoder of Deformable DETR and of what followed it."""


def scale_to_padded(references: Tensor, valid_ratios: Tensor) -> Tensor:
    """References of the un-padded picture on every padded level: [batch query level xy|cxcywh]."""
    ratios = valid_ratios.repeat(1, 1, references.shape[-1] // 2)
    return references[:, :, None] * ratios[:, None]
