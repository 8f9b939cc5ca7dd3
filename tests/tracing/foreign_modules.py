"""Signatures of modules that cannot be installed here, re-written as small as they go.

Each has the constructor attributes, argument order, masks and residuals of its repository, around
our own reference; what a listener can see of the original, it can see of these.
"""

import torch
import torch.nn.functional as F
from torch import nn

from deformviz.attention.deformable_conv import deform_conv2d
from deformviz.attention.reference import ms_deform_attn_reference as ms_deform_attn

SHAPES = [(5, 7), (3, 4), (2, 2)]
PIXELS = sum(height * width for height, width in SHAPES)


def locations_of(references, offsets, shapes, points):
    """The formula of all of them, [batch query head level point xy]."""
    if references.shape[-1] == 2:
        sizes = torch.tensor([(width, height) for height, width in shapes], dtype=offsets.dtype)
        return references[:, :, None, :, None] + offsets / sizes[:, None]
    boxes = references[:, :, None, :, None]
    return boxes[..., :2] + offsets / points * boxes[..., 2:] * 0.5


class MSDeformAttn(nn.Module):
    """Deformable DETR, DAB-Deformable-DETR, DINO; fundamentalvision/Deformable-DETR @11169a6."""

    def __init__(self, d_model=16, n_levels=3, n_heads=4, n_points=2):
        super().__init__()
        self.d_model, self.n_levels = d_model, n_levels
        self.n_heads, self.n_points = n_heads, n_points
        self.sampling_offsets = nn.Linear(d_model, n_heads * n_levels * n_points * 2)
        self.attention_weights = nn.Linear(d_model, n_heads * n_levels * n_points)
        self.value_proj = nn.Linear(d_model, d_model)
        self.output_proj = nn.Linear(d_model, d_model)

    def forward(
        self,
        query,
        reference_points,
        input_flatten,
        input_spatial_shapes,
        input_level_start_index,
        input_padding_mask=None,
    ):
        value = self.value_proj(input_flatten)
        if input_padding_mask is not None:
            value = value.masked_fill(input_padding_mask[..., None], 0.0)
        return self.output_proj(
            self.attend(query, reference_points, value, input_spatial_shapes.tolist())
        )

    def attend(self, query, references, value, shapes):
        batch, queries = query.shape[:2]
        sizes = batch, queries, self.n_heads, len(shapes), self.n_points
        offsets = self.sampling_offsets(query).view(*sizes, 2)
        weights = self.attention_weights(query).view(batch, queries, self.n_heads, -1).softmax(-1)
        locations = locations_of(references, offsets, shapes, self.n_points)
        value = value.view(batch, value.shape[1], self.n_heads, -1)
        return ms_deform_attn(value, shapes, locations, weights.view(sizes))


class MultiScaleDeformableAttention(MSDeformAttn):
    """mmcv and detrex: (query, batch, channel) unless batch_first, and the residual inside."""

    def __init__(self, embed_dims=16, num_heads=4, num_levels=3, num_points=2, batch_first=False):
        super().__init__(embed_dims, num_levels, num_heads, num_points)
        self.num_heads, self.batch_first = num_heads, batch_first
        self.dropout = nn.Dropout(0.1)

    def forward(
        self,
        query,
        key=None,
        value=None,
        identity=None,
        query_pos=None,
        key_padding_mask=None,
        reference_points=None,
        spatial_shapes=None,
        level_start_index=None,
        **kwargs,
    ):
        value = query if value is None else value
        identity = query if identity is None else identity
        query = query if query_pos is None else query + query_pos
        if not self.batch_first:
            query, value = query.transpose(0, 1), value.transpose(0, 1)
        value = self.value_proj(value)
        if key_padding_mask is not None:
            value = value.masked_fill(key_padding_mask[..., None], 0.0)
        attended = self.attend(query, reference_points, value, spatial_shapes.tolist())
        output = self.output_proj(attended)
        output = output if self.batch_first else output.transpose(0, 1)
        return self.dropout(output) + identity


class RTDETRAttention(nn.Module):
    """lyuwenyu/RT-DETR, v1 and v2: one shared level of boxes, the valid pixels as a mask."""

    def __init__(self, embed_dim=16, num_heads=4, num_levels=3, num_points=2, offset_scale=0.4):
        super().__init__()
        counts = [num_points] * num_levels if isinstance(num_points, int) else list(num_points)
        self.num_heads, self.num_points_list, self.offset_scale = num_heads, counts, offset_scale
        total = num_heads * sum(counts)
        self.sampling_offsets = nn.Linear(embed_dim, total * 2)
        self.attention_weights = nn.Linear(embed_dim, total)
        self.value_proj = nn.Linear(embed_dim, embed_dim)
        self.output_proj = nn.Linear(embed_dim, embed_dim)

    def forward(self, query, reference_points, value, value_spatial_shapes, value_mask=None):
        value = self.value_proj(value)
        if value_mask is not None:
            value = value * value_mask.to(value.dtype).unsqueeze(-1)
        value = value.unflatten(2, (self.num_heads, -1))
        return self.output_proj(self.attend(query, reference_points, value, value_spatial_shapes))

    def attend(self, query, references, value, shapes):
        batch, queries = query.shape[:2]
        counts = self.num_points_list
        offsets = self.sampling_offsets(query).view(batch, queries, self.num_heads, -1, 2)
        weights = self.attention_weights(query).view(batch, queries, self.num_heads, -1).softmax(-1)
        share = torch.cat([torch.full((count, 1), 1 / count) for count in counts])
        boxes = references[:, :, None]
        share = share.to(offsets.dtype)
        locations = boxes[..., :2] + offsets * share * boxes[..., 2:] * self.offset_scale
        total, pixel, sample = 0, 0, 0
        for (height, width), count in zip(shapes, counts, strict=True):
            level = value[:, pixel : pixel + height * width]
            part = slice(sample, sample + count)
            total = total + ms_deform_attn(
                level,
                [(height, width)],
                locations[:, :, :, None, part],
                weights[:, :, :, None, part],
            )
            pixel, sample = pixel + height * width, sample + count
        return total


class DFINEAttention(RTDETRAttention):
    """Peterande/D-FINE: no projections, one value tensor per level, unequal points."""

    def __init__(self, **sizes):
        super().__init__(**sizes)
        del self.value_proj, self.output_proj

    def forward(self, query, reference_points, value, value_spatial_shapes):
        joined = torch.cat([level.movedim(3, 1) for level in value], dim=1)
        return self.attend(query, reference_points, joined, value_spatial_shapes)


class DeformConv2d(nn.Module):
    """torchvision.ops and mmcv.ops: offsets, and masks in v2, are arguments."""

    def __init__(self, channels_in, channels_out, kernel, stride=1, padding=0, groups=1):
        super().__init__()
        self.stride, self.padding, self.dilation = stride, padding, 1
        self.weight = nn.Parameter(torch.randn(channels_out, channels_in // groups, *kernel))
        self.bias = nn.Parameter(torch.randn(channels_out))

    def forward(self, input, offset, mask=None):
        where = {"stride": self.stride, "padding": self.padding}
        return deform_conv2d(input, offset, self.weight, self.bias, mask, **where)


class ModulatedDeformConv2dPack(DeformConv2d):
    """mmcv's DCNv2: offsets and masks come from a convolution of its own."""

    def __init__(self, channels_in, channels_out, kernel, **where):
        super().__init__(channels_in, channels_out, kernel, **where)
        taps = kernel[0] * kernel[1]
        self.conv_offset = nn.Conv2d(channels_in, 3 * taps, kernel, padding=self.padding)

    def forward(self, x):
        first, second, mask = self.conv_offset(x).chunk(3, dim=1)
        return super().forward(x, torch.cat([first, second], dim=1), mask.sigmoid())


class Anchored(MSDeformAttn):
    """Somebody's own class, whose structure tells neither its references nor its heads."""

    def __init__(self):
        super().__init__()
        self.where, self.how_much = self.sampling_offsets, self.attention_weights
        del self.sampling_offsets, self.attention_weights
        self._sizes = (4, 2)

    def forward(self, z, anchors, memory, sizes):
        heads, points = self._sizes
        shape = (*z.shape[:2], heads, len(sizes), points)
        weights = F.softmax(self.how_much(z).view(*z.shape[:2], heads, -1), -1).view(shape)
        locations = locations_of(anchors, self.where(z).view(*shape, 2), sizes, points)
        value = self.value_proj(memory).unflatten(2, (heads, -1))
        return self.output_proj(ms_deform_attn(value, sizes, locations, weights))
