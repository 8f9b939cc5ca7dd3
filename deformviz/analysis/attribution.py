"""How much each sample of a layer is worth to one number of the answer.

Three quantities of a layer can be asked, each along its own path with all else held:

sampled values       from nothing to what was sampled (every A·v grows from 0): what a sample adds
attention weights    from even weights 1/LK to those of the layer: what the model's choice adds
sampling offsets     from the reference point to where the layer samples: what moving there adds

Integrated Gradients add up to the difference of the answer between both ends of the path; how well
they do is the completeness error. (Weights from zero instead of even would repeat the values: the
output is linear in their product.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from captum.attr import Saliency
from torch import Tensor

from deformviz.analysis.attribution_records import (
    COMPLETE,
    METHODS,
    MOST_AT_ONCE,
    NUMBERS_AT_ONCE,
    PIECE_STEPS,
    QUANTITIES,
    Attribution,
)
from deformviz.analysis.attribution_targets import Held

OnStep = Callable[[int, int], None]  # (done, of how many); what it raises cancels
OnFound = Callable[[Tensor], None]
OnValues = Callable[[np.ndarray], None]

MOST_STEPS = 1536
ALL_PIECES = 5 * COMPLETE  # of it, errors of either sign taken together


def attribute(
    held: Held,
    target: Any,
    layer: str,
    quantity: str = QUANTITIES[0],
    method: str = METHODS[0],
    *,
    on_step: OnStep | None = None,
    most_steps: int = MOST_STEPS,
    on_values: OnValues | None = None,
) -> Attribution:
    """Attribute one number of the answer to the samples of one layer.

    Args:
        held: from `hold` or `hold_grids`.
        target: whose `of` takes an output to numbers [batch].
        layer: one of `held.layers`.
        quantity, method: of QUANTITIES and METHODS.
        on_step: hears of progress; what it raises cancels.
        most_steps: after which integrated gradients stop, complete or not.
        on_values: hears of the values [query head level point] so far while they are refined.

    Raises:
        KeyError: no such layer.
        ValueError: an unknown quantity or method.
    """
    for name, value, known in (("quantity", quantity, QUANTITIES), ("method", method, METHODS)):
        if value not in known:
            raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(known)}.")
    way = held.rest(layer).way(quantity)

    def answer(given: Tensor) -> Tensor:
        return target.of(way.answer(given))

    def values(per_input: Tensor) -> np.ndarray:
        return way.per_sample(per_input).double().cpu().numpy()

    per_input, steps = explain(
        answer,
        way.inputs,
        way.baseline,
        method,
        on_step,
        most_steps,
        None if on_values is None else lambda found: on_values(values(found)),
    )
    with torch.no_grad():
        ends = answer(torch.cat([way.inputs, way.baseline]))
    return Attribution(
        layer,
        quantity,
        method,
        values(per_input),
        float(ends[0]),
        float(ends[1]),
        steps,
    )


def explain(
    answer: Callable[[Tensor], Tensor],
    inputs: Tensor,
    baseline: Tensor,
    method: str,
    on_step: OnStep | None = None,
    most_steps: int = MOST_STEPS,
    on_found: OnFound | None = None,
) -> tuple[Tensor, int]:
    """Attributions of `answer(inputs)` like `inputs` [1 ..], and how many steps they took.

    Args:
        answer: [batch ..] -> [batch], differentiable.
    """
    if method == "gradient x input":
        gradient = Saliency(answer).attribute(inputs.clone().requires_grad_(), abs=False)
        return (gradient * (inputs - baseline)).detach(), 1
    told = counted(answer, on_step, most_steps)
    return integrate_gradients(told, inputs, baseline, most_steps, on_found)


def integrate_gradients(
    answer: Callable[[Tensor], Tensor],
    inputs: Tensor,
    baseline: Tensor,
    most_steps: int = MOST_STEPS,
    on_found: OnFound | None = None,
) -> tuple[Tensor, int]:
    """Integrated Gradients by Gauss-Legendre nodes, the path halved where it does not add up.

    Pieces of a straight path add up to the whole. The answer of a network has kinks, and behind a
    normalisation nearly all of it may happen close to the baseline: equal steps would miss that.
    What a piece adds is known, so its error is too; the worst pieces are halved together.

    Args:
        on_found: hears of what is found so far, like `inputs`, after each refinement.
    """
    path = _Path(answer, inputs, baseline)
    pieces = path.pieces([(0.0, 1.0)])
    steps, difference = PIECE_STEPS, abs(path.value_at[1.0] - path.value_at[0.0])
    while steps < most_steps and not _complete([piece.error for piece in pieces], difference):
        pieces.sort(key=lambda piece: abs(piece.error))
        left = min(path.at_once, most_steps - steps) // (2 * PIECE_STEPS)
        worst = [pieces.pop() for _ in range(_to_halve(pieces, difference, max(1, left)))]
        pieces += path.pieces([half for piece in worst for half in piece.halves()])
        steps += 2 * PIECE_STEPS * len(worst)
        if on_found is not None:
            on_found(torch.stack([piece.found for piece in pieces]).sum(0))
    return torch.stack([piece.found for piece in pieces]).sum(0), steps


def _complete(errors: list[float], difference: float) -> bool:
    """Whether pieces add up, and not by errors that happen to cancel."""
    return (
        abs(sum(errors)) <= COMPLETE * difference
        and sum(map(abs, errors)) <= ALL_PIECES * difference
    )


def _to_halve(pieces: list["_Piece"], difference: float, most: int) -> int:
    """How many of the worst pieces must go, the last of them first, for the others to add up."""
    errors = [abs(piece.error) for piece in pieces]
    count, rest = 0, sum(errors)
    while count < min(most, len(errors)) and (count == 0 or rest > COMPLETE * difference):
        count += 1
        rest -= errors[-count]
    return count


@dataclass(frozen=True, eq=False)
class _Piece:
    """A stretch of the path, as shares of it, and what it adds to the attributions."""

    start: float
    end: float
    found: Tensor
    error: float  # the sum of `found` less the rise over the stretch

    def halves(self) -> list[tuple[float, float]]:
        middle = (self.start + self.end) / 2
        return [(self.start, middle), (middle, self.end)]


class _Path:
    """A straight way from the baseline to the inputs, along which the answer is asked."""

    def __init__(self, answer: Callable[[Tensor], Tensor], inputs: Tensor, baseline: Tensor):
        self.answer, self.baseline, self.way = answer, baseline, inputs - baseline
        self.at_once = at_once(inputs)
        self.value_at: dict[float, float] = {}  # share of the way -> answer there

    def pieces(self, stretches: list[tuple[float, float]]) -> list[_Piece]:
        """The stretches with what each adds, their nodes in as few batches as can be."""
        nodes, weights = np.polynomial.legendre.leggauss(PIECE_STEPS)
        places = [start + (end - start) * (nodes + 1) / 2 for start, end in stretches]
        ends = sorted({share for stretch in stretches for share in stretch} - set(self.value_at))
        values, gradients = self._ask(np.concatenate([*places, ends]))
        self.value_at |= dict(zip(ends, values[len(values) - len(ends) :], strict=True))
        found = []
        for (start, end), slopes in zip(stretches, gradients.split(PIECE_STEPS), strict=False):
            shares = slopes.new_tensor(weights) * ((end - start) / 2)
            worth = torch.tensordot(shares, slopes, 1)[None] * self.way
            rise = self.value_at[end] - self.value_at[start]
            found.append(_Piece(start, end, worth, float(worth.double().sum()) - rise))
        return found

    def _ask(self, shares: np.ndarray) -> tuple[list[float], Tensor]:
        """The answer at shares of the way, and its gradients [share ..]."""
        values: list[float] = []
        gradients = []
        for some in torch.as_tensor(shares).to(self.way).split(self.at_once):
            given = self.baseline + some.view(-1, *[1] * (self.way.ndim - 1)) * self.way
            given = given.detach().requires_grad_()
            with torch.enable_grad():
                answers = self.answer(given)
                (gradient,) = torch.autograd.grad(answers.sum(), given)
            values += answers.detach().tolist()
            gradients.append(gradient)
        return values, torch.cat(gradients)


def at_once(inputs: Tensor) -> int:
    """How many variants of a layer's inputs [1 ..] fit into one batch."""
    return max(1, min(MOST_AT_ONCE, NUMBERS_AT_ONCE // inputs.numel()))


def counted(answer: Callable, on_step: OnStep | None, most_steps: int) -> Callable:
    """The same, telling how many inputs are done; how many it takes may show only on the way."""
    done = 0

    def telling(given: Tensor) -> Tensor:
        nonlocal done
        if on_step is not None:
            on_step(min(done, most_steps), most_steps)
        done += len(given)
        return answer(given)

    return telling
