"""Dense attention: every token to every token.

Steps follow Eq. 1 of Deformable DETR (arXiv 2010.04159, Sec. 3); the module is ViT's (arXiv
2010.11929).
"""

from einops import einsum, rearrange
from torch import Tensor, nn

from deformviz.axes import check_shape
from deformviz.schema import DenseTrace


def project_third(tokens: Tensor, weight: Tensor, bias: Tensor, third: int) -> Tensor:
    """One of the three projections that nn.MultiheadAttention stacks: 0 query, 1 key, 2 value.

    tokens [batch token channel], weight [3*channel channel], bias [3*channel] -> like tokens.
    """
    return tokens @ weight.chunk(3)[third].T + bias.chunk(3)[third]


def split_tokens(tokens: Tensor, heads: int) -> Tensor:
    """[batch token (head channel)] -> [batch head token channel]."""
    return rearrange(tokens, "batch token (head channel) -> batch head token channel", head=heads)


def dense_scores(query: Tensor, key: Tensor) -> Tensor:
    """q·k / sqrt(channels per head), the exponent of A_mqk: [batch head query key].

    query [batch head query channel], key [batch head key channel].
    """
    return (
        einsum(
            query, key, "batch head query channel, batch head key channel -> batch head query key"
        )
        * query.shape[-1] ** -0.5
    )


def normalise_scores(scores: Tensor) -> Tensor:
    """A_mqk: softmax over all keys, one per head and query."""
    return scores.softmax(-1)


def attend_keys(attention_weights: Tensor, value: Tensor) -> Tensor:
    """Weighted sum over keys, the inner sum of Eq. 1.

    attention_weights [batch head query key], value [batch head key channel]
    -> [batch head query channel].
    """
    return einsum(
        attention_weights,
        value,
        "batch head query key, batch head key channel -> batch head query channel",
    )


def merge_tokens(per_head: Tensor) -> Tensor:
    """[batch head query channel] -> [batch query (head channel)]."""
    return rearrange(per_head, "batch head query channel -> batch query (head channel)")


def dense_attention(
    query: Tensor, key: Tensor, value: Tensor, heads: int, padding_mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """softmax(q·k / sqrt(channels per head)) v for every head.

    query [batch query (head channel)], key and value [batch key (head channel)], whose widths may
    differ; padding_mask [batch key], True = never attended to
    -> output [batch query (head channel)], weights [batch head query key].
    """
    query, key, value = (split_tokens(tokens, heads) for tokens in (query, key, value))
    scores = dense_scores(query, key)
    if padding_mask is not None:
        scores = scores.masked_fill(padding_mask[:, None, None], float("-inf"))
    weights = normalise_scores(scores)
    return merge_tokens(attend_keys(weights, value)), weights


class SelfAttention(nn.Module):
    """ViT's multi-head self-attention; parameters `qkv` and `proj` as in timm."""

    def __init__(
        self,
        channels: int,
        heads: int,
        *,
        qkv_bias: bool = True,
        qk_norm: bool = False,
        norm_epsilon: float = 1e-5,
    ):
        """`qk_norm` normalises queries and keys inside every head before they meet."""
        super().__init__()
        if channels % heads:
            raise ValueError(f"channels must be a multiple of heads, got {channels} and {heads}.")
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels, bias=qkv_bias)
        self.proj = nn.Linear(channels, channels)
        self.q_norm, self.k_norm = (
            nn.LayerNorm(channels // heads, eps=norm_epsilon) if qk_norm else nn.Identity()
            for _ in range(2)
        )

    def forward(self, tokens: Tensor) -> tuple[Tensor, DenseTrace]:
        """[batch token channel] -> the same (no residual), and the trace."""
        check_shape(
            "tokens", tokens.shape, "batch token channel", {"channel": self.proj.in_features}
        )
        query, key, value = self.qkv(tokens).chunk(3, dim=-1)
        query = self.q_norm(query.unflatten(-1, (self.heads, -1))).flatten(-2)
        key = self.k_norm(key.unflatten(-1, (self.heads, -1))).flatten(-2)
        attended, weights = dense_attention(query, key, value, self.heads)
        output = self.proj(attended)
        return output, DenseTrace(attention_weights=weights, query=query, output=output)
