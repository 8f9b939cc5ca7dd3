"""What every encoder and decoder layer is, whatever attention it holds.

A layer changes its content by several parts in turn. Each part is added to what it read and
normalised after the sum (post-norm), or reads a normalised copy (pre-norm).
"""

from torch import Tensor, nn

from deformviz.models.config import DetectorConfig
from deformviz.schema import DenseTrace

ACTIVATIONS = {"relu": nn.ReLU, "prelu": nn.PReLU}


class Residual(nn.Module):
    """The feed-forward part, and how any part joins what it read."""

    def __init__(self, config: DetectorConfig, inner: int):
        super().__init__()
        width = config.hidden_channels
        self.pre_norm = config.pre_norm
        self.linear1 = nn.Linear(width, inner)
        self.linear2 = nn.Linear(inner, width)
        self.activation = ACTIVATIONS[config.activation]()
        self.dropout = nn.Dropout(config.dropout)

    def read(self, content: Tensor, norm: nn.Module) -> Tensor:
        """What a part reads: the content, normalised where norms come first."""
        return norm(content) if self.pre_norm else content

    def add(self, content: Tensor, change: Tensor, norm: nn.Module) -> Tensor:
        """Content and change together, normalised where norms come last."""
        added = content + self.dropout(change)
        return added if self.pre_norm else norm(added)

    def feed_forward(self, content: Tensor, norm: nn.Module) -> Tensor:
        """Two linear layers on every token alone, joined to what they read."""
        inner = self.activation(self.linear1(self.read(content, norm)))
        return self.add(content, self.linear2(self.dropout(inner)), norm)


def attend_densely(
    attention: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    padding_mask: Tensor | None,
    traced: bool,
    keys_hw: tuple[int, int] | None = None,
) -> tuple[Tensor, DenseTrace | None]:
    """Dense attention of queries to keys [batch token channel], before the residual, and its trace.

    padding_mask [batch key], True = never attended to; `keys_hw` if the keys are pixels of a map.
    `attention` is an `nn.MultiheadAttention`.
    """
    attended, weights = attention(
        query,
        key,
        value,
        key_padding_mask=padding_mask,
        need_weights=traced,
        average_attn_weights=False,
    )
    if not traced:
        return attended, None
    return attended, DenseTrace(
        attention_weights=weights, query=query, output=attended, keys_hw=keys_hw
    )
