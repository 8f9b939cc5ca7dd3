"""What an answer rests on: studies of one detection or class, ready to be drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from app.tasks.models import load_model
from app.tasks.pictures import Seen, budget_bytes
from app.worker import Task, option
from deformviz.analysis.attribution_records import (
    METHODS,
    QUANTITIES,
    AskedNumber,
    PixelAttribution,
    Study,
)
from deformviz.words import say

SEED = 0  # of the random orders
PIXELS = "pixels"  # stands for the layers where pixels are asked
# Of a path, by part of the model; a person waits, and the error that is left is said.
MOST_STEPS = {"decoder": 1024, "encoder": 512, "stages": 512, PIXELS: 512}


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
class LayerView:
    """What is drawn of one layer: the samples of one query over the original picture.

    Heads of a DAT that read the same knots are drawn as one mark, `together` many at a time.
    """

    locations_px: np.ndarray  # [mark level point xy], pixel indices of the original
    weights: np.ndarray  # [mark level point]
    query: int  # of an encoder layer: the token that is worth most
    agreement: np.ndarray  # [head]
    together: int = 1

    def marks(self, values: np.ndarray) -> np.ndarray:
        """Amounts of the layer [query head level point] as they are drawn [mark level point]."""
        return add_up(values[self.query], self.together)


def add_up(values: np.ndarray, together: int) -> np.ndarray:
    """[head level point] -> [mark level point], sums over neighbouring heads."""
    return values.reshape(-1, together, *values.shape[1:]).sum(1)


@dataclass(frozen=True, eq=False)
class LayersStudied:
    """A finished study of the samples of some layers."""

    study: Study
    layers: dict[str, LayerView]
    proofs: tuple[dict[str, Any], ...] = ()  # of the pass that was studied, as headers hold them


@dataclass(frozen=True, eq=False)
class PixelsStudied:
    """The worth of pixels by every method."""

    pixels: tuple[PixelAttribution, ...]


Answer = LayersStudied | PixelsStudied


def study(task: Task, seen: Seen, path: str, stamp: int, asked: Asked) -> Answer:
    """What one question costs; `task` tells how far it is, in per cent."""
    from deformviz.analysis.attribution_grid import ClassLogit, hold_grids
    from deformviz.analysis.attribution_targets import Target, hold
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
    return _study(held, target, asked, on_step)


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


def _study(held: Any, target: Any, asked: Asked, on_step: Any) -> LayersStudied:
    import torch

    from deformviz.analysis import attribution_table
    from deformviz.tracing.packing import proof_header

    layers = tuple(name for name in held.layers if name.startswith(asked.part))
    found = attribution_table.study(
        held,
        target,
        layers=layers,
        generator=torch.Generator().manual_seed(SEED),
        on_step=on_step,
        most_steps=asked.most_steps,
    )
    views = {name: _layer_view(held, found, name) for name in layers}
    number = AskedNumber(target.query, target.label, target.is_share)
    proofs = tuple(proof_header(held.proofs[name]) for name in layers)
    return LayersStudied(replace(found, target=number), views, proofs)


def _layer_view(held: Any, found: Study, layer: str) -> LayerView:
    from deformviz.analysis.faithfulness import agreement

    worth = found.attributions[layer, QUANTITIES[0], METHODS[0]].values
    query = found.target.query
    if layer.startswith("encoder"):
        query = int(np.abs(worth).sum(axis=(1, 2, 3)).argmax())
    weights, locations = (
        numbers[query].double().cpu().numpy()
        for numbers in (held.weights(layer), held.locations_px(layer))
    )
    together = held.heads_together(layer)
    return LayerView(
        locations[::together],
        add_up(weights, together),
        query,
        agreement(weights[None], worth[query][None])[0],
        together,
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
