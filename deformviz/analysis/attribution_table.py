"""Every method against every layer, in one table that can be taken away."""

from typing import Any

import numpy as np
import torch

from deformviz.analysis.attribution import MOST_STEPS, OnStep, attribute
from deformviz.analysis.attribution_records import (
    HEAVIEST,
    METHODS,
    QUANTITIES,
    Attribution,
    Faithfulness,
    Study,
    TableRow,
)
from deformviz.analysis.attribution_targets import Held
from deformviz.analysis.faithfulness import (
    faithfulness,
    mean_agreement,
    scores_along,
    weight_order,
)


def study(
    held: Held,
    target: Any,
    *,
    layers: tuple[str, ...] | None = None,
    generator: torch.Generator,
    on_step: OnStep | None = None,
    most_steps: int = MOST_STEPS,
) -> Study:
    """Attribute one number of the answer by every method to every layer, and test each.

    Args:
        layers: all of the model, if None.
        generator: of the random orders.
        on_step: hears of progress in per cent, as (done, 100); what it raises cancels.
        most_steps: of each path, see `attribute`.
    """
    layers = held.layers if layers is None else layers
    with torch.no_grad():
        score = float(target.of(held.output)[0])
    parts = _Parts(len(layers) * (len(QUANTITIES) * len(METHODS) + 1), on_step)
    rows: list[TableRow] = []
    attributions, curves, without = {}, {}, ({}, {})
    for layer in layers:
        weights = held.weights(layer).double().cpu().numpy()
        asked = held.asked(target, layer)
        for quantity in QUANTITIES:
            for method in METHODS:
                key = layer, quantity, method
                attributions[key] = attribute(
                    held,
                    target,
                    layer,
                    quantity,
                    method,
                    on_step=parts.within,
                    most_steps=most_steps,
                )
                parts.next()
                found = faithfulness(
                    held,
                    target,
                    layer,
                    attributions[key].values,
                    generator=generator,
                    orders=("attribution",),
                )
                rows.append(_row(attributions[key], weights, found, asked))
        curves[layer] = faithfulness(
            held,
            target,
            layer,
            attributions[layer, QUANTITIES[0], METHODS[0]].values,
            generator=generator,
            on_step=parts.within,
        )
        parts.next()
        rows += [_plain_row(layer, order, curves[layer]) for order in ("weight", "random")]
        for place, count in zip(without, (HEAVIEST, curves[layer].points), strict=True):
            place[layer] = _score_without(held, target, layer, count)
    return Study(target, score, tuple(rows), attributions, curves, *without)


class _Parts:
    """Progress of several computations as one."""

    def __init__(self, count: int, on_step: OnStep | None):
        self.done, self.count, self.on_step = 0, count, on_step

    def within(self, done: int, of: int) -> None:
        """Tell the progress of all parts together in per cent."""
        if self.on_step is not None:
            self.on_step(int(100 * (self.done + done / of) / self.count), 100)

    def next(self) -> None:
        self.done += 1
        self.within(0, 1)


def _score_without(held: Held, target: Any, layer: str, count: int) -> float:
    order = weight_order(held, target, layer)
    return float(scores_along(held, target, layer, order[None], np.array([count]))[0, 0])


def _row(found: Attribution, weights: np.ndarray, tested: Faithfulness, asked: slice) -> TableRow:
    return TableRow(
        found.layer,
        found.quantity,
        found.method,
        found.difference,
        found.completeness_error,
        found.steps,
        mean_agreement(weights[asked], found.values[asked]),
        tested.area("deletion", "attribution"),
        tested.area("insertion", "attribution"),
        found.other_queries(asked),
    )


def _plain_row(layer: str, order: str, tested: Faithfulness) -> TableRow:
    nothing = float("nan")
    return TableRow(
        layer,
        "",
        {"weight": "attention weight", "random": "at random"}[order],
        nothing,
        nothing,
        0,
        1.0 if order == "weight" else nothing,
        tested.area("deletion", order),
        tested.area("insertion", order),
        nothing,
    )
