"""Do the points with large weight matter? Delete or insert points and watch the answer.

A deleted sample adds nothing (its A·v is zero); the others keep their weights. Points go by weight,
by attribution, or at random; where an order knows what matters, deleting soon lowers the score.
"""

from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr

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
    by_weight = weight_order(held, target, layer)
    points = len(by_weight)
    worth = torch.as_tensor(attribution[held.asked(target, layer)].reshape(-1))
    ways = {
        "weight": lambda: [by_weight],
        "attribution": lambda: [worth.argsort(descending=True)],
        "random": lambda: [
            torch.randperm(points, generator=generator) for _ in range(RANDOM_ORDERS)
        ],
    }
    counts = np.unique(np.linspace(0, points, STEPS + 1).round().astype(int))
    rest = held.rest(layer)
    found: dict[tuple[str, str], np.ndarray] = {}
    for place, kind in enumerate(kinds):

        def within(done: int, count: int, place: int = place) -> None:
            if on_step is not None:
                on_step(place * count + done, len(kinds) * count)

        orders_of = {name: torch.stack(ways[name]()) for name in orders}
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
    turns = orders.argsort(1)  # when each point's turn comes [order point]
    rows = torch.cartesian_prod(torch.arange(len(orders)), torch.as_tensor(counts))
    scores, most = [], max(1, min(MOST_AT_ONCE, NUMBERS_AT_ONCE // way.inputs.numel()))
    for first, some in enumerate(rows.split(most)):
        if on_step is not None:
            on_step(first * most, len(rows))
        went = turns[some[:, 0]] < some[:, 1:]  # [row point]
        points = (went if insert else ~went).to(way.inputs)
        gates = way.inputs.repeat(len(some), 1, 1, 1, 1)
        gates[:, asked] = points.view(len(some), -1, *gates.shape[2:])
        scores.append(target.of(way.answer(gates)).double().cpu())
    return torch.cat(scores).view(len(orders), len(counts)).numpy()


def agreement(weights: np.ndarray, attribution: np.ndarray) -> np.ndarray:
    """Rank correlation of weights with the magnitude of attributions, per head: [.. head].

    Both [query head level point]; NaN where all of a head's numbers are equal.
    """
    queries, heads = weights.shape[:2]
    found = np.full((queries, heads), np.nan)
    for query in range(queries):
        for head in range(heads):
            pair = weights[query, head].reshape(-1), np.abs(attribution[query, head]).reshape(-1)
            if all(np.ptp(numbers) > 0 for numbers in pair):
                result: Any = spearmanr(*pair)
                found[query, head] = result.statistic
    return found


def mean_agreement(weights: np.ndarray, attribution: np.ndarray, most: int = 64) -> float:
    """Agreement over heads and queries, of many queries those with the most attribution."""
    strongest = np.argsort(-np.abs(attribution).sum(axis=(1, 2, 3)))[:most]
    found = agreement(weights[strongest], attribution[strongest])
    return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")
