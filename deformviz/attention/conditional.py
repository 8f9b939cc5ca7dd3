"""DAB-DETR's attentions: content and position are projected apart (arXiv 2201.12329, Sec. 4).

Both come from Conditional DETR (arXiv 2108.06152): among queries the two projections are added,
towards the picture they are laid side by side in every head, so that the score is a sum of
content·content and place·place.
"""

import torch
from torch import Tensor, nn

from deformviz.attention.dense import dense_attention, merge_tokens, split_tokens
from deformviz.schema import DenseTrace


class ConditionalSelfAttention(nn.Module):
    """Among the queries: (content + position) as query and key, content as value."""

    q_content_proj: nn.Linear
    q_pos_proj: nn.Linear
    k_content_proj: nn.Linear
    k_pos_proj: nn.Linear
    v_proj: nn.Linear
    out_proj: nn.Linear

    def __init__(self, channels: int, heads: int, dropout: float = 0.0):
        super().__init__()
        self.heads = heads
        for name in ("q_content", "q_pos", "k_content", "k_pos", "v", "out"):
            self.add_module(f"{name}_proj", nn.Linear(channels, channels))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, content: Tensor, position: Tensor, *, traced: bool = True
    ) -> tuple[Tensor, DenseTrace | None]:
        """content and position [batch query channel] -> the same, and the trace."""
        query = self.q_content_proj(content) + self.q_pos_proj(position)
        key = self.k_content_proj(content) + self.k_pos_proj(position)
        attended, weights = dense_attention(query, key, self.v_proj(content), self.heads)
        output = self.out_proj(self.dropout(attended))
        trace = DenseTrace(attention_weights=weights, query=query, output=output)
        return output, trace if traced else None


class ConditionalCrossAttention(nn.Module):
    """Towards the picture: every head sees [content, place] of both sides, twice as wide."""

    q_content_proj: nn.Linear
    q_pos_proj: nn.Linear
    k_content_proj: nn.Linear
    k_pos_proj: nn.Linear
    v_proj: nn.Linear
    out_proj: nn.Linear
    q_sine_proj: nn.Linear

    def __init__(self, channels: int, heads: int, dropout: float = 0.0, *, adds_position: bool):
        """`adds_position`: also add positions to contents, as the first layer does."""
        super().__init__()
        self.heads = heads
        names = ["q_content", "k_content", "q_sine", "k_pos", "v", "out"]
        names += ["q_pos"] if adds_position else []
        for name in names:
            self.add_module(f"{name}_proj", nn.Linear(channels, channels))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        content: Tensor,
        position: Tensor,
        sines: Tensor,
        tokens: Tensor,
        token_positions: Tensor,
        padding_mask: Tensor | None = None,
        *,
        traced: bool = True,
        keys_hw: tuple[int, int] | None = None,
    ) -> tuple[Tensor, DenseTrace | None]:
        """Attend to every token of one level.

        Args:
            content, position, sines: of the queries [batch query channel]; `sines` of the box's
                centre, modulated by its size.
            tokens, token_positions: of the memory [batch key channel].
            padding_mask: [batch key], True = padding.

        Returns:
            [batch query channel] before the residual, and the trace, or None in its place; the
            trace's query is the content part.
        """
        query, key = self.q_content_proj(content), self.k_content_proj(tokens)
        place = self.k_pos_proj(token_positions)
        if hasattr(self, "q_pos_proj"):
            query, key = query + self.q_pos_proj(position), key + place
        attended, weights = dense_attention(
            self._side_by_side(query, self.q_sine_proj(sines)),
            self._side_by_side(key, place),
            self.v_proj(tokens),
            self.heads,
            padding_mask,
        )
        output = self.out_proj(self.dropout(attended))
        trace = DenseTrace(attention_weights=weights, query=query, output=output, keys_hw=keys_hw)
        return output, trace if traced else None

    def _side_by_side(self, content: Tensor, place: Tensor) -> Tensor:
        """Both halves of every head next to each other: [batch token (head 2*channel)]."""
        halves = split_tokens(content, self.heads), split_tokens(place, self.heads)
        return merge_tokens(torch.cat(halves, dim=-1))
