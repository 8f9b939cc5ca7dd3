"""How much each sample of a layer is worth to one number of the answer, by Captum's methods.

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

import torch
from captum.attr import IntegratedGradients, Saliency
from torch import Tensor

from deformviz.analysis.attribution_records import COMPLETE, METHODS, QUANTITIES, Attribution
from deformviz.analysis.attribution_targets import Held

OnStep = Callable[[int, int], None]  # (done, of how many); what it raises cancels

PIECE_STEPS, MOST_STEPS = 8, 1536
ALL_PIECES = 5 * COMPLETE  # of it, errors of either sign taken together
NUMBERS_AT_ONCE = 4_000_000  # of a layer's inputs in one batch
PICTURES_AT_ONCE = 16


def attribute(
    held: Held,
    target: Any,
    layer: str,
    quantity: str = QUANTITIES[0],
    method: str = METHODS[0],
    *,
    on_step: OnStep | None = None,
    most_steps: int = MOST_STEPS,
) -> Attribution:
    """Attribute one number of the answer to the samples of one layer.

    Args:
        held: from `hold` or `hold_grids`.
        target: whose `of` takes an output to numbers [batch].
        layer: one of `held.layers`.
        quantity, method: of QUANTITIES and METHODS.
        on_step: hears of progress; what it raises cancels.
        most_steps: after which integrated gradients stop, complete or not.

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

    per_input, steps = explain(answer, way.inputs, way.baseline, method, on_step, most_steps)
    with torch.no_grad():
        ends = answer(torch.cat([way.inputs, way.baseline]))
    return Attribution(
        layer,
        quantity,
        method,
        way.per_sample(per_input).double().cpu().numpy(),
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
) -> tuple[Tensor, int]:
    """Attributions of `answer(inputs)` like `inputs` [1 ..], and how many steps they took.

    Args:
        answer: [batch ..] -> [batch], differentiable.
    """
    if method == "gradient x input":
        gradient = Saliency(answer).attribute(inputs.clone().requires_grad_(), abs=False)
        return (gradient * (inputs - baseline)).detach(), 1
    return integrate_gradients(counted(answer, on_step, most_steps), inputs, baseline, most_steps)


def integrate_gradients(
    answer: Callable[[Tensor], Tensor],
    inputs: Tensor,
    baseline: Tensor,
    most_steps: int = MOST_STEPS,
) -> tuple[Tensor, int]:
    """Captum's Integrated Gradients, the path halved where it does not add up.

    Pieces of a straight path add up to the whole. The answer of a network has kinks, and behind a
    normalisation nearly all of it may happen close to the baseline: equal steps would miss that.
    """
    with torch.no_grad():
        value_at = {
            share: float(answer(given)[0]) for share, given in ((0.0, baseline), (1.0, inputs))
        }
    pieces = [_piece(answer, inputs, baseline, 0.0, 1.0, value_at)]
    steps, difference = PIECE_STEPS, abs(value_at[1.0] - value_at[0.0])
    while steps < most_steps and not _complete([piece.error for piece in pieces], difference):
        worst = max(pieces, key=lambda piece: abs(piece.error))
        pieces.remove(worst)
        middle = (worst.start + worst.end) / 2
        pieces += [
            _piece(answer, inputs, baseline, start, end, value_at)
            for start, end in ((worst.start, middle), (middle, worst.end))
        ]
        steps += 2 * PIECE_STEPS
    return torch.stack([piece.found for piece in pieces]).sum(0), steps


def _complete(errors: list[float], difference: float) -> bool:
    """Whether pieces add up, and not by errors that happen to cancel."""
    return (
        abs(sum(errors)) <= COMPLETE * difference
        and sum(map(abs, errors)) <= ALL_PIECES * difference
    )


@dataclass(frozen=True, eq=False)
class _Piece:
    """A stretch of the path, as shares of it, and what it adds to the attributions."""

    start: float
    end: float
    found: Tensor
    error: float  # the sum of `found` less the rise over the stretch


def _piece(
    answer, inputs: Tensor, baseline: Tensor, start: float, end: float, value_at: dict[float, float]
) -> _Piece:
    low, high = (baseline + share * (inputs - baseline) for share in (start, end))
    for share, given in ((start, low), (end, high)):
        if share not in value_at:
            with torch.no_grad():
                value_at[share] = float(answer(given)[0])
    found = (
        IntegratedGradients(answer)
        .attribute(high, baselines=low, n_steps=PIECE_STEPS, internal_batch_size=at_once(inputs))
        .detach()
    )
    rise = value_at[end] - value_at[start]
    return _Piece(start, end, found, float(found.double().sum()) - rise)


def at_once(inputs: Tensor) -> int:
    """How many variants of a layer's inputs [1 ..] fit into one batch."""
    return max(1, min(PICTURES_AT_ONCE, NUMBERS_AT_ONCE // inputs.numel()))


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
