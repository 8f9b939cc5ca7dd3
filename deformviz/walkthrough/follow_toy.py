"""The toy for a pencil, right, broken or changed, as one query meets it."""

from dataclasses import replace

import torch

from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.schema import AttentionTrace, ImageFrame
from deformviz.systems.system import referred
from deformviz.walkthrough.asked import Asked
from deformviz.walkthrough.breaking import broken_layer
from deformviz.walkthrough.follow_layer import apart_from_lines
from deformviz.walkthrough.followed import Followed
from deformviz.walkthrough.mistakes import ENCODING, MISTAKES
from deformviz.walkthrough.observe import AttentionInputs, private_copy
from deformviz.walkthrough.sight import Sight
from deformviz.walkthrough.subject import Subject
from deformviz.walkthrough.toy import toy_inputs, toy_module
from deformviz.walkthrough.what_if import edit_module, edit_of
from deformviz.words import say

FRAME = ImageFrame(original_hw=(48, 48), resized_hw=(48, 48), padded_hw=(48, 64))
LAST = 1  # of two heads, two levels, two points


@torch.no_grad()
def follow_toy(subject: Subject) -> Followed:
    """The derivation with the toy's numbers; its one query is the first."""
    subject = replace(
        subject,
        query=0,
        head=min(subject.head, LAST),
        level=min(subject.level, LAST),
        point=min(subject.point, LAST),
        layer="toy",
    )
    module, inputs = _version(subject)
    trace = _trace(module, inputs)
    asked = Asked(module, inputs, trace, 0, subject.head, subject.level, subject.point)
    before = Sight(_trace(toy_module(), toy_inputs()), FRAME, say("sight.right"))
    sight = Sight(trace, FRAME, say(f"sight.{subject.version or 'toy'}"))
    worked = referred(subject.record.work_out)(asked)
    return Followed(
        subject,
        worked,
        sight,
        before if subject.is_changed else None,
        ("toy",),
        1,
        (2, 2, 2),
        drawn_apart=apart_from_lines(asked, worked, sight),
    )


def _version(subject: Subject) -> tuple[MultiScaleDeformableAttention, AttentionInputs]:
    """The layer with its mistake or change, and what it reads."""
    module, inputs = toy_module(), toy_inputs()
    if subject.mistake and MISTAKES[subject.mistake].exchanges == ENCODING:
        return module, replace(inputs, references=torch.full_like(inputs.references, 0.5))
    if subject.mistake:
        return broken_layer(module, MISTAKES[subject.mistake]), inputs
    if subject.is_changed:
        module = private_copy(module)
        edit_module(module, edit_of(subject))
    return module, inputs


def _trace(module: MultiScaleDeformableAttention, inputs: AttentionInputs) -> AttentionTrace:
    _, trace = module(
        inputs.query,
        inputs.references,
        inputs.value_input,
        inputs.spatial_shapes,
        inputs.padding_mask,
    )
    return trace.image(0)
