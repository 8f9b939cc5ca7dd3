"""Positions as sines and cosines: of tokens in a masked map, and of boxes."""

import math

import torch
from einops import rearrange
from torch import Tensor

FREQUENCIES = ("paper", "octaves")
TEMPERATURE = 10000.0
OCTAVES = 5.0
EPSILON = 1e-6


def wavelengths(count: int, frequencies: str, temperature: float, like: Tensor) -> Tensor:
    """What a phase is divided by, per feature: float32 [feature], pairs (sine, cosine) alike.

    "paper": temperature^(2i/count), Attention Is All You Need Sec. 3.5. "octaves": 1 to 2^-5, so
    that the fastest pair makes 32 turns across the picture.
    """
    if frequencies not in FREQUENCIES:
        raise ValueError(f"frequencies must be one of {FREQUENCIES}, got {frequencies!r}.")
    index = torch.arange(count, dtype=torch.float32, device=like.device)
    pair = torch.div(index, 2, rounding_mode="floor")
    if frequencies == "octaves":
        return 2.0 ** (-OCTAVES * pair / max(count // 2 - 1, 1))
    return temperature ** (2 * pair / count)


def sines_and_cosines(phase: Tensor) -> Tensor:
    """Sine of the even features, cosine of the odd ones, interleaved: [... feature]."""
    pairs = torch.stack([phase[..., 0::2].sin(), phase[..., 1::2].cos()], dim=-1)
    return pairs.flatten(-2)


def token_positions(
    mask: Tensor,
    channels: int,
    *,
    frequencies: str = "paper",
    temperature: float = TEMPERATURE,
    shift: float = -0.5,
) -> Tensor:
    """The sine embedding of a level's tokens: float32 [batch pixel channel], y features first.

    Args:
        mask: [batch height width], True = padding; positions count the valid cells only.
        channels: width of the embedding, divisible by 4.
        shift: added to the count of cells; -0.5 puts a token at its centre (Deformable DETR),
            0 is DETR's, DAB-DETR's and DINO's choice.

    The order of operations is the published one, because a cell that is wholly padding divides
    by epsilon alone and then takes the sine of about -3e6.
    """
    valid = ~mask
    y = valid.cumsum(1, dtype=torch.float32)
    x = valid.cumsum(2, dtype=torch.float32)
    y = (y + shift) / (y[:, -1:, :] + EPSILON) * (2 * math.pi)
    x = (x + shift) / (x[:, :, -1:] + EPSILON) * (2 * math.pi)
    divisor = wavelengths(channels // 2, frequencies, temperature, like=x)
    features = [sines_and_cosines(part[..., None] / divisor) for part in (y, x)]
    return rearrange(
        torch.cat(features, dim=-1), "batch height width channel -> batch (height width) channel"
    )


def box_positions(boxes_cxcywh: Tensor, channels: int, *, frequencies: str = "paper") -> Tensor:
    """The sine embedding of boxes: [... query cxcywh] -> [... query 2*channels].

    Each of cx, cy, w, h (0 to 1) takes `channels / 2` features, in that order.
    """
    divisor = wavelengths(channels // 2, frequencies, TEMPERATURE, like=boxes_cxcywh)
    phase = (boxes_cxcywh * (2 * math.pi))[..., None] / divisor
    return sines_and_cosines(phase).flatten(-2)


def anchor_positions(boxes_cxcywh: Tensor, channels: int) -> Tensor:
    """The same numbers as DAB-DETR and DINO order them: those of cy, cx, w, h.

    [... query cxcywh] -> [... query 2*channels].
    """
    cx, cy, width, height = boxes_cxcywh.unbind(-1)
    return box_positions(torch.stack([cy, cx, width, height], dim=-1), channels)
