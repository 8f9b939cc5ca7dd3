"""Mistakes people make with deformable attention, as switches on a private copy of a model.

Each mistake is a function in the place of the right one. Nothing global changes: other people's
models keep their own formulas. `mistakes` lists them.
"""

from dataclasses import replace
from types import MethodType

import torch
from torch import Tensor

from deformviz.attention.deformable import Formulas, MultiScaleDeformableAttention
from deformviz.attention.reference import offset_normaliser, sampling_locations
from deformviz.models.decoder import Memory
from deformviz.models.deformable_detr import DeformableDETR
from deformviz.models.parts import attention_layers, private_copy
from deformviz.systems.system import referred
from deformviz.walkthrough.mistakes import ENCODING, Mistake


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


def forget_valid_ratios(model: DeformableDETR) -> None:
    """References of the un-padded picture taken for references of the padded one."""

    def encode(transformer, maps, masks, watch) -> Memory:
        memory = type(transformer).encode(transformer, maps, masks, watch)
        return replace(memory, valid_ratios=torch.ones_like(memory.valid_ratios))

    # Bound, so that a copy of the model gets a method of its own and runs its own layers.
    model.transformer.encode = MethodType(encode, model.transformer)


def broken(model: DeformableDETR, mistake: Mistake) -> DeformableDETR:
    """A private copy of the model that makes the mistake; the model itself stays right."""
    copied = private_copy(model)
    if mistake.exchanges == ENCODING:
        referred(mistake.formula)(copied)
        return copied
    for module in attention_layers(copied).values():
        exchange = {mistake.exchanges: referred(mistake.formula)}
        module.formulas = replace(module.formulas, **exchange)
    return copied


def broken_layer(
    module: MultiScaleDeformableAttention, mistake: Mistake
) -> MultiScaleDeformableAttention:
    """A private copy of one layer that makes the mistake, a formula of the layer."""
    copied = private_copy(module)
    copied.formulas = Formulas(**{mistake.exchanges: referred(mistake.formula)})
    return copied
