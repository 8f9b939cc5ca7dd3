"""Deformable attention in plain PyTorch, every step of Eq. 2 and 3 a named function.

This file is the oracle: whatever runs faster must prove itself equal to it. Eq. 2 is Eq. 3 with
one level. Symbols follow Deformable DETR (arXiv 2010.04159), Sec. 4.1.
"""

import math

import torch
import torch.nn.functional as F
from einops import einsum, rearrange, repeat
from torch import Tensor

from deformviz.axes import ShapeError, check_shape
from deformviz.geometry import shapes_list, to_pixel_index

VALUE = "batch pixel head channel"
LOCATIONS = "batch query head level point xy"
WEIGHTS = "batch query head level point"
DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def mask_value(value: Tensor, padding_mask: Tensor | None) -> Tensor:
    """Zero the projected value W'_m x where the picture is padding.

    value [batch pixel channel], padding_mask [batch pixel] (True = padding).
    The mask comes after the projection, so that its bias does not leak into padding.
    """
    if padding_mask is None:
        return value
    return value.masked_fill(padding_mask[..., None], 0.0)


def split_heads(value: Tensor, heads: int) -> Tensor:
    """[batch pixel (head channel)] -> [batch pixel head channel]."""
    return rearrange(value, "batch pixel (head channel) -> batch pixel head channel", head=heads)


def split_offsets(raw: Tensor, heads: int, levels: int, points: int) -> Tensor:
    """The output of the linear layer `sampling_offsets` as Δp_mlqk [.. head level point xy]."""
    return rearrange(
        raw,
        "batch query (head level point xy) -> batch query head level point xy",
        head=heads,
        level=levels,
        point=points,
        xy=2,
    )


def normalise_weights(raw: Tensor, heads: int, levels: int, points: int) -> Tensor:
    """The output of the linear layer `attention_weights` as A_mlqk: softmax over level and point.

    raw [batch query (head level point)] -> [batch query head level point].
    One softmax per head, over all its samples of all levels together: sum_l sum_k A_mlqk = 1.
    """
    joint = rearrange(raw, "batch query (head sample) -> batch query head sample", head=heads)
    return rearrange(
        joint.softmax(-1),
        "batch query head (level point) -> batch query head level point",
        level=levels,
        point=points,
    )


def offset_normaliser(spatial_shapes, like: Tensor) -> Tensor:
    """(W_l, H_l) per level [level xy]: shapes are (H, W), points are (x, y)."""
    return like.new_tensor([(width, height) for height, width in shapes_list(spatial_shapes)])


def locations_from_points(
    reference_points: Tensor, sampling_offsets: Tensor, spatial_shapes
) -> Tensor:
    """φ_l(p_q) + Δp_mlqk for reference points: offsets count pixels of their own level.

    reference_points [batch query level xy], sampling_offsets [batch query head level point xy]
    -> sampling_locations, same axes, normalised.
    """
    points = sampling_offsets.shape[-2]
    normaliser = _at_points(offset_normaliser(spatial_shapes, sampling_offsets), points)
    return _at_points(reference_points, points)[:, :, None] + sampling_offsets / normaliser


def locations_from_boxes(reference_boxes: Tensor, sampling_offsets: Tensor) -> Tensor:
    """φ_l(p_q) + Δp_mlqk for reference boxes: an offset of `points` reaches the box's edge.

    reference_boxes [batch query level cxcywh], sampling_offsets [.. head level point xy]
    -> sampling_locations, normalised. No division by the level's size.

    Source: iterative box refinement, Deformable DETR Appendix A.4: offsets modulated by box size.
    """
    points = sampling_offsets.shape[-2]
    centres, sizes = (_at_points(part, points) for part in reference_boxes.split(2, dim=-1))
    return centres[:, :, None] + sampling_offsets / points * sizes[:, :, None] * 0.5


def _at_points(per_level: Tensor, points: int) -> Tensor:
    """[.. level xy] -> [.. level point xy], written out.

    Arithmetic that broadcasts over the last two numbers alone takes ten times as long.
    """
    return repeat(per_level, "... level xy -> ... level point xy", point=points).contiguous()


def sampling_locations(references: Tensor, sampling_offsets: Tensor, spatial_shapes) -> Tensor:
    """Locations from points or boxes, told apart by the length of the references' last axis."""
    if references.shape[-1] == 2:
        return locations_from_points(references, sampling_offsets, spatial_shapes)
    if references.shape[-1] == 4:
        return locations_from_boxes(references, sampling_offsets)
    raise ShapeError(
        f"references have {references.shape[-1]} on their last axis, expected 2 (reference "
        f"points, xy) or 4 (reference boxes, cxcywh); their shape is {tuple(references.shape)}."
    )


def split_levels(value: Tensor, spatial_shapes) -> list[Tensor]:
    """The flattened value as one map per level: [batch height width head channel]."""
    shapes = shapes_list(spatial_shapes)
    maps = value.split([height * width for height, width in shapes], dim=1)
    return [
        rearrange(
            level,
            "batch (height width) head channel -> batch height width head channel",
            height=height,
            width=width,
        )
        for level, (height, width) in zip(maps, shapes, strict=True)
    ]


def sample_level(value_map: Tensor, locations: Tensor) -> Tensor:
    """W'_m x(φ_l(p_q) + Δp): bilinear samples of one level, zero outside the map.

    value_map [batch height width head channel], locations [batch query head point xy], normalised
    -> [batch query head point channel]. Pixel = location * size - 0.5 (`align_corners=False`).
    """
    batch, height, width, heads, channels = value_map.shape
    if height * width == 0:  # nothing but outside; grid_sample refuses such a map
        nothing = 0 * locations[..., :1].nan_to_num(0.0, 0.0, 0.0) + value_map.sum()
        return nothing.expand(*locations.shape[:-1], channels)
    maps = rearrange(
        value_map, "batch height width head channel -> (batch head) channel height width"
    )
    grid = rearrange(2 * locations - 1, "batch query head point xy -> (batch head) query point xy")
    sampled = F.grid_sample(maps, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return rearrange(
        sampled,
        "(batch head) channel query point -> batch query head point channel",
        batch=batch,
        head=heads,
    )


def nearest_cells(locations: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """The cell (column, row) that discrete sampling reads: int64 [.. xy], inside the map.

    Source: RT-DETRv2 (arXiv 2407.17140), `discrete`: location * size + 0.5, its fraction cut off,
    held inside the map. That is half a cell right of and below the bilinear convention.
    """
    height, width = size_hw
    cells = (locations * locations.new_tensor([width, height]) + 0.5).long()
    return torch.stack(
        [cells[..., 0].clamp(0, width - 1), cells[..., 1].clamp(0, height - 1)], dim=-1
    )


def sample(value: Tensor, spatial_shapes, locations: Tensor) -> Tensor:
    """Bilinear samples of every level: [batch query head level point channel]."""
    maps = split_levels(value, spatial_shapes)
    levels = [sample_level(level, locations[:, :, :, i]) for i, level in enumerate(maps)]
    return torch.stack(levels, dim=3)


def aggregate(sampled_values: Tensor, attention_weights: Tensor) -> Tensor:
    """Weighted sum over levels and points, the two inner sums of Eq. 3."""
    return einsum(
        sampled_values,
        attention_weights,
        "batch query head level point channel, batch query head level point "
        "-> batch query head channel",
    )


def merge_heads(per_head: Tensor) -> Tensor:
    """[batch query head channel] -> [batch query (head channel)], what W_m (output_proj) reads."""
    return rearrange(per_head, "batch query head channel -> batch query (head channel)")


def check_inputs(value: Tensor, spatial_shapes, locations: Tensor, weights: Tensor) -> None:
    """Whether the four arguments of the op fit together.

    Raises ShapeError for sizes that disagree, TypeError for numbers that cannot be interpolated.
    """
    shapes = shapes_list(spatial_shapes)
    named = {"value": value, "sampling_locations": locations, "attention_weights": weights}
    for name, tensor in named.items():
        if tensor.dtype not in DTYPES:
            raise TypeError(
                f"{name} has dtype {tensor.dtype}; the op takes "
                f"{', '.join(str(dtype) for dtype in DTYPES)}. Convert it, for instance with "
                f"{name}.float()."
            )
    if any(size < 0 for shape in shapes for size in shape):
        raise ShapeError(f"spatial_shapes has a negative size: {shapes}.")
    sizes = check_shape("value", value.shape, VALUE)
    sizes = check_shape("sampling_locations", locations.shape, LOCATIONS, sizes)
    sizes = check_shape("attention_weights", weights.shape, WEIGHTS, sizes)
    if sizes["level"] != len(shapes):
        raise ShapeError(
            f"spatial_shapes has {len(shapes)} levels, sampling_locations has {sizes['level']}."
        )
    pixels = sum(height * width for height, width in shapes)
    if pixels != sizes["pixel"]:
        raise ShapeError(
            f"value has {sizes['pixel']} on axis 'pixel', expected {pixels}, the sum of H*W over "
            f"spatial_shapes {shapes}."
        )


def ms_deform_attn_reference(
    value: Tensor, spatial_shapes, locations: Tensor, attention_weights: Tensor
) -> Tensor:
    """Eq. 3 before `output_proj`: sample every level, then sum by weight.

    value [batch pixel head channel], spatial_shapes [level hw],
    locations [batch query head level point xy],
    attention_weights [batch query head level point] -> [batch query (head channel)]

    Done in the finest of their dtypes, in float32 at least; the output has that of `value`.
    """
    finest = torch.float32
    for tensor in (value, locations, attention_weights):
        finest = torch.promote_types(finest, tensor.dtype)
    sampled = sample(value.to(finest), spatial_shapes, locations.to(finest))
    return merge_heads(aggregate(sampled, attention_weights.to(finest))).to(value.dtype)


def bilinear_corners(location_xy: Tensor, size_hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The four cells a bilinear sample reads, and how much of each.

    Args:
        location_xy: [... xy], normalised.
        size_hw: (H_l, W_l).

    Returns:
        cells_xy: int64 [... 4 xy], columns and rows of the corners in the order top-left,
            top-right, bottom-left, bottom-right; they may lie outside the map.
        corner_weights: [... 4], g(a, b) = max(0, 1 - |a - b|) per axis; zero outside the map,
            so they sum to 1 only inside.

    Source: Deformable DETR Sec. 4.1 (bilinear interpolation as in Dai et al. 2017, Eq. 3-4).
    """
    height, width = size_hw
    pixel = to_pixel_index(location_xy, size_hw)
    first = pixel.floor()
    part = pixel - first
    steps = location_xy.new_tensor([[0, 0], [1, 0], [0, 1], [1, 1]])
    cells = first[..., None, :] + steps
    share = torch.where(steps == 1, part[..., None, :], 1 - part[..., None, :]).prod(-1)
    inside = ((cells >= 0) & (cells < cells.new_tensor([width, height]))).all(-1)
    return cells.long(), share * inside


def star_offsets(heads: int, levels: int, points: int) -> Tensor:
    """The initial bias of `sampling_offsets` [head level point xy]: one compass ray per head.

    Head m points along (cos, sin)(2πm/M) scaled to the unit square's edge; its k-th point lies
    k times as far. y grows downwards.

    Source: initialisation in Deformable DETR Sec. 5 / Appendix A.4.
    """
    angles = torch.arange(heads, dtype=torch.float32) * (2.0 * math.pi / heads)
    rays = torch.stack([angles.cos(), angles.sin()], dim=-1)
    rays = rays / rays.abs().amax(-1, keepdim=True)
    reach = torch.arange(1, points + 1, dtype=torch.float32)
    return einsum(rays, reach, torch.ones(levels), "head xy, point, level -> head level point xy")
