"""Deformable convolution v1 and v2 in plain PyTorch (arXiv 1703.06211 and 1811.11168).

A convolution whose taps move: Deformable DETR's attention becomes this one with a single point
per head and level. Offsets are pixels, (dy, dx) per tap; there are no keys to compare with, the
mask of v2 is all the weight a tap has.
"""

from dataclasses import dataclass

import torch
from einops import einsum, rearrange
from torch import Tensor, nn

from deformviz.axes import axes, check_axes
from deformviz.schema import _Arrays


def tap_grid(
    output_hw: tuple[int, int],
    kernel_hw: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    like: Tensor,
) -> Tensor:
    """Where the taps lie undeformed: [query tap yx] in pixels of the input map."""

    def places(size, steps, step, pad, spread):
        start = torch.arange(size, dtype=like.dtype, device=like.device) * step - pad
        return start[:, None] + torch.arange(steps, dtype=like.dtype, device=like.device) * spread

    rows, columns = (
        places(*parts)
        for parts in zip(output_hw, kernel_hw, stride, padding, dilation, strict=True)
    )
    y, x = torch.broadcast_tensors(rows[:, None, :, None], columns[None, :, None, :])
    return torch.stack([y, x], dim=-1).flatten(2, 3).flatten(0, 1)


def sample_pixels(features: Tensor, positions_yx_px: Tensor) -> Tensor:
    """Bilinear samples at pixel positions; each corner outside the map counts as zero.

    features [batch channel height width], positions_yx_px [batch point yx] -> [batch channel
    point]. Positions are not normalised on the way, so whole numbers stay exact.
    """
    height, width = features.shape[-2:]
    first = positions_yx_px.floor()
    part = positions_yx_px - first
    pixels = features.flatten(2)
    total = 0
    for down in (0, 1):
        for right in (0, 1):
            row, column = (first + first.new_tensor([down, right])).unbind(-1)
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            index = (row * width + column).where(inside, torch.zeros_like(row)).long()
            corner = pixels.gather(2, index[:, None].expand(-1, pixels.shape[1], -1))
            share_y = part[..., 0] if down else 1 - part[..., 0]
            share_x = part[..., 1] if right else 1 - part[..., 1]
            total = total + corner * (share_y * share_x * inside)[:, None]
    return total


def _pair(value) -> tuple[int, int]:
    first, second = (value, value) if isinstance(value, int) else value
    return first, second


def deform_conv2d(
    features: Tensor,
    offset: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
) -> Tensor:
    """Deformable convolution; the layout of offsets and mask is torchvision's and mmcv's.

    Args:
        features: [batch channel height width].
        offset: [batch (group tap yx) height' width'], (dy, dx) in pixels; groups split channels.
        weight: [out channel/conv_groups row column].
        bias: [out] or None.
        mask: v2's factors [batch (group tap) height' width'], or None (v1).
        stride, padding, dilation: a number or (vertical, horizontal).

    Returns:
        [batch out height' width'].
    """
    kernel_hw = weight.shape[-2], weight.shape[-1]
    taps = kernel_hw[0] * kernel_hw[1]
    output_hw = offset.shape[-2], offset.shape[-1]
    groups = offset.shape[1] // (2 * taps)
    start = tap_grid(output_hw, kernel_hw, _pair(stride), _pair(padding), _pair(dilation), offset)
    moves = rearrange(
        offset,
        "batch (group tap yx) height width -> batch group (height width) tap yx",
        group=groups,
        yx=2,
    )
    positions = rearrange(start + moves, "batch group query tap yx -> (batch group) (query tap) yx")
    maps = rearrange(
        features,
        "batch (group channel) height width -> (batch group) channel height width",
        group=groups,
    )
    columns = rearrange(
        sample_pixels(maps, positions),
        "(batch group) channel (query tap) -> batch group channel tap query",
        group=groups,
        tap=taps,
    )
    if mask is not None:
        columns = columns * rearrange(
            mask, "batch (group tap) height width -> batch group 1 tap (height width)", group=groups
        )
    conv_groups = features.shape[1] // weight.shape[1]
    columns = rearrange(
        columns.flatten(1, 2),
        "batch (part channel) tap query -> batch part channel tap query",
        part=conv_groups,
    )
    kernels = rearrange(
        weight, "(part out) channel row column -> part out channel (row column)", part=conv_groups
    )
    output = einsum(
        kernels,
        columns,
        "part out channel tap, batch part channel tap query -> batch part out query",
    )
    output = output.flatten(1, 2).unflatten(2, output_hw)
    return output if bias is None else output + bias[:, None, None]


@dataclass(frozen=True)
class TapTrace(_Arrays):
    """What one deformable convolution read: moved taps, and their factors in v2."""

    positions_px: Tensor = axes("group query tap yx")  # pixels of the input map
    offsets: Tensor = axes("group query tap yx")  # pixels
    mask: Tensor | None = axes("group query tap", optional=True)  # 0 to 1, not normalised

    def __post_init__(self):
        check_axes(self)


class DeformableConv(nn.Module):
    """Modulated deformable convolution with its own offset network (DCNv2's "Pack").

    Parameters: `weight`, `bias`, `conv_offset`. Offsets start at zero, masks at one half.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int | tuple[int, int],
        *,
        stride=1,
        padding=0,
        dilation=1,
        conv_groups: int = 1,
        groups: int = 1,
        bias: bool = True,
        modulated: bool = True,
    ):
        """`groups` share channels among offset fields, `conv_groups` among kernels;
        `modulated=False` is v1: no mask."""
        super().__init__()
        self.kernel_hw, self.modulated, self.groups = _pair(kernel), modulated, groups
        self.stride, self.padding, self.dilation = _pair(stride), _pair(padding), _pair(dilation)
        taps = self.kernel_hw[0] * self.kernel_hw[1]
        weight = torch.empty(channels_out, channels_in // conv_groups, *self.kernel_hw)
        self.weight = nn.Parameter(nn.init.kaiming_uniform_(weight, a=5**0.5))
        self.bias = nn.Parameter(torch.zeros(channels_out)) if bias else None
        self.conv_offset = nn.Conv2d(
            channels_in,
            groups * taps * (3 if modulated else 2),
            self.kernel_hw,
            self.stride,
            self.padding,
            self.dilation,
        )
        for parameter in self.conv_offset.parameters():
            nn.init.zeros_(parameter)

    def forward(self, features: Tensor) -> tuple[Tensor, TapTrace]:
        """[batch channel height width] -> [batch out height' width'], and the trace."""
        raw = self.conv_offset(features)
        taps = self.kernel_hw[0] * self.kernel_hw[1]
        fields = 2 * self.groups * taps
        offset = raw[:, :fields]
        mask = raw[:, fields:].sigmoid() if self.modulated else None
        where = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        output = deform_conv2d(features, offset, self.weight, self.bias, mask, **where)
        output_hw = raw.shape[-2], raw.shape[-1]
        moves = rearrange(
            offset,
            "batch (group tap yx) height width -> batch group (height width) tap yx",
            tap=taps,
            yx=2,
        )
        start = tap_grid(output_hw, self.kernel_hw, like=raw, **where)
        factors = (
            None
            if mask is None
            else rearrange(
                mask, "batch (group tap) height width -> batch group (height width) tap", tap=taps
            )
        )
        return output, TapTrace(positions_px=start + moves, offsets=moves, mask=factors)
