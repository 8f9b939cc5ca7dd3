"""From a subject to a derivation and what is seen of it, by what the derivation follows."""

from collections.abc import Callable
from dataclasses import replace

from deformviz.models.detr import DETR
from deformviz.systems.system import referred
from deformviz.walkthrough.derivation import ANY_LAYER, DECODER, GRID, NUMBERS
from deformviz.walkthrough.follow_dense import follow_dense
from deformviz.walkthrough.follow_grid import follow_grid
from deformviz.walkthrough.follow_layer import follow_layer
from deformviz.walkthrough.follow_toy import follow_toy
from deformviz.walkthrough.followed import Followed
from deformviz.walkthrough.passes import Material
from deformviz.walkthrough.subject import Subject


def follow(subject: Subject, material: Material | None = None) -> Followed:
    """The derivation somebody asked for.

    Args:
        material: picture and model; None where neither is needed: for numbers and the toy.

    Raises:
        ValueError: the picture or the model cannot be used, or is missing.
    """
    if not subject.record.mistakes:  # what was broken elsewhere stays there
        subject = replace(subject, mistake="")
    if subject.is_toy:
        return follow_toy(subject)
    if subject.record.follows == NUMBERS:
        return Followed(subject, referred(subject.record.work_out)(subject))
    if material is None:
        raise ValueError(f"{subject.derivation} follows a model on a picture; none was given.")
    if subject.record.follows_the_detector and isinstance(model := material.model(), DETR):
        return follow_dense(subject, material, model)
    return FOLLOWERS[subject.record.follows](subject, material)


FOLLOWERS: dict[str, Callable[[Subject, Material], Followed]] = {
    ANY_LAYER: follow_layer,
    DECODER: follow_layer,
    GRID: follow_grid,
}
