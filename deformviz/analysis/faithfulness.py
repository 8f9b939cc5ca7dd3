"""Do the points with large weight matter? Delete or insert points and watch the answer.

A deleted sample adds nothing (its A·v is zero); the others keep their weights. Points go by weight,
by attribution, or at random; where an order knows what matters, deleting soon lowers the score.
"""

from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr

from deformviz.analysis.attribution import NUMBERS_AT_ONCE, OnStep
from deformviz.analysis.attribution_records import KINDS, ORDERS, QUANTITIES, Faithfulness
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
    jobs = [(kind, name, order) for kind in kinds for name in orders for order in ways[name]()]
    rest = held.rest(layer)
    found: dict[tuple[str, str], list[np.ndarray]] = {}
    for done, (kind, name, order) in enumerate(jobs):
        if on_step is not None:
            on_step(done, len(jobs))
        scores = scores_along(
            held, target, layer, order, counts, insert=kind == "insertion", rest=rest
        )
        found.setdefault((kind, name), []).append(scores)
    curves = {key: np.mean(several, axis=0) for key, several in found.items()}
    return Faithfulness(layer, points, counts, curves)


@torch.no_grad()
def scores_along(
    held: Held,
    target: Any,
    layer: str,
    order: torch.Tensor,
    counts: np.ndarray,
    *,
    insert: bool = False,
    rest: Rest | None = None,
) -> np.ndarray:
    """The target [step] with the first `counts` points of an order deleted, or alone present.

    Args:
        rest: of the same pass and layer, where there is one already.
    """
    way, asked = (rest or held.rest(layer)).way(QUANTITIES[0]), held.asked(target, layer)
    scores, most = [], max(1, min(len(counts), NUMBERS_AT_ONCE // way.inputs.numel()))
    for first in range(0, len(counts), most):
        some = counts[first : first + most]
        gates = way.inputs.repeat(len(some), 1, 1, 1, 1)
        points = gates.new_full((len(some), len(order)), 0.0 if insert else 1.0)
        for row, count in zip(points, some, strict=True):
            row[order[: int(count)]] = 1.0 if insert else 0.0
        gates[:, asked] = points.view(len(some), -1, *gates.shape[2:])
        scores.append(target.of(way.answer(gates)).double().cpu())
    return torch.cat(scores).numpy()


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
