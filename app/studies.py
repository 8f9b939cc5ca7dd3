"""From a detection or a class to the study of it: put in line, kept, and ready to be drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from app.jobs import Report
from app.runs import ModelChoice, key_of
from app.session import GRID, MEBIBYTE, QUEUE, ByteCache, load_model, run_key
from app.sources import Source

STUDIES = ByteCache(256 * MEBIBYTE)  # by key; read-only
SEED = 0  # of the random orders
PIXELS = "pixels"  # stands for the layers where pixels are asked
# Of a path, by part of the model; a person waits, and the error that is left is said.
MOST_STEPS = {"decoder": 1024, "encoder": 512, "stages": 512, PIXELS: 512}


@dataclass(frozen=True)
class Question:
    """What somebody wants to know: which number of which detection or class, and where."""

    source: Source
    model: ModelChoice
    query: int  # 0 for a class of the whole picture
    label: int
    side: str  # "" for the class score
    part: str  # "decoder", "encoder", "stages" or PIXELS

    @property
    def is_of_grids(self) -> bool:
        """Whether the model is a DAT, and its class logit is asked."""
        return self.model.room == GRID

    @property
    def key(self) -> str:
        """A name nobody can guess; equal questions share one answer."""
        asked = f"{self.query}|{self.label}|{self.side}|{self.part}"
        return run_key(f"study|{asked}", key_of(self.source, self.model))


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
class Answer:
    """A finished study, or the worth of pixels."""

    study: Any = None  # attribution_table.Study
    layers: dict[str, LayerView] | None = None
    pixels: tuple[Any, ...] = ()  # PixelAttribution of every method

    @property
    def size_bytes(self) -> int:
        arrays = [found.values for found in self.pixels]
        if self.study is not None:
            arrays += [found.values for found in self.study.attributions.values()]
        return sum(array.nbytes for array in arrays) + 100_000


def request(question: Question, session: str) -> None:
    """Put a question in line for a session, or join it. Raises QueueFull."""
    if STUDIES.get(question.key) is None:
        QUEUE.submit(question.key, lambda report: _work(question, report), session)


def _work(question: Question, report: Report) -> None:
    """What one question costs; `report` raises where nobody waits for it any more."""
    report("loading the model", 0, 1)
    from deformviz.analysis.attribution_grid import ClassLogit, hold_grids
    from deformviz.analysis.attribution_targets import Target, hold
    from deformviz.tracing.pictures import read_picture

    model = load_model(question.model.path, question.model.stamp)
    report("looking at the picture", 0, 1)
    picture = read_picture(question.source.read(), name=question.source.title)
    if question.is_of_grids:
        held, target = hold_grids(model, picture), ClassLogit(question.label)
    else:
        held = hold(model, picture)
        target = Target(question.query, question.label, question.side)

    def on_step(done: int, count: int) -> None:
        report("weighing", done, count)

    answer = (
        _pixels(held, target, question, on_step)
        if question.part == PIXELS
        else _study(held, target, question.part, on_step)
    )
    STUDIES.put(question.key, answer, answer.size_bytes)


def _study(held, target, part: str, on_step) -> Answer:
    import torch

    from deformviz.analysis.attribution_table import study

    layers = tuple(name for name in held.layers if name.startswith(part))
    found = study(
        held,
        target,
        layers=layers,
        generator=torch.Generator().manual_seed(SEED),
        on_step=on_step,
        most_steps=MOST_STEPS[part],
    )
    return Answer(found, {name: _layer_view(held, found, name) for name in layers})


def _layer_view(held, found, layer: str) -> LayerView:
    from deformviz.analysis.attribution import METHODS
    from deformviz.analysis.attribution_targets import QUANTITIES
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


def _pixels(held, target, question: Question, on_step) -> Answer:
    from deformviz.analysis.attribution_pixels import (
        PIXEL_METHODS,
        attribute_pixels,
        classifier_question,
        detector_question,
    )

    asked = (
        classifier_question(held.model, held.pixels, target.label)
        if question.is_of_grids
        else detector_question(held, target)
    )
    height, width = held.frame.resized_hw  # a DAT sees the picture on a square
    found = []
    for place, method in enumerate(PIXEL_METHODS):

        def within(done: int, count: int, place: int = place) -> None:
            on_step(int(100 * (place + done / count) / len(PIXEL_METHODS)), 100)

        worth = attribute_pixels(asked, method, on_step=within, most_steps=MOST_STEPS[PIXELS])
        found.append(replace(worth, values=worth.values[:height, :width]))
    return Answer(pixels=tuple(found))
