"""Mistakes people make with deformable attention, as switches on a private copy of a model.

Each mistake is a function in the place of the right one. Nothing global changes: other people's
models keep their own formulas.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MethodType

import torch
from torch import Tensor

from deformviz.attention.deformable import Formulas, MultiScaleDeformableAttention
from deformviz.attention.reference import offset_normaliser, sampling_locations
from deformviz.models.decoder import Memory
from deformviz.models.deformable_detr import DeformableDETR
from deformviz.walkthrough.observe import attention_layers, private_copy


def locations_as_yx(references: Tensor, sampling_offsets: Tensor, spatial_shapes) -> Tensor:
    """Right locations, handed on as (y, x): the picture is mirrored along its diagonal."""
    return sampling_locations(references, sampling_offsets, spatial_shapes).flip(-1)


def locations_by_height_and_width(
    references: Tensor, sampling_offsets: Tensor, spatial_shapes
) -> Tensor:
    """Offsets divided by (H, W) instead of (W, H); boxes have no such normaliser."""
    if references.shape[-1] == 4:
        return sampling_locations(references, sampling_offsets, spatial_shapes)
    normaliser = offset_normaliser(spatial_shapes, sampling_offsets).flip(-1)
    return references[:, :, None, :, None, :] + sampling_offsets / normaliser[:, None, :]


def locations_aligned(references: Tensor, sampling_offsets: Tensor, spatial_shapes) -> Tensor:
    """Where grid_sample reads with align_corners=True: pixel p (W - 1) instead of p W - 0.5."""
    locations = sampling_locations(references, sampling_offsets, spatial_shapes)
    size = offset_normaliser(spatial_shapes, locations)[:, None, :]
    return (locations * (size - 1) + 0.5) / size


def locations_clamped(references: Tensor, sampling_offsets: Tensor, spatial_shapes) -> Tensor:
    """Where grid_sample reads with padding_mode="border": points outside move to the edge."""
    locations = sampling_locations(references, sampling_offsets, spatial_shapes)
    half = 0.5 / offset_normaliser(spatial_shapes, locations)[:, None, :]
    return locations.clamp(half, 1 - half)


def locations_without_half(references: Tensor, sampling_offsets: Tensor, spatial_shapes) -> Tensor:
    """Pixel = p W, the -0.5 forgotten: everything is read half a pixel further down and right."""
    locations = sampling_locations(references, sampling_offsets, spatial_shapes)
    return locations + 0.5 / offset_normaliser(spatial_shapes, locations)[:, None, :]


def weights_per_level(raw: Tensor, heads: int, levels: int, points: int) -> Tensor:
    """Softmax over the points of each level alone: the weights of a head sum to L."""
    return raw.unflatten(-1, (heads, levels, points)).softmax(-1)


def keep_padding(value: Tensor, padding_mask: Tensor | None) -> Tensor:
    """The mask forgotten: padding holds the bias of the projection, and what was computed there."""
    return value


def _with(**formulas: Callable) -> Callable[[DeformableDETR], None]:
    def exchange(model: DeformableDETR) -> None:
        for module in attention_layers(model).values():
            module.formulas = replace(module.formulas, **formulas)

    return exchange


def forget_valid_ratios(model: DeformableDETR) -> None:
    """References of the un-padded picture taken for references of the padded one."""

    def encode(transformer, maps, masks, watch) -> Memory:
        memory = type(transformer).encode(transformer, maps, masks, watch)
        return replace(memory, valid_ratios=torch.ones_like(memory.valid_ratios))

    # Bound, so that a copy of the model gets a method of its own and runs its own layers.
    model.transformer.encode = MethodType(encode, model.transformer)


@dataclass(frozen=True)
class Mistake:
    """One switch: what to exchange in a copy of a model, and when it can be seen."""

    name: str
    apply: Callable[[DeformableDETR], None]
    formula: Callable  # what runs instead, for its source
    needs_padding: bool = False  # only a padded picture shows it


MISTAKES = {
    mistake.name: mistake
    for mistake in (
        Mistake("swap_xy", _with(sampling_locations=locations_as_yx), locations_as_yx),
        Mistake(
            "swap_hw",
            _with(sampling_locations=locations_by_height_and_width),
            locations_by_height_and_width,
        ),
        Mistake("align_corners", _with(sampling_locations=locations_aligned), locations_aligned),
        Mistake("border_padding", _with(sampling_locations=locations_clamped), locations_clamped),
        Mistake(
            "softmax_over_points", _with(normalise_weights=weights_per_level), weights_per_level
        ),
        Mistake(
            "forget_valid_ratios", forget_valid_ratios, forget_valid_ratios, needs_padding=True
        ),
        Mistake(
            "forget_padding_mask", _with(mask_value=keep_padding), keep_padding, needs_padding=True
        ),
        Mistake(
            "forget_half", _with(sampling_locations=locations_without_half), locations_without_half
        ),
    )
}


def broken(model: DeformableDETR, mistake: str) -> DeformableDETR:
    """A private copy of the model that makes the mistake; the model itself stays right.

    Raises:
        KeyError: no such mistake.
    """
    if mistake not in MISTAKES:
        raise KeyError(f"No mistake {mistake!r}; there are {', '.join(MISTAKES)}.")
    copied = private_copy(model)
    MISTAKES[mistake].apply(copied)
    return copied


def broken_module(
    module: MultiScaleDeformableAttention, **formulas: Callable
) -> MultiScaleDeformableAttention:
    """A private copy of one layer with other formulas."""
    copied = private_copy(module)
    copied.formulas = Formulas(**formulas)
    return copied
