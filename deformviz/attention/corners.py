"""Bilinear interpolation by hand: four corners, their blend, and its slope.

What grid_sample does in one call, and its derivative, as formulas one can follow. Cells and
corner weights come from `reference.bilinear_corners`; corners count top-left, top-right,
bottom-left, bottom-right.
"""

import torch
from einops import einsum
from torch import Tensor

from deformviz.geometry import to_pixel_index


def read_corners(value_map: Tensor, cells_xy: Tensor) -> Tensor:
    """The values of one head's map at the four corners, zero where a corner is off the map.

    value_map [height width channel], cells_xy int64 [... corner xy] -> [... corner channel].
    """
    height, width = value_map.shape[:2]
    x, y = cells_xy.unbind(-1)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    values = value_map[y.clamp(0, height - 1), x.clamp(0, width - 1)]
    return values * inside[..., None]


def blend_corners(corner_values: Tensor, corner_weights: Tensor) -> Tensor:
    """The bilinear sample: [... corner channel], [... corner] -> [... channel]."""
    return einsum(corner_values, corner_weights, "... corner channel, ... corner -> ... channel")


def sample_slopes(corner_values: Tensor, location_xy: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """∂sample/∂x and ∂sample/∂y per feature pixel: [... xy channel].

    corner_values [... corner channel], location_xy [... xy], normalised. Along x it is the
    right column minus the left one, mixed by how far down the point lies; along y likewise.
    """
    pixel = to_pixel_index(location_xy, size_hw)
    right, down = (pixel - pixel.floor())[..., None, :].unbind(-1)
    top_left, top_right, bottom_left, bottom_right = corner_values.unbind(-2)
    along_x = (1 - down) * (top_right - top_left) + down * (bottom_right - bottom_left)
    along_y = (1 - right) * (bottom_left - top_left) + right * (bottom_right - top_right)
    return torch.stack([along_x, along_y], dim=-2)


def pixel_gradient(slopes: Tensor, upstream: Tensor, attention_weight: Tensor) -> Tensor:
    """∂loss/∂(x, y) in feature pixels: A_mlqk Σ_c g_mc ∂v_c/∂(x, y), [... xy].

    slopes [... xy channel], upstream [... channel] = ∂loss/∂(sum of the head),
    attention_weight [...].
    """
    return einsum(slopes, upstream, attention_weight, "... xy channel, ... channel, ... -> ... xy")


def offset_gradient(
    gradient_px: Tensor, reference: Tensor, size_hw: tuple[int, int], points: int
) -> Tensor:
    """∂loss/∂Δp_mlqk from the gradient in feature pixels [... xy].

    With a reference point [... xy] an offset counts feature pixels, so nothing changes. With a
    box [... cxcywh] it counts shares of the box: a step of 1 moves the sample by
    (w W_l, h H_l) / 2K pixels.
    """
    if reference.shape[-1] == 2:
        return gradient_px
    height, width = size_hw
    box_px = reference[..., 2:] * reference.new_tensor([width, height])
    return gradient_px * box_px * 0.5 / points
