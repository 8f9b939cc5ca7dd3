"""What follows from a trace: its samples read again by the plain formula of its kind."""

import torch
from torch import Tensor

from deformviz.attention.reference import (
    merge_heads,
    ms_deform_attn_reference,
    nearest_cells,
    split_levels,
)
from deformviz.schema import AttentionTrace


def replay_attention(trace: AttentionTrace) -> Tensor:
    """Σ A · W'x(location) of a batched trace with its value: [batch query (head channel)].

    Levels with different numbers of points go through the op one by one, and add up.
    """
    shapes = [tuple(shape) for shape in trace.spatial_shapes.tolist()]
    locations, weights = trace.locations_by_sample, trace.weights_by_sample
    sample = _nearest if trace.sampling == "nearest" else _bilinear
    pixels = [height * width for height, width in shapes]
    if trace.value is None:
        raise ValueError("The trace was recorded without its value; there is nothing to sample.")
    maps = zip(trace.value.split(pixels, dim=1), shapes, trace.sample_levels, strict=True)
    parts = [
        sample(value, shape, locations[:, :, :, part], weights[:, :, :, part])
        for value, shape, part in maps
    ]
    return torch.stack(parts).sum(0)


def _bilinear(value: Tensor, shape_hw, locations: Tensor, weights: Tensor) -> Tensor:
    return ms_deform_attn_reference(value, [shape_hw], locations.unsqueeze(3), weights.unsqueeze(3))


def _nearest(value: Tensor, shape_hw, locations: Tensor, weights: Tensor) -> Tensor:
    (level,) = split_levels(value, [shape_hw])
    columns, rows = nearest_cells(locations, shape_hw).unbind(-1)
    images = torch.arange(len(level), device=level.device)[:, None, None, None]
    heads = torch.arange(level.shape[3], device=level.device)[:, None]
    read = level[images, rows, columns, heads]  # [batch query head sample channel]
    return merge_heads((read * weights.unsqueeze(-1)).sum(-2))
