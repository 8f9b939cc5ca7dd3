"""What an answer rests on: studies of one detection or class, ready to be drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from app.tasks.models import load_model
from app.tasks.pictures import Seen, budget_bytes
from app.worker import Task, option
from deformviz.analysis.attribution_records import PixelAttribution
from deformviz.analysis.layers_studied import PIXELS, LayersStudied
from deformviz.words import say


@dataclass(frozen=True)
class Asked:
    """Which number of which detection or class, and in which part of the model."""

    query: int  # 0 for a class of the whole picture
    label: int
    side: str  # "" for the class score
    part: str  # "decoder", "encoder", "stages" or PIXELS
    of_grids: bool = False  # the model is a DAT, and its class logit is asked
    most_steps: int = 512  # of a path


@dataclass(frozen=True, eq=False)
class PixelsStudied:
    """The worth of pixels by every method."""

    pixels: tuple[PixelAttribution, ...]


Answer = LayersStudied | PixelsStudied


def study(task: Task, seen: Seen, path: str, stamp: int, asked: Asked) -> Answer:
    """What one question costs; `task` tells how far it is, in per cent."""
    from deformviz.analysis.attribution_grid import ClassLogit, hold_grids
    from deformviz.analysis.attribution_targets import Target, hold
    from deformviz.analysis.study_layers import study_layers
    from deformviz.tracing.look import is_ours
    from deformviz.tracing.pictures import read_picture

    task.report("loading the model")
    model = load_model(path, stamp)
    if not is_ours(model):
        raise ValueError(say("foreign.attribution"))
    task.report("looking at the picture")
    picture = read_picture(seen.data, name=seen.title)
    _price(model.config, picture.shape[:2], asked)
    if asked.of_grids:
        held, target = hold_grids(model, picture), ClassLogit(asked.label)
    else:
        held = hold(model, picture)
        target = Target(asked.query, asked.label, asked.side)

    def on_step(done: int, count: int) -> None:
        task.report("weighing", done, count)

    if asked.part == PIXELS:
        return _pixels(held, target, asked, on_step)
    return study_layers(held, target, asked.part, most_steps=asked.most_steps, on_step=on_step)


def _price(config: Any, picture_hw: tuple[int, int], asked: Asked) -> None:
    """Refuse a study that would take more than it may, before the model runs. Raises TooLarge."""
    from deformviz.analysis import price

    layers = {"decoder": "decoder_layers", "encoder": "encoder_layers"}.get(asked.part)
    count = getattr(config, layers) if layers else 1
    if asked.part == "stages":
        count = sum(len(stage.blocks) for stage in config.stages)
    once = price.price_of(config, picture_hw)
    price.check(
        price.price_of_study(once, part=asked.part, layers=count),
        memory_bytes=2 * budget_bytes(),  # a way back keeps what the way forward has made
        seconds=option("DEFORMVIZ_BUDGET_STUDY_S", 3600),
        what="a study",
    )


def _pixels(held: Any, target: Any, asked: Asked, on_step: Any) -> PixelsStudied:
    from deformviz.analysis.attribution_pixels import (
        PIXEL_METHODS,
        attribute_pixels,
        classifier_question,
        detector_question,
    )

    question = (
        classifier_question(held.model, held.pixels, target.label)
        if asked.of_grids
        else detector_question(held, target)
    )
    height, width = held.frame.resized_hw  # a DAT sees the picture on a square
    found = []
    for place, method in enumerate(PIXEL_METHODS):

        def within(done: int, count: int, place: int = place) -> None:
            on_step(int(100 * (place + done / count) / len(PIXEL_METHODS)), 100)

        worth = attribute_pixels(question, method, on_step=within, most_steps=asked.most_steps)
        found.append(replace(worth, values=worth.values[:height, :width]))
    return PixelsStudied(tuple(found))
