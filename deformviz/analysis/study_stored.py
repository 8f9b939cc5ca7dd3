"""Study the surest answer of every picture of a store, so that pages show it at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from deformviz.analysis.attribution_grid import ClassLogit, hold_grids
from deformviz.analysis.attribution_targets import Target, hold
from deformviz.analysis.layers_studied import MOST_STEPS, LayersStudied
from deformviz.analysis.study_layers import study_layers
from deformviz.analysis.study_store import surest, write_study
from deformviz.models.dat import DAT
from deformviz.tracing.pictures import read_picture
from deformviz.tracing.store import StoredTrace, read_index
from deformviz.tracing.store_proofs import picture_of

DECODER, STAGES = "decoder", "stages"  # the part that is asked first, by kind of model


def study_stored(
    model: Any, stored: StoredTrace, picture: Path, *, most_steps: int | None = None
) -> tuple[LayersStudied, str] | None:
    """The study of a stored trace's surest answer, and the part of the model it is about.

    None for a picture on which nothing was found.
    """
    asked = surest(stored)
    if asked is None:
        return None
    if isinstance(model, DAT):
        part, held = STAGES, hold_grids(model, read_picture(picture))
        target: Any = ClassLogit(asked.label)
    else:
        part, held = DECODER, hold(model, read_picture(picture))
        target = Target(asked.query, asked.label, "")
    steps = MOST_STEPS[part] if most_steps is None else most_steps
    return study_layers(held, target, part, most_steps=steps), part


def store_studies(
    model: Any,
    store: Path,
    images: Path,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, float]:
    """Study every picture of a store and lay what is found beside its trace.

    Args:
        model: the one the store was made with.
        images: the folder of the pictures, under the names of the store's.

    Returns the largest completeness error of each picture.
    """
    errors, index = {}, read_index(store)
    for done, stored in enumerate(index, 1):
        if (found := study_stored(model, stored, picture_of(stored, images))) is not None:
            write_study(stored, *found)
            worth = found[0].study.attributions.values()
            errors[stored.name] = max(one.completeness_error for one in worth)
        if on_progress is not None:
            on_progress(done, len(index))
    return errors
