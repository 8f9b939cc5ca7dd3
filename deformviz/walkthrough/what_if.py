"""Change what one layer decides for a query, and let the real model go on from there."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.models.deformable_detr import DeformableDETR
from deformviz.models.watch import OnLayer
from deformviz.walkthrough.change import Change, Location, Sample
from deformviz.walkthrough.observe import Observation, attention_of, observe, private_copy
from deformviz.walkthrough.subject import Subject


@dataclass(frozen=True)
class Edit:
    """What to change in one deformable attention layer.

    Raises:
        ValueError: a factor that has no meaning.
    """

    layer: str  # "encoder.0", .. "decoder.0", ..
    query: int | None = None  # None: every query of the layer
    offset_scale: float = 1.0
    moved: tuple[tuple[Sample, Location], ...] = ()  # samples dragged to another place
    sharpness: float = 1.0  # factor of the logits; 0: all equal
    dropped_heads: tuple[int, ...] = ()  # contribute nothing
    dropped_levels: tuple[int, ...] = ()  # as if their logits were -infinity
    reference_shift_xy: Location = (0.0, 0.0)  # normalised to the padded picture

    def __post_init__(self):
        if not 0 <= self.sharpness <= 100:
            raise ValueError(f"sharpness is {self.sharpness}; it must lie between 0 and 100.")
        if not abs(self.offset_scale) <= 100:
            raise ValueError(f"offset_scale is {self.offset_scale}; at most 100 either way.")

    @property
    def changes_nothing(self) -> bool:
        """Whether this is the layer as it is."""
        return self == Edit(self.layer, self.query)


def edit_of(subject: Subject) -> Edit:
    """The subject's "what if" as an edit of its layer, for its query."""
    change = subject.change if subject.can_edit else Change()
    return Edit(subject.layer, subject.query, **vars(change))


def edited(model: DeformableDETR, edit: Edit) -> DeformableDETR:
    """A private copy of the model whose layer is edited; the model itself stays as it is.

    Raises:
        KeyError: the model has no such layer.
        ValueError: the edit names a head, level or point the layer does not have.
    """
    copied = private_copy(model)
    edit_module(attention_of(copied, edit.layer), edit)
    return copied


def go_on(seen: Observation, edit: Edit, on_layer: OnLayer | None = None) -> Observation:
    """The model's own answer to an edit: it runs again from the edited layer on.

    What lies before that layer is taken from `seen`, a pass of the model as it is; the result is
    that of a whole pass of `edited`, number for number.
    """
    return observe(
        edited(seen.model, edit), seen.images, known=seen, start=edit.layer, on_layer=on_layer
    )


def asked_alone(module: MultiScaleDeformableAttention, edit: Edit) -> MultiScaleDeformableAttention:
    """A private copy of the layer, edited, to be asked by the edit's query and no other.

    In a derivation the query is the only one, wherever it stood among all.
    """
    copied = private_copy(module)
    edit_module(copied, replace(edit, query=None))
    return copied


def edit_module(module: MultiScaleDeformableAttention, edit: Edit) -> None:
    """Exchange the formulas of a module for edited ones."""
    _check(module, edit)
    right = module.formulas
    module.formulas = replace(
        right,
        sampling_locations=_edited_locations(edit, right.sampling_locations),
        normalise_weights=_edited_weights(edit, right.normalise_weights),
    )


def _edited_locations(edit: Edit, locate: Callable[..., Tensor]) -> Callable[..., Tensor]:
    rows = _rows(edit)

    def sampling_locations(references, sampling_offsets, spatial_shapes) -> Tensor:
        """The layer's own locations, with this query's offsets scaled, moved or dragged."""
        references, sampling_offsets = references.clone(), sampling_offsets.clone()
        references[:, rows, :, :2] += references.new_tensor(edit.reference_shift_xy)
        sampling_offsets[:, rows] *= edit.offset_scale
        locations = locate(references, sampling_offsets, spatial_shapes)
        for (head, level, point), location in edit.moved:
            locations[:, rows, head, level, point] = locations.new_tensor(location)
        return locations

    return sampling_locations


def _edited_weights(edit: Edit, normalise: Callable[..., Tensor]) -> Callable[..., Tensor]:
    rows = _rows(edit)

    def normalise_weights(raw, heads, levels, points) -> Tensor:
        """The layer's own weights, with this query's sharpened and its dropped parts at zero."""
        weights = normalise(raw, heads, levels, points).clone()
        mine = weights[:, rows] ** edit.sharpness
        mine[:, :, :, list(edit.dropped_levels)] = 0.0
        total = mine.sum((-2, -1), keepdim=True)
        mine = torch.where(total > 0, mine / total, mine)
        mine[:, :, list(edit.dropped_heads)] = 0.0
        weights[:, rows] = mine
        return weights

    return normalise_weights


def _rows(edit: Edit) -> slice:
    return slice(None) if edit.query is None else slice(edit.query, edit.query + 1)


def _check(module: MultiScaleDeformableAttention, edit: Edit) -> None:
    sizes = {"head": module.heads, "level": module.levels, "point": module.points}
    named = [("head", head) for head in edit.dropped_heads]
    named += [("level", level) for level in edit.dropped_levels]
    for sample, _ in edit.moved:
        named += zip(sizes, sample, strict=True)
    for axis, index in named:
        if not 0 <= index < sizes[axis]:
            raise ValueError(
                f"{edit.layer} has {sizes[axis]} on axis {axis!r}; {axis} {index} does not exist."
            )
