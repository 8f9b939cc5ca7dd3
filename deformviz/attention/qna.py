"""QnA: local attention with learnt queries, the same for every window (arXiv 2112.11435).

What a window answers does not depend on a query from the picture: each learnt query gives every
pixel a cost, a window weighs its pixels by cost times a position factor, and the answers of all
queries are summed. Two variants: the original, and the one in DAT's code (stage letter Q).
"""

import torch
import torch.nn.functional as F
from einops import einsum, rearrange
from torch import Tensor, nn

from deformviz.axes import check_shape
from deformviz.schema import LocalTrace

ACTIVATIONS = ("exp", "sigmoid", "linear")
SCALES = ("normal", "normal_elementwise", "posneg", "ones", "avg", "none")
NORM_FLOOR = 1e-6


def windows_of(maps: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    """[batch channel height width] -> [batch channel tap window]; zeros outside the map."""
    columns = F.unfold(maps, kernel, padding=padding, stride=stride)
    return rearrange(
        columns, "batch (channel tap) window -> batch channel tap window", tap=kernel * kernel
    )


def learned_query_attention(
    cost: Tensor,
    value: Tensor,
    position_factor: Tensor,
    output_scale: Tensor | None,
    kernel: int,
    stride: int,
    padding: int,
) -> tuple[Tensor, Tensor]:
    """Every window's answer to the learnt queries.

    Args:
        cost: what a pixel is worth to a query [batch query head height width]; outside the map 0.
        value: [batch head channel height width].
        position_factor: [query head tap], multiplies the cost inside a window.
        output_scale: [query head tap], multiplies the weights after normalisation, or None.

    Returns:
        output [batch head channel window], summed over queries, and weights
        [batch query head tap window], which sum to 1 over taps (before `output_scale`).
    """
    queries, heads = cost.shape[1:3]
    costs = windows_of(cost.flatten(1, 2), kernel, stride, padding)
    costs = costs.unflatten(1, (queries, heads)) * position_factor[..., None]
    weights = costs / costs.sum(3, keepdim=True)
    scaled = weights if output_scale is None else weights * output_scale[..., None]
    values = windows_of(value.flatten(1, 2), kernel, stride, padding).unflatten(1, (heads, -1))
    output = einsum(
        scaled,
        values,
        "batch query head tap window, batch head channel tap window -> batch head channel window",
    )
    return output, weights


def window_size(map_hw: tuple[int, int], kernel: int, stride: int, padding: int):
    """(height, width) of the map of windows."""
    height, width = ((size + 2 * padding - kernel) // stride + 1 for size in map_hw)
    return height, width


def qna_trace(weights: Tensor, map_hw: tuple[int, int], kernel: int, stride: int, padding: int):
    """Weights [batch query head tap window] as a trace; its heads are (query head) pairs."""
    pixels = torch.arange(1.0, map_hw[0] * map_hw[1] + 1, dtype=torch.float64)
    fetched = windows_of(pixels.view(1, 1, *map_hw), kernel, stride, padding)[0, 0]
    keys = fetched.T.round().long().to(weights.device) - 1
    return LocalTrace(
        attention_weights=rearrange(
            weights, "batch query head tap window -> batch (query head) window tap"
        ),
        keys=keys.expand(weights.shape[0], -1, -1),
        map_hw=window_size(map_hw, kernel, stride, padding),
    )


class _Dense(nn.Module):
    """A linear layer that keeps Flax's names and [in out] layout."""

    def __init__(self, channels_in: int, channels_out: int, bias: bool):
        super().__init__()
        self.kernel = nn.Parameter(nn.init.xavier_uniform_(torch.empty(channels_in, channels_out)))
        self.bias = nn.Parameter(torch.zeros(channels_out)) if bias else None

    def forward(self, features: Tensor) -> Tensor:
        projected = features @ self.kernel
        return projected if self.bias is None else projected + self.bias


class QnA(nn.Module):
    """The original QnA layer over a channels-last map; parameters keep their Flax names."""

    def __init__(
        self,
        channels: int,
        heads: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        *,
        channels_in: int | None = None,
        channels_out: int | None = None,
        queries: int = 2,
        bias: bool = False,
        scale: str = "normal",
        normalise_query: bool = True,
        scale_bias: bool = False,
    ):
        """
        Args:
            channels: width of keys and values, divisible by `heads`.
            scale: what multiplies the weights, one of `SCALES`.
            normalise_query: give every learnt query unit length in each head.
            scale_bias: divide position biases by the root of a head's width, as scores are
                (`scale_rpe_bias` of the original).

        Raises:
            ValueError: sizes do not fit together, or `scale` is not known.
        """
        super().__init__()
        if channels % heads or scale not in SCALES:
            raise ValueError(
                f"channels must be a multiple of heads and scale one of {SCALES}; got "
                f"channels={channels}, heads={heads}, scale={scale!r}."
            )
        self.heads, self.kernel, self.stride, self.padding = heads, kernel, stride, padding
        self.queries, self.scale, self.normalise_query = queries, scale, normalise_query
        self.scale_bias = scale_bias
        width, taps, pairs = channels // heads, kernel * kernel, queries * heads
        query = nn.init.trunc_normal_(torch.empty(queries, channels)) * width**-0.5
        self.query = nn.Parameter(query)
        inputs = channels_in or channels
        self.Wk = nn.Parameter(nn.init.xavier_uniform_(torch.empty(inputs, channels)))
        self.Wk_b = nn.Parameter(torch.zeros(heads, width)) if bias else None
        self.to_v = _Dense(inputs, channels, bias)
        self.to_out = _Dense(channels, channels_out or channels, bias)
        self.rpe_bias = nn.Parameter(torch.zeros(taps, pairs))
        if scale in ("normal", "normal_elementwise"):
            shape = (1, 1, taps if scale == "normal" else 1, pairs)
            self.attn_scale_weights = nn.Parameter(nn.init.normal_(torch.empty(shape), std=0.02))
        elif scale == "ones":
            self.attn_scale_pos = nn.Parameter(torch.ones(1, 1, taps, queries, heads))

    def _by_query(self, table: Tensor) -> Tensor:
        """[.. tap (query head)] -> [query head tap]."""
        return rearrange(
            table.reshape(-1, self.queries * self.heads),
            "tap (query head) -> query head tap",
            head=self.heads,
        )

    def output_scale(self) -> Tensor | None:
        """What multiplies the weights, [query head tap or 1]."""
        if self.scale in ("normal", "normal_elementwise"):
            return self._by_query(self.attn_scale_weights)
        if self.scale == "ones":
            return self._by_query(self.attn_scale_pos)
        if self.scale == "avg":
            return self.query.new_full((self.queries, self.heads, 1), 1 / self.queries)
        if self.scale == "posneg":
            signs = self.query.new_ones(self.queries * self.heads)
            signs[len(signs) // 2 :] = -1
            return signs.view(self.queries, self.heads, 1)
        return None

    def forward(self, features: Tensor) -> tuple[Tensor, LocalTrace]:
        """[batch height width channel] -> [batch height' width' channel_out], and the trace."""
        check_shape(
            "features", features.shape, "batch height width channel", {"channel": self.Wk.shape[0]}
        )
        map_hw = features.shape[1], features.shape[2]
        query = rearrange(self.query, "query (head channel) -> query head channel", head=self.heads)
        if self.normalise_query:
            query = query / (query.norm(dim=-1, keepdim=True) + NORM_FLOOR)
        query = query * query.shape[-1] ** -0.5
        key = rearrange(
            features @ self.Wk,
            "batch height width (head channel) -> batch height width head channel",
            head=self.heads,
        )
        if self.Wk_b is not None:
            key = key + self.Wk_b
        scores = einsum(
            query,
            key,
            "query head channel, batch height width head channel -> batch query head height width",
        )
        value = rearrange(
            self.to_v(features),
            "batch height width (head channel) -> batch head channel height width",
            head=self.heads,
        )
        where = self.kernel, self.stride, self.padding
        bias = self._by_query(self.rpe_bias)
        if self.scale_bias:
            bias = bias * query.shape[-1] ** -0.5
        output, weights = learned_query_attention(
            scores.exp(), value, bias.exp(), self.output_scale(), *where
        )
        output = rearrange(output, "batch head channel window -> batch window (head channel)")
        output = self.to_out(output.unflatten(1, window_size(map_hw, *where)))
        return output, qna_trace(weights, map_hw, *where)


class FusedQnA(nn.Module):
    """QnA as in DAT's code: maps channels-first, no biases, a stride widens the channels.

    Queries are not normalised; `activation` turns scores into costs and position biases into
    factors alike. "linear" divides by sums that may be near zero.
    """

    def __init__(
        self,
        channels: int,
        heads: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        *,
        queries: int = 2,
        activation: str = "exp",
    ):
        super().__init__()
        if channels % heads or activation not in ACTIVATIONS:
            raise ValueError(
                f"channels must be a multiple of heads and activation one of {ACTIVATIONS}; got "
                f"channels={channels}, heads={heads}, activation={activation!r}."
            )
        self.heads, self.kernel, self.stride, self.padding = heads * stride, kernel, stride, padding
        self.queries, self.activation = queries, activation
        width, pairs = channels * stride, queries * heads * stride
        self.proj_k, self.proj_v = (nn.Linear(channels, width, bias=False) for _ in range(2))
        self.proj_out = nn.Conv2d(width, width, 1, bias=False)
        self.q_param = nn.Parameter(
            nn.init.trunc_normal_(torch.empty(queries, width), std=(heads / channels) ** 0.5)
        )
        scale = torch.empty(1, 1, kernel * kernel, pairs)
        self.attn_scale = nn.Parameter(nn.init.normal_(scale, std=0.02))
        table = torch.empty(kernel * kernel, pairs)
        self.rpb_table = nn.Parameter(nn.init.trunc_normal_(table, std=0.02))

    def _activate(self, scores: Tensor) -> Tensor:
        if self.activation == "exp":
            return (scores - scores.max().detach()).exp()
        return scores.sigmoid() if self.activation == "sigmoid" else scores

    def forward(self, features: Tensor) -> tuple[Tensor, LocalTrace]:
        """[batch channel height width] -> [batch channel*stride height' width'], and the trace."""
        check_shape(
            "features",
            features.shape,
            "batch channel height width",
            {"channel": self.proj_k.in_features},
        )
        map_hw = features.shape[-2], features.shape[-1]
        pixels = features.movedim(1, -1)
        query = rearrange(
            self.q_param, "query (head channel) -> query head channel", head=self.heads
        )
        key, value = (
            rearrange(
                project(pixels),
                "batch height width (head channel) -> batch head channel height width",
                head=self.heads,
            )
            for project in (self.proj_k, self.proj_v)
        )
        scores = einsum(
            query * query.shape[-1] ** -0.5,
            key,
            "query head channel, batch head channel height width -> batch query head height width",
        )
        factor, scale = (
            rearrange(
                table.reshape(-1, self.queries * self.heads),
                "tap (query head) -> query head tap",
                head=self.heads,
            )
            for table in (self._activate(self.rpb_table), self.attn_scale)
        )
        where = self.kernel, self.stride, self.padding
        output, weights = learned_query_attention(
            self._activate(scores), value, factor, scale, *where
        )
        output = rearrange(output, "batch head channel window -> batch (head channel) window")
        output = self.proj_out(output.unflatten(2, window_size(map_hw, *where)))
        return output, qna_trace(weights, map_hw, *where)
