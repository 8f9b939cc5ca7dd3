"""From what hooks heard during one call of a deformable attention to the fields of its trace.

Locations and weights are those the module handed to its core where it has one, else they are made
from its own projections by the paper's formulas, in the module's own precision and order. Either
way `proof` compares what follows from them with what the module returned.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from deformviz.attention.reference import mask_value, split_heads
from deformviz.geometry import shapes_list
from deformviz.schema import AttentionTrace, UnequalAttentionTrace
from deformviz.tracing.adapters import Parts


class Unreadable(ValueError):
    """A call cannot be read; the message says why, for the list of skipped layers."""


@dataclass
class Call:
    """What was heard of one call, tensor by tensor, as the module had it."""

    arguments: Mapping[str, Any]
    query: Tensor | None = None
    raw_offsets: Tensor | None = None
    raw_weights: Tensor | None = None
    projected: Tensor | None = None  # by the value projection
    core: Mapping[str, Any] = field(default_factory=dict)
    returned: Any = None


def read_call(parts: Parts, call: Call) -> AttentionTrace:
    """The batched trace of one call, on the module's device.

    Raises:
        Unreadable: an argument is missing, or sizes do not fit together.
    """
    if call.raw_offsets is None or call.raw_weights is None:
        raise Unreadable("its offset and weight layers were not called in this pass.")
    shapes = _shapes(parts, call)
    value, padding = _value(parts, call, shapes)
    heads = value.shape[2]
    samples = call.raw_weights.shape[-1] // heads
    counts = _points_per_level(parts, call, samples, len(shapes))
    references = _references(parts, call, len(shapes))
    offsets = call.raw_offsets.reshape(*call.raw_offsets.shape[:2], heads, samples, 2)
    heard = _heard(call.core)
    weights = heard.get("weights")
    if weights is None:
        weights = call.raw_weights.reshape(offsets.shape[:-1]).softmax(-1)
    locations = heard.get("locations")
    if locations is None:
        locations = _locations(references, offsets, shapes, counts, parts.box_scale)
    arrays = {
        "sampling_offsets": offsets,
        "sampling_locations": locations.reshape(offsets.shape),
        "attention_weights": weights.reshape(offsets.shape[:-1]),
    }
    return trace_of_samples(
        arrays,
        references,
        shapes,
        counts,
        value=value,
        query=call.query,
        output=_output(parts, call),
        padding_mask=padding,
        sampling="nearest" if parts.nearest else "bilinear",
    )


def trace_of_samples(
    arrays: dict[str, Tensor],
    references: Tensor,
    shapes: list[tuple[int, int]],
    counts: tuple[int, ...],
    **fields: Any,
) -> AttentionTrace:
    """A trace of what is known by sample, with equal or unequal numbers of points per level.

    Args:
        arrays: [batch query head sample ...], samples in the order of their levels.
        references: [batch query level xy] or [batch query level cxcywh], normalised.
        shapes: (height, width) of each level.
        counts: points of each level.
        fields: further ones of the trace.
    """
    unequal = len(set(counts)) > 1
    if not unequal:
        arrays = {
            name: array.unflatten(3, (len(shapes), counts[0])) for name, array in arrays.items()
        }
    are_points = references.shape[-1] == 2
    return (UnequalAttentionTrace if unequal else AttentionTrace)(
        **arrays,
        spatial_shapes=torch.tensor(shapes),
        reference_points=references if are_points else None,
        reference_boxes=None if are_points else references,
        points_per_level=counts,
        **fields,
    )


def _heard_offsets(call: Call) -> Tensor:
    """What the layer of the offsets said."""
    if call.raw_offsets is None:
        raise Unreadable("its layer of offsets was not called.")
    return call.raw_offsets


def _output(parts: Parts, call: Call) -> Tensor:
    """What the module made of its samples [batch query embedding].

    mmcv's and detrex' module takes its queries first unless `batch_first`, and adds the residual
    itself; both are undone.
    """
    returned = call.returned
    output = returned[0] if isinstance(returned, (tuple, list)) else returned
    if not isinstance(output, Tensor):
        raise Unreadable(f"it returned {type(output).__name__}, not a tensor.")
    if "identity" in call.arguments:
        residual = call.arguments["identity"]
        output = output - (call.arguments["query"] if residual is None else residual)
    batch, queries = _heard_offsets(call).shape[:2]
    first = getattr(parts.module, "batch_first", output.shape[0] == batch)
    return output if first else output.transpose(0, 1)


def _heard(core: Mapping[str, Any]) -> dict[str, Tensor]:
    """Value, locations and weights among the arguments of a core, whatever they are called."""
    found = {}
    for name, given in core.items():
        if isinstance(given, Tensor):
            for wanted in ("location", "weight"):
                if wanted in name:
                    found[f"{wanted}s"] = given
            if name.startswith("value") and given.dim() == 4:
                found["value"] = given
    return found


def _given(call: Call, names: tuple[str, ...]) -> Any:
    """The first of these arguments that is not None."""
    return next((g for n in names if (g := call.arguments.get(n)) is not None), None)


def _shapes(parts: Parts, call: Call) -> list[tuple[int, int]]:
    given = _given(call, parts.shapes)
    if given is None:
        given = next((g for n, g in call.core.items() if "shapes" in n and g is not None), None)
    if given is None:
        raise Unreadable("the sizes of its levels were not passed; declare an Adapter(shapes=).")
    return shapes_list(given)


def _value(parts: Parts, call: Call, shapes: list) -> tuple[Tensor, Tensor | None]:
    """The value as it was sampled [batch pixel head channel], and its padding [batch pixel]."""
    pixels = sum(height * width for height, width in shapes)
    mask = next(
        (
            given.reshape(given.shape[0], -1)
            for name in parts.mask
            if isinstance(given := call.arguments.get(name), Tensor)
            and given.dim() in (2, 3)
            and given[0].numel() == pixels
        ),
        None,
    )
    padding = _padding(mask)
    heard = _heard(call.core).get("value")
    if heard is not None:
        return heard, padding
    value = call.projected
    if value is None:
        value = joined_value(call.arguments.get(parts.value or ""), len(_heard_offsets(call)))
    if value.dim() == 3:
        if parts.heads is None or value.shape[2] % parts.heads:
            raise Unreadable(f"its value has {value.shape[2]} channels for {parts.heads} heads.")
        value = split_heads(mask_value(value, padding), parts.heads)
    if value.shape[1] != pixels:
        raise Unreadable(f"its value has {value.shape[1]} pixels, its levels {pixels}.")
    return value, padding


def _padding(mask: Tensor | None) -> Tensor | None:
    """True = padding, whichever of the two conventions `mask` follows.

    Pictures are padded at the bottom and right, so the first pixel of a level is never padding.
    """
    if mask is None or mask.is_floating_point() and not set(mask.unique().tolist()) <= {0.0, 1.0}:
        return None
    mask = mask.bool()
    return ~mask if bool(mask[:, 0].all()) else mask


def joined_value(value: Any, batch: int) -> Tensor:
    """A value that comes as it is sampled, [batch pixel head channel] or [batch pixel channel].

    One tensor per level is [batch head channel pixel], as in D-FINE, or [(batch head) channel
    height width], as in its successors.
    """
    if isinstance(value, (list, tuple)) and value and all(v.dim() == 4 for v in value):
        if len(value[0]) != batch:
            value = [level.flatten(2).unflatten(0, (batch, -1)) for level in value]
        return torch.cat([level.movedim(3, 1) for level in value], dim=1)
    if not isinstance(value, Tensor):
        raise Unreadable("the value it samples was not passed; declare an Adapter(value=).")
    return value


def _points_per_level(parts: Parts, call: Call, samples: int, levels: int) -> tuple[int, ...]:
    counts = parts.points
    listed = next((g for n, g in call.core.items() if "points_list" in n), None)
    if listed is not None:
        counts = tuple(int(count) for count in listed)
    if counts is None or isinstance(counts, int):
        if samples % levels:
            raise Unreadable(
                f"its heads have {samples} samples, which {levels} levels cannot share equally; "
                "declare an Adapter(points=)."
            )
        return (samples // levels,) * levels
    if len(counts) != levels or sum(counts) != samples:
        raise Unreadable(f"it names {counts} points per level for {samples} samples.")
    return counts


def _references(parts: Parts, call: Call, levels: int) -> Tensor:
    """References with a level axis; one level shared by all is repeated, not padded."""
    references = call.arguments.get(parts.references)
    if not isinstance(references, Tensor) or references.shape[-1] not in (2, 4):
        raise Unreadable(
            f"its argument {parts.references!r} is no tensor [.. xy] or [.. cxcywh]; declare an "
            "Adapter(references=)."
        )
    if references.dim() == 3:
        references = references[:, :, None]
    batch, queries = _heard_offsets(call).shape[:2]
    if references.dim() != 4 or references.shape[2] not in (1, levels):
        raise Unreadable(f"its references have the shape {tuple(references.shape)}.")
    return references.expand(batch, queries, levels, -1)


def _locations(references, offsets, shapes, counts, box_scale) -> Tensor:
    """Eq. 3's φ_l(p_q) + Δp for samples in a row, and its form for boxes."""
    level = [index for index, count in enumerate(counts) for _ in range(count)]
    start = references[:, :, None, level]
    if start.shape[-1] == 2:
        sizes = offsets.new_tensor([(shapes[i][1], shapes[i][0]) for i in level])
        return start + offsets / sizes
    per_level = offsets.new_tensor([counts[i] for i in level])[:, None]
    return start[..., :2] + offsets / per_level * start[..., 2:] * box_scale
