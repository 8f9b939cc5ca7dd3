"""Attention inside windows of a map: DAT's local and shifted layers, and Swin's.

Windows tile the map row by row; tokens of a window are counted row by row as well.
"""

import math

import torch
from einops import einsum, rearrange
from torch import Tensor, nn

from deformviz.axes import ShapeError, check_shape
from deformviz.schema import LocalTrace

MASKED = -100.0


def window_pair(window: int | tuple[int, int]) -> tuple[int, int]:
    """One number for a square window, or (height, width)."""
    height, width = (window, window) if isinstance(window, int) else window
    return height, width


def check_tiles(map_hw: tuple[int, int], window_hw: tuple[int, int]) -> None:
    """Raise ShapeError unless windows of `window_hw` tile the map."""
    if any(size % window for size, window in zip(map_hw, window_hw, strict=True)):
        raise ShapeError(
            f"Windows of {window_hw[0]}x{window_hw[1]} do not tile a map of "
            f"{map_hw[0]}x{map_hw[1]}. Resize the image to the model's own size."
        )


def to_windows(features: Tensor, window_hw: tuple[int, int]) -> Tensor:
    """[batch height width channel] -> [(batch window) token channel]."""
    return rearrange(
        features,
        "batch (down height) (across width) channel -> (batch down across) (height width) channel",
        height=window_hw[0],
        width=window_hw[1],
    )


def from_windows(tokens: Tensor, window_hw: tuple[int, int], map_hw: tuple[int, int]) -> Tensor:
    """The inverse of `to_windows` for a map of `map_hw`."""
    return rearrange(
        tokens,
        "(batch down across) (height width) channel -> batch (down height) (across width) channel",
        height=window_hw[0],
        width=window_hw[1],
        down=map_hw[0] // window_hw[0],
        across=map_hw[1] // window_hw[1],
    )


def relative_steps(window_hw: tuple[int, int]) -> Tensor:
    """Query minus key inside a window, int64 [token token yx], in pixels."""
    rows, columns = (torch.arange(size) for size in window_hw)
    tokens = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), -1).flatten(0, 1)
    return tokens[:, None] - tokens[None]


def relative_position_index(window_hw: tuple[int, int]) -> Tensor:
    """Which entry of the bias table a pair of tokens reads, int64 [token token].

    The table lists the (2 H - 1)(2 W - 1) possible steps row by row, from (1 - H, 1 - W) on.
    """
    height, width = window_hw
    steps = relative_steps(window_hw)
    return (steps[..., 0] + height - 1) * (2 * width - 1) + steps[..., 1] + width - 1


def gather_bias(table: Tensor, index: Tensor) -> Tensor:
    """table [step head], index [token token] -> bias [head token token]."""
    return table[index.flatten()].unflatten(0, index.shape).movedim(2, 0)


def shift_mask(map_hw: tuple[int, int], window_hw: tuple[int, int], shift: int) -> Tensor:
    """What keeps rolled-around tokens apart: 0 or -100, float32 [window token token].

    After rolling by `shift`, the last `shift` rows and columns come from the other side of the
    map; tokens of one window may only meet those of the same origin.
    """

    def origin(size: int, window: int) -> Tensor:
        place = torch.arange(size)
        return (place >= size - window).long() + (place >= size - shift).long()

    rows, columns = (origin(*pair) for pair in zip(map_hw, window_hw, strict=True))
    origins = to_windows((rows[:, None] * 3 + columns)[None, :, :, None], window_hw)[..., 0]
    return (origins[:, :, None] != origins[:, None]).float() * MASKED


def attend_in_windows(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor,
    mask: Tensor | None,
    dropout: nn.Module,
) -> tuple[Tensor, Tensor]:
    """Softmax attention of every window on its own.

    query (already scaled), key, value [(batch window) head token channel],
    bias [head token token], mask [window token token] or None
    -> output [(batch window) token (head channel)], weights [(batch window) head token token].
    """
    logits = (
        einsum(
            query,
            key,
            "window head query channel, window head key channel -> window head query key",
        )
        + bias
    )
    if mask is not None:
        logits = (logits.unflatten(0, (-1, mask.shape[0])) + mask[:, None]).flatten(0, 1)
    weights = logits.softmax(-1)
    output = einsum(
        dropout(weights),
        value,
        "window head query key, window head key channel -> window head query channel",
    )
    return rearrange(output, "window head query channel -> window query (head channel)"), weights


def split_qkv(projected: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """[window token (3 head channel)] -> query, key, value [window head token channel]."""
    query, key, value = rearrange(
        projected,
        "window token (part head channel) -> part window head token channel",
        part=3,
        head=heads,
    )
    return query, key, value


def window_trace(
    weights: Tensor, map_hw: tuple[int, int], window_hw: tuple[int, int], shift: int = 0
) -> LocalTrace:
    """Weights by window [(batch window) head token token] as a trace by pixel of the map."""
    pixels = torch.arange(math.prod(map_hw), device=weights.device).view(1, *map_hw, 1)
    rolled = pixels.roll((-shift, -shift), (1, 2))
    members = to_windows(rolled, window_hw)[..., 0]  # [window token]
    order = members.flatten().argsort()  # window order -> pixels
    by_query = rearrange(
        weights,
        "(batch window) head query key -> batch head (window query) key",
        window=members.shape[0],
    )
    keys = members.repeat_interleave(members.shape[1], dim=0)[order]
    return LocalTrace(
        attention_weights=by_query[:, :, order],
        keys=keys.expand(by_query.shape[0], -1, -1),
        map_hw=map_hw,
    )


class LocalAttention(nn.Module):
    """DAT's window attention (stage letter L) with the names of its checkpoints."""

    relative_position_index: Tensor

    def __init__(
        self,
        channels: int,
        heads: int,
        window: int | tuple[int, int],
        *,
        shift: int = 0,
        attention_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ):
        """`channels` divisible by `heads`; `window` one number or (height, width) in pixels."""
        super().__init__()
        self.heads, self.window_hw, self.shift = heads, window_pair(window), shift
        height, width = self.window_hw
        self.proj_qkv = nn.Linear(channels, 3 * channels)
        self.proj_out = nn.Linear(channels, channels)
        table = torch.empty((2 * height - 1) * (2 * width - 1), heads)
        self.relative_position_bias_table = nn.Parameter(nn.init.trunc_normal_(table, std=0.01))
        self.register_buffer("relative_position_index", relative_position_index(self.window_hw))
        self.attention_dropout = nn.Dropout(attention_dropout)
        self.output_dropout = nn.Dropout(output_dropout)

    def mask_for(self, map_hw: tuple[int, int]) -> Tensor | None:
        """No mask: unshifted windows hold neighbours only."""
        return None

    def forward(self, features: Tensor) -> tuple[Tensor, LocalTrace]:
        """[batch channel height width] -> the same (no residual), and the trace."""
        check_shape(
            "features",
            features.shape,
            "batch channel height width",
            {"channel": self.proj_qkv.in_features},
        )
        map_hw = features.shape[-2], features.shape[-1]
        check_tiles(map_hw, self.window_hw)
        pixels = features.movedim(1, -1).roll((-self.shift, -self.shift), (1, 2))
        tokens = to_windows(pixels, self.window_hw)
        query, key, value = split_qkv(self.proj_qkv(tokens), self.heads)
        bias = gather_bias(self.relative_position_bias_table, self.relative_position_index)
        output, weights = attend_in_windows(
            query * query.shape[-1] ** -0.5,
            key,
            value,
            bias,
            self.mask_for(map_hw),
            self.attention_dropout,
        )
        output = self.output_dropout(self.proj_out(output))
        pixels = from_windows(output, self.window_hw, map_hw)
        pixels = pixels.roll((self.shift, self.shift), (1, 2))
        trace = window_trace(weights, map_hw, self.window_hw, self.shift)
        return pixels.movedim(3, 1), trace


class ShiftWindowAttention(LocalAttention):
    """DAT's shifted window attention (stage letter S): always shifted, by half a window upwards.

    Swin shifts by window // 2, DAT by the next whole number (4 of 7).
    """

    attn_mask: Tensor

    def __init__(
        self,
        channels: int,
        heads: int,
        window: int | tuple[int, int],
        map_hw: tuple[int, int],
        *,
        shift: int | None = None,
        **options,
    ):
        """`map_hw` is the size the stored mask is for; other maps get their own."""
        default = math.ceil(window_pair(window)[0] / 2)
        super().__init__(
            channels, heads, window, shift=default if shift is None else shift, **options
        )
        check_tiles(map_hw, self.window_hw)
        self.map_hw = map_hw
        self.register_buffer("attn_mask", shift_mask(map_hw, self.window_hw, self.shift))

    def mask_for(self, map_hw: tuple[int, int]) -> Tensor:
        """The stored mask, or a new one for a map of another size."""
        if map_hw == self.map_hw:
            return self.attn_mask
        return shift_mask(map_hw, self.window_hw, self.shift).to(self.attn_mask)


class WindowAttention(nn.Module):
    """Swin's attention over the tokens of windows that were cut before."""

    relative_position_index: Tensor

    def __init__(
        self, channels: int, heads: int, window: int | tuple[int, int], *, qkv_bias: bool = True
    ):
        super().__init__()
        self.heads, self.window_hw = heads, window_pair(window)
        height, width = self.window_hw
        self.qkv = nn.Linear(channels, 3 * channels, bias=qkv_bias)
        self.proj = nn.Linear(channels, channels)
        table = torch.empty((2 * height - 1) * (2 * width - 1), heads)
        self.relative_position_bias_table = nn.Parameter(nn.init.trunc_normal_(table, std=0.02))
        self.register_buffer("relative_position_index", relative_position_index(self.window_hw))

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """[(batch window) token channel] -> the same, and weights [.. head token token]."""
        query, key, value = split_qkv(self.qkv(tokens), self.heads)
        bias = gather_bias(self.relative_position_bias_table, self.relative_position_index)
        output, weights = attend_in_windows(
            query * query.shape[-1] ** -0.5, key, value, bias, mask, nn.Identity()
        )
        return self.proj(output), weights
