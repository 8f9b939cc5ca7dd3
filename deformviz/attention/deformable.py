"""The modules: multi-scale deformable attention (Eq. 3) and its single-scale case (Eq. 2)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from deformviz.attention.op import ms_deform_attn, ms_deform_attn_fused
from deformviz.attention.reference import (
    mask_value,
    normalise_weights,
    sampling_locations,
    split_heads,
    split_offsets,
    star_offsets,
)
from deformviz.axes import ShapeError, check_shape
from deformviz.geometry import shapes_list
from deformviz.schema import AttentionTrace

OFFSET_STARTS = ("star", "zero", "random")


@dataclass(frozen=True)
class Formulas:
    """Steps of Eq. 3 that one module may do differently, so that it can be taught with.

    A module keeps its own set; exchanging it changes no other module and no global name.
    """

    mask_value: Callable[..., Tensor] = mask_value
    normalise_weights: Callable[..., Tensor] = normalise_weights
    sampling_locations: Callable[..., Tensor] = sampling_locations


class MultiScaleDeformableAttention(nn.Module):
    """MSDeformAttn(z_q, p_q, {x^l}) of Deformable DETR, Eq. 3.

    Parameters carry the names of the published checkpoints: `sampling_offsets`,
    `attention_weights`, `value_proj`, `output_proj`.
    """

    def __init__(
        self,
        channels: int = 256,
        heads: int = 8,
        levels: int = 4,
        points: int = 4,
        *,
        offset_start: str = "star",
        backend: str = "auto",
    ):
        """
        Args:
            channels: width of queries and values, divisible by `heads`.
            heads, levels, points: M, L and K of the paper.
            offset_start: initial `sampling_offsets`: "star" (the paper's), "zero", "random".
            backend: which implementation of the op to use, see `ms_deform_attn`.

        Raises:
            ValueError: sizes do not fit together, or `offset_start` is not known.
        """
        super().__init__()
        if min(channels, heads, levels, points) < 1 or channels % heads:
            raise ValueError(
                f"channels must be a positive multiple of heads, and heads, levels and points at "
                f"least 1; got channels={channels}, heads={heads}, levels={levels}, "
                f"points={points}."
            )
        if offset_start not in OFFSET_STARTS:
            raise ValueError(f"offset_start must be one of {OFFSET_STARTS}, got {offset_start!r}.")
        self.heads, self.levels, self.points = heads, levels, points
        self.backend = backend
        self.formulas = Formulas()
        self.sampling_offsets = nn.Linear(channels, heads * levels * points * 2)
        self.attention_weights = nn.Linear(channels, heads * levels * points)
        self.value_proj = nn.Linear(channels, channels)
        self.output_proj = nn.Linear(channels, channels)
        self.initialise(offset_start)

    @torch.no_grad()
    def initialise(self, offset_start: str = "star") -> None:
        """The start of training: offsets ignore the query, weights are uniform (1/LK)."""
        nn.init.zeros_(self.sampling_offsets.weight)
        nn.init.zeros_(self.sampling_offsets.bias)
        if offset_start == "star":
            star = star_offsets(self.heads, self.levels, self.points)
            self.sampling_offsets.bias.copy_(star.flatten())
        elif offset_start == "random":
            nn.init.uniform_(self.sampling_offsets.bias, -self.points, self.points)
        nn.init.zeros_(self.attention_weights.weight)
        nn.init.zeros_(self.attention_weights.bias)
        for projection in (self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(projection.weight)
            nn.init.zeros_(projection.bias)

    def forward(
        self,
        query: Tensor,
        references: Tensor,
        value_input: Tensor,
        spatial_shapes,
        padding_mask: Tensor | None = None,
        *,
        traced: bool = True,
    ) -> tuple[Tensor, AttentionTrace | None]:
        """Attend from every query to `points` samples per head and level.

        Args:
            query: z_q with its position added [batch query embedding].
            references: p_q [batch query level xy] or boxes [batch query level cxcywh],
                normalised to the padded image, valid ratios applied.
            value_input: x [batch pixel embedding], levels one after another.
            spatial_shapes: (H_l, W_l) [level hw], tensor or pairs.
            padding_mask: [batch pixel], True = padding.
            traced: whether to keep a trace; without one, locations and weights are never
                written to memory, and the result is the same up to rounding.

        Returns:
            output [batch query embedding] after `output_proj` (no residual), and the trace, or
            None in its place.
        """
        self._check(query, references, value_input, spatial_shapes, padding_mask)
        projected = self.formulas.mask_value(self.value_proj(value_input), padding_mask)
        value = split_heads(projected, self.heads)
        sizes = self.heads, self.levels, self.points
        offsets = split_offsets(self.sampling_offsets(query), *sizes)
        logits = self.attention_weights(query)
        if not traced and self.formulas == Formulas():
            attended = ms_deform_attn_fused(
                value,
                spatial_shapes,
                references,
                offsets,
                logits.view(offsets.shape[:-1]),
                backend=self.backend,
            )
            return self.output_proj(attended), None
        weights = self.formulas.normalise_weights(logits, *sizes)
        locations = self.formulas.sampling_locations(references, offsets, spatial_shapes)
        attended = ms_deform_attn(value, spatial_shapes, locations, weights, backend=self.backend)
        output = self.output_proj(attended)
        if not traced:
            return output, None
        are_points = references.shape[-1] == 2
        return output, AttentionTrace(
            spatial_shapes=torch.as_tensor(shapes_list(spatial_shapes)),
            sampling_offsets=offsets,
            sampling_locations=locations,
            attention_weights=weights,
            reference_points=references if are_points else None,
            reference_boxes=None if are_points else references,
            value=value,
            query=query,
            output=output,
        )

    def _check(self, query, references, value_input, spatial_shapes, padding_mask) -> None:
        channels = self.output_proj.in_features
        sizes = check_shape("query", query.shape, "batch query channel", {"channel": channels})
        sizes = check_shape("value_input", value_input.shape, "batch pixel channel", sizes)
        last = "xy" if references.shape[-1] == 2 else "cxcywh"
        known = {"batch": sizes["batch"], "query": sizes["query"], "level": self.levels}
        check_shape("references", references.shape, f"batch query level {last}", known)
        shapes = shapes_list(spatial_shapes)
        pixels = sum(height * width for height, width in shapes)
        if len(shapes) != self.levels or pixels != sizes["pixel"]:
            raise ShapeError(
                f"spatial_shapes {shapes} has {len(shapes)} levels and {pixels} pixels; expected "
                f"{self.levels} levels, and {sizes['pixel']} pixels as value_input has."
            )
        if padding_mask is not None:
            check_shape("padding_mask", padding_mask.shape, "batch pixel", sizes)


class DeformableAttention(MultiScaleDeformableAttention):
    """DeformAttn(z_q, p_q, x) of Deformable DETR, Eq. 2: one level."""

    def __init__(self, channels: int = 256, heads: int = 8, points: int = 4, **options):
        super().__init__(channels, heads, levels=1, points=points, **options)

    def forward(self, query, references, value_map, padding_mask=None, *, traced=True):
        """Like the multi-scale module on a single map.

        query [batch query embedding], references [batch query xy] or [batch query cxcywh],
        value_map [batch height width embedding], padding_mask [batch height width].
        """
        shape = [tuple(value_map.shape[1:3])]
        mask = None if padding_mask is None else padding_mask.flatten(1)
        return super().forward(
            query, references[:, :, None], value_map.flatten(1, 2), shape, mask, traced=traced
        )
