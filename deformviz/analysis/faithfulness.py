"""Do the points with large weight matter? Delete or insert points and watch the answer.

A deleted sample adds nothing (its A·v is zero); the others keep their weights. Points go by weight,
by attribution, or at random; where an order knows what matters, deleting soon lowers the score.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata

from deformviz.analysis.attribution import OnStep
from deformviz.analysis.attribution_records import (
    KINDS,
    MOST_AT_ONCE,
    NUMBERS_AT_ONCE,
    ORDERS,
    QUANTITIES,
    Faithfulness,
)
from deformviz.analysis.attribution_targets import Held, Rest

STEPS = 16  # places of a curve after the first
RANDOM_ORDERS = 8


def weight_order(held: Held, target: Any, layer: str) -> torch.Tensor:
    """The points in question [point of all heads and levels], heaviest first."""
    asked = held.weights(layer)[held.asked(target, layer)]
    return asked.flatten().cpu().argsort(descending=True)


def worth_order(held: Held, target: Any, layer: str, attribution: np.ndarray) -> torch.Tensor:
    """The points in question [point], those first that an attribution values most."""
    worth = torch.as_tensor(attribution[held.asked(target, layer)].reshape(-1))
    return worth.argsort(descending=True)


def random_orders(points: int, generator: torch.Generator) -> torch.Tensor:
    """RANDOM_ORDERS permutations [order point]."""
    drawn = [torch.randperm(points, generator=generator) for _ in range(RANDOM_ORDERS)]
    return torch.stack(drawn)


def faithfulness(
    held: Held,
    target: Any,
    layer: str,
    attribution: np.ndarray,
    *,
    generator: torch.Generator,
    on_step: OnStep | None = None,
    kinds: tuple[str, ...] = KINDS,
    orders: tuple[str, ...] = ORDERS,
) -> Faithfulness:
    """Curves of one layer.

    Args:
        attribution: [query head level point]; most positive goes first.
        generator: of the random orders, whose curves are averaged.
        on_step: hears of progress; what it raises cancels.
    """
    points = attribution[held.asked(target, layer)].size
    ways = {
        "weight": lambda: weight_order(held, target, layer)[None],
        "attribution": lambda: worth_order(held, target, layer, attribution)[None],
        "random": lambda: random_orders(points, generator),
    }
    wanted = {kind: {name: ways[name]() for name in orders} for kind in kinds}
    return curves_of(held, target, layer, wanted, on_step=on_step)


def curves_of(
    held: Held,
    target: Any,
    layer: str,
    wanted: Mapping[str, Mapping[Any, torch.Tensor]],
    *,
    on_step: OnStep | None = None,
) -> Faithfulness:
    """Curves of one layer along given orders, those of one name averaged.

    Args:
        wanted: kind of KINDS -> name -> orders [order point].
        on_step: hears of progress; what it raises cancels.
    """
    points = next(iter(next(iter(wanted.values())).values())).shape[1]
    counts = np.unique(np.linspace(0, points, STEPS + 1).round().astype(int))
    rest = held.rest(layer)
    found: dict[tuple[str, Any], np.ndarray] = {}
    for place, (kind, orders_of) in enumerate(wanted.items()):

        def within(done: int, count: int, place: int = place) -> None:
            if on_step is not None:
                on_step(place * count + done, len(wanted) * count)

        scores = scores_along(
            held,
            target,
            layer,
            torch.cat(list(orders_of.values())),
            counts,
            insert=kind == "insertion",
            rest=rest,
            on_step=within,
        )
        for name, several in orders_of.items():
            found[kind, name], scores = scores[: len(several)], scores[len(several) :]
    curves = {key: np.mean(several, axis=0) for key, several in found.items()}
    return Faithfulness(layer, points, counts, curves)


@torch.no_grad()
def scores_along(
    held: Held,
    target: Any,
    layer: str,
    orders: torch.Tensor,
    counts: np.ndarray,
    *,
    insert: bool = False,
    rest: Rest | None = None,
    on_step: OnStep | None = None,
) -> np.ndarray:
    """The target [order step] with the first `counts` points deleted, or alone present.

    Args:
        orders: [order point], each a permutation of the points.
        rest: of the same pass and layer, where there is one already.
    """
    way, asked = (rest or held.rest(layer)).way(QUANTITIES[0]), held.asked(target, layer)
    places = torch.arange(orders.shape[1]).expand_as(orders)
    turns = torch.empty_like(orders).scatter_(1, orders, places)  # when a point's turn comes
    ends = (counts == 0) | (counts == orders.shape[1])  # where orders do not differ
    asked_for = np.argwhere(~ends | (np.arange(len(orders)) == 0)[:, None])  # [row (order step)]
    rows = torch.stack(
        [torch.as_tensor(asked_for[:, 0]), torch.as_tensor(counts[asked_for[:, 1]])], 1
    )
    scores, most = [], max(1, min(MOST_AT_ONCE, NUMBERS_AT_ONCE // way.inputs.numel()))
    for first, some in enumerate(rows.split(most)):
        if on_step is not None:
            on_step(first * most, len(rows))
        went = turns[some[:, 0]] < some[:, 1:]  # [row point]
        points = (went if insert else ~went).to(way.inputs)
        gates = way.inputs.repeat(len(some), 1, 1, 1, 1)
        gates[:, asked] = points.view(len(some), -1, *gates.shape[2:])
        scores.append(target.of(way.answer(gates)).double().cpu())
    found = np.empty((len(orders), len(counts)))
    found[tuple(asked_for.T)] = torch.cat(scores).numpy()
    found[:, ends] = found[0, ends]
    return found


def agreement(weights: np.ndarray, attribution: np.ndarray) -> np.ndarray:
    """Rank correlation of weights with the magnitude of attributions, per head: [.. head].

    Both [query head level point]; NaN where all of a head's numbers are equal.
    """
    ranks = [
        rankdata(numbers.reshape(*numbers.shape[:2], -1), axis=-1)
        for numbers in (weights, np.abs(attribution))
    ]
    first, second = (rank - rank.mean(-1, keepdims=True) for rank in ranks)
    spread = np.sqrt((first**2).sum(-1) * (second**2).sum(-1))
    together = (first * second).sum(-1)
    return np.divide(together, spread, out=np.full(spread.shape, np.nan), where=spread > 0)


def mean_agreement(weights: np.ndarray, attribution: np.ndarray, most: int = 64) -> float:
    """Agreement over heads and queries, of many queries those with the most attribution."""
    strongest = np.argsort(-np.abs(attribution).sum(axis=(1, 2, 3)))[:most]
    found = agreement(weights[strongest], attribution[strongest])
    return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")
