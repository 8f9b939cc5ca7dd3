"""Every method against every layer, in one table that can be taken away."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from deformviz.analysis.attribution import MOST_STEPS, OnStep, attribute
from deformviz.analysis.attribution_records import (
    HEAVIEST,
    KINDS,
    METHODS,
    QUANTITIES,
    Attribution,
    Faithfulness,
    Study,
    TableRow,
)
from deformviz.analysis.attribution_targets import Held
from deformviz.analysis.faithfulness import (
    curves_of,
    mean_agreement,
    random_orders,
    scores_along,
    weight_order,
    worth_order,
)

Key = tuple[str, str, str]  # layer, quantity, method


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
        of_layer = {key: found for key, found in attributions.items() if key[0] == layer}
        tested = _tested(held, target, layer, of_layer, generator, parts.within)
        parts.next()
        rows += [_row(found, weights, tested, key, asked) for key, found in of_layer.items()]
        rows += [_plain_row(layer, order, tested) for order in ("weight", "random")]
        curves[layer] = _shown(tested, (layer, QUANTITIES[0], METHODS[0]))
        for place, count in zip(without, (HEAVIEST, curves[layer].points), strict=True):
            place[layer] = _score_without(held, target, layer, count)
    return Study(target, score, tuple(rows), attributions, curves, *without)


def _tested(
    held: Held,
    target: Any,
    layer: str,
    attributions: dict[Key, Attribution],
    generator: torch.Generator,
    on_step: OnStep,
) -> Faithfulness:
    """The curves of a layer by every attribution, by weight and at random, all together."""
    by_weight = weight_order(held, target, layer)
    orders = {
        key: worth_order(held, target, layer, found.values)[None]
        for key, found in attributions.items()
    }
    wanted = {
        kind: orders
        | {"weight": by_weight[None], "random": random_orders(len(by_weight), generator)}
        for kind in KINDS
    }
    return curves_of(held, target, layer, wanted, on_step=on_step)


def _shown(tested: Faithfulness, key: Key) -> Faithfulness:
    """The curves that are drawn: of one attribution beside weight and chance."""
    names = {"weight": "weight", key: "attribution", "random": "random"}
    curves = {
        (kind, said): tested.curves[kind, name] for kind in KINDS for name, said in names.items()
    }
    return replace(tested, curves=curves)


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


def _row(
    found: Attribution, weights: np.ndarray, tested: Faithfulness, key: Key, asked: slice
) -> TableRow:
    return TableRow(
        found.layer,
        found.quantity,
        found.method,
        found.difference,
        found.completeness_error,
        found.steps,
        mean_agreement(weights[asked], found.values[asked]),
        tested.area("deletion", key),
        tested.area("insertion", key),
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
