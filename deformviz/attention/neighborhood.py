"""Neighborhood attention in plain PyTorch, with relative bias and dilation.

Every query sees K x K keys: its nearest ones, all inside the map. At a border the window moves
in, it does not shrink. With dilation, neighbours are those of the same residue class. Current
NATTEN has neither the bias nor a CPU version. Source: arXiv 2204.07143, NATTEN 0.14.
"""

import torch
import torch.nn.functional as F
from einops import einsum, rearrange
from torch import Tensor, nn

from deformviz.axes import ShapeError, check_shape
from deformviz.schema import LocalTrace


def neighbors(size: int, kernel: int, dilation: int = 1) -> tuple[Tensor, Tensor]:
    """The keys of every place on one axis, and where in the bias table its window starts.

    Returns:
        neighbors: int64 [place kernel], places on the axis.
        bias_start: int64 [place]; the i-th key reads entry bias_start + i of 2 K - 1.

    Raises:
        ShapeError: the axis has fewer than `kernel * dilation` places.
    """
    if size < kernel * dilation:
        raise ShapeError(
            f"A neighborhood of {kernel} with dilation {dilation} needs {kernel * dilation} "
            f"places, the axis has {size}."
        )
    place = torch.arange(size)
    residue, step = place % dilation, place // dilation
    steps = (size - residue + dilation - 1) // dilation  # places of the same residue
    start = (step - kernel // 2).clamp(min=0).minimum(steps - kernel)
    taps = start[:, None] + torch.arange(kernel)
    return residue[:, None] + taps * dilation, start - step + kernel - 1


def neighbor_pixels(map_hw: tuple[int, int], kernel: int, dilation: int = 1) -> Tensor:
    """The keys of every query as pixel indices, int64 [query key], both row by row."""
    rows, columns = (neighbors(size, kernel, dilation)[0] for size in map_hw)
    pixels = rows[:, None, :, None] * map_hw[1] + columns[None, :, None, :]
    return pixels.flatten(2).flatten(0, 1)


def neighbor_bias(table: Tensor, map_hw: tuple[int, int], dilation: int = 1) -> Tensor:
    """The bias of every query and key: table [head 2K-1 2K-1] -> [head query key]."""
    kernel = (table.shape[1] + 1) // 2
    rows, columns = (
        (neighbors(size, kernel, dilation)[1][:, None] + torch.arange(kernel)).to(table.device)
        for size in map_hw
    )
    bias = table[:, rows[:, None, :, None], columns[None, :, None, :]]
    return bias.flatten(3).flatten(1, 2)


def neighborhood_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias_table: Tensor,
    dilation: int = 1,
    dropout: nn.Module | None = None,
) -> tuple[Tensor, Tensor]:
    """Softmax attention of every pixel over its neighborhood.

    query (already scaled), key, value [batch head height width channel],
    bias_table [head 2K-1 2K-1] -> output, like value, and weights [batch head query key].
    """
    map_hw = query.shape[2], query.shape[3]
    kernel = (bias_table.shape[1] + 1) // 2
    pixels = neighbor_pixels(map_hw, kernel, dilation).to(query.device)
    near_keys, near_values = (tensor.flatten(2, 3)[:, :, pixels] for tensor in (key, value))
    logits = einsum(
        query.flatten(2, 3),
        near_keys,
        "batch head query channel, batch head query key channel -> batch head query key",
    )
    weights = (logits + neighbor_bias(bias_table, map_hw, dilation)).softmax(-1)
    kept = weights if dropout is None else dropout(weights)
    output = einsum(
        kept,
        near_values,
        "batch head query key, batch head query key channel -> batch head query channel",
    )
    return output.unflatten(2, map_hw), weights


class NeighborhoodAttention(nn.Module):
    """Neighborhood attention over a map (stage letter N of DAT++), official parameter names."""

    def __init__(
        self,
        channels: int,
        heads: int,
        kernel: int,
        dilation: int | str | None = None,
        *,
        attention_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ):
        """
        Args:
            kernel: K, odd and above 1.
            dilation: a number, None for 1, or "auto": as wide as the map allows.

        Raises:
            ValueError: sizes do not fit together.
        """
        super().__init__()
        if kernel < 3 or kernel % 2 == 0 or channels % heads:
            raise ValueError(
                f"kernel must be odd and at least 3, and channels a multiple of heads; got "
                f"kernel={kernel}, channels={channels}, heads={heads}."
            )
        self.heads, self.kernel, self.dilation = heads, kernel, dilation
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        table = torch.empty(heads, 2 * kernel - 1, 2 * kernel - 1)
        self.rpb = nn.Parameter(nn.init.trunc_normal_(table, std=0.02))
        self.attention_dropout = nn.Dropout(attention_dropout)
        self.output_dropout = nn.Dropout(output_dropout)

    def dilation_for(self, map_hw: tuple[int, int]) -> int:
        """The dilation used on a map of `map_hw`."""
        if isinstance(self.dilation, str):
            return max(min(map_hw) // self.kernel, 1)
        return self.dilation or 1

    def forward(self, features: Tensor) -> tuple[Tensor, LocalTrace]:
        """[batch channel height width] -> the same (no residual), and the trace.

        A map smaller than the window is padded with zeros at the bottom and right, before the
        projection: padded pixels take part as keys (-1 in the trace).
        """
        check_shape(
            "features",
            features.shape,
            "batch channel height width",
            {"channel": self.proj.in_features},
        )
        height, width = map_hw = features.shape[-2], features.shape[-1]
        dilation = self.dilation_for(map_hw)
        needed = self.kernel * dilation
        padded_hw = max(height, needed), max(width, needed)
        pixels = features.movedim(1, -1)
        pixels = F.pad(pixels, (0, 0, 0, padded_hw[1] - width, 0, padded_hw[0] - height))
        query, key, value = rearrange(
            self.qkv(pixels),
            "batch height width (part head channel) -> part batch head height width channel",
            part=3,
            head=self.heads,
        )
        output, weights = neighborhood_attention(
            query * query.shape[-1] ** -0.5,
            key,
            value,
            self.rpb,
            dilation,
            self.attention_dropout,
        )
        output = output[:, :, :height, :width]
        output = rearrange(
            output, "batch head height width channel -> batch height width (head channel)"
        )
        output = self.output_dropout(self.proj(output)).movedim(-1, 1)
        return output, self._trace(weights, map_hw, padded_hw, dilation)

    def _trace(self, weights, map_hw, padded_hw, dilation) -> LocalTrace:
        pixels = neighbor_pixels(padded_hw, self.kernel, dilation).to(weights.device)
        rows, columns = pixels // padded_hw[1], pixels % padded_hw[1]
        inside = (rows < map_hw[0]) & (columns < map_hw[1])
        keys = torch.where(inside, rows * map_hw[1] + columns, -1)
        keys = keys.unflatten(0, padded_hw)[: map_hw[0], : map_hw[1]].flatten(0, 1)
        kept = weights.unflatten(2, padded_hw)[:, :, : map_hw[0], : map_hw[1]].flatten(2, 3)
        return LocalTrace(
            attention_weights=kept, keys=keys.expand(kept.shape[0], -1, -1), map_hw=map_hw
        )
