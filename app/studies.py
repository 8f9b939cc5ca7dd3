"""From a detection to the study of its score: put in line, kept, and ready to be drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.jobs import Report
from app.runs import ModelChoice, key_of
from app.session import MEBIBYTE, QUEUE, ByteCache, load_model, run_key
from app.sources import Source

STUDIES = ByteCache(256 * MEBIBYTE)         # by key; read-only
SEED = 0                                    # of the random orders
PIXEL_STEPS = 256                           # of a path; the error is said
PIXELS = "pixels"                           # stands for the layers where pixels are asked


@dataclass(frozen=True)
class Question:
    """What somebody wants to know: which number of which detection, and where."""

    source: Source
    model: ModelChoice
    query: int
    label: int
    side: str                       # "" for the class score
    part: str                       # "decoder", "encoder" or PIXELS

    @property
    def key(self) -> str:
        """A name nobody can guess; equal questions share one answer."""
        asked = f"{self.query}|{self.label}|{self.side}|{self.part}"
        return run_key(f"study|{asked}", key_of(self.source, self.model))


@dataclass(frozen=True, eq=False)
class LayerView:
    """What is drawn of one layer: the samples of one query over the original picture."""

    locations_px: np.ndarray        # [head level point xy], pixel indices of the original
    weights: np.ndarray             # [head level point]
    query: int                      # of an encoder layer: the token that is worth most
    agreement: np.ndarray           # [head]


@dataclass(frozen=True, eq=False)
class Answer:
    """A finished study, or the worth of pixels."""

    study: Any = None                               # attribution_table.Study
    layers: dict[str, LayerView] | None = None
    pixels: tuple[Any, ...] = ()                    # PixelAttribution of every method

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
    from deformviz.analysis.attribution_targets import Target, hold
    from deformviz.tracing.pictures import read_picture

    model = load_model(question.model.path, question.model.stamp)
    report("looking at the picture", 0, 1)
    picture = read_picture(question.source.read())
    held = hold(model, picture)
    target = Target(question.query, question.label, question.side)

    def on_step(done: int, count: int) -> None:
        report("weighing", done, count)

    answer = _pixels(held, target, report) if question.part == PIXELS else \
        _study(held, target, question.part, picture.shape[:2], on_step)
    STUDIES.put(question.key, answer, answer.size_bytes)


def _study(held, target, part: str, original_hw: tuple[int, int], on_step) -> Answer:
    import torch

    from deformviz.analysis.attribution_table import study

    layers = tuple(name for name in held.layers if name.startswith(part))
    found = study(held, target, layers=layers, generator=torch.Generator().manual_seed(SEED),
                  on_step=on_step)
    return Answer(found, {name: _layer_view(held, found, name, original_hw) for name in layers})


def _layer_view(held, found, layer: str, original_hw: tuple[int, int]) -> LayerView:
    from deformviz.analysis.attribution import METHODS, QUANTITIES
    from deformviz.analysis.faithfulness import agreement
    from deformviz.geometry import to_pixel_index

    trace = held.traces[layer]
    worth = found.attributions[layer, QUANTITIES[0], METHODS[0]].values
    query = found.target.query
    if layer.startswith("encoder"):
        query = int(np.abs(worth).sum(axis=(1, 2, 3)).argmax())
    weights = trace.attention_weights[0, query].double().cpu().numpy()
    locations = trace.sampling_locations[0, query].double().cpu().numpy()
    per_head = agreement(weights[None], worth[query][None])[0]
    return LayerView(to_pixel_index(locations, original_hw), weights, query, per_head)


def _pixels(held, target, report: Report) -> Answer:
    from deformviz.analysis.attribution_pixels import (
        PIXEL_METHODS,
        attribute_pixels,
        detector_question,
    )

    found = []
    for place, method in enumerate(PIXEL_METHODS):
        def on_step(done: int, count: int, place: int = place, method: str = method) -> None:
            report(method, place, len(PIXEL_METHODS))

        found.append(attribute_pixels(detector_question(held, target), method, on_step=on_step,
                                      most_steps=PIXEL_STEPS))
    return Answer(pixels=tuple(found))
