"""The proof of a recorded layer: its trace, replayed, gives what the module returned.

The replay runs in float64 through the plain formula of the trace's kind and the module's own
output projection, so the difference is the module's own rounding, or a trace that is wrong.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from deformviz.tracing.proven import Proof

# How far rounding alone may carry a layer away from its replay, relative to its largest output.
TOLERANCES = {
    torch.float64: 1e-10,
    torch.float32: 1e-5,
    torch.float16: 1e-2,
    torch.bfloat16: 6e-2,
}


@dataclass(frozen=True)
class Evidence:
    """What a trace has to answer for: a formula that takes it, and what the module returned."""

    replay: Callable[[Any], Tensor]  # double-precision trace -> what it implies
    returned: Tensor
    formula: str  # in words, for the table


def prove(
    layer: str, trace: Any, evidence: Evidence, placement_strides: float | None = None
) -> Proof:
    """Replay a batched trace and compare it with what the module returned."""
    with torch.no_grad(), torch.autocast(evidence.returned.device.type, enabled=False):
        exact = trace.map(lambda t: t.double() if t.is_floating_point() else t)
        implied, returned = evidence.replay(exact), evidence.returned.double()
        if implied.shape != returned.shape:
            difference = float("inf")
        else:
            largest = returned.abs().max().clamp_min(torch.finfo(torch.float32).tiny)
            difference = float((implied - returned).abs().max() / largest)
    lowest = min((t.dtype for t in _floats(trace)), key=lambda dtype: -torch.finfo(dtype).eps)
    tolerance = max(TOLERANCES[lowest], TOLERANCES[evidence.returned.dtype])
    return Proof(layer, evidence.formula, difference, tolerance, placement_strides)


def _floats(trace: Any) -> Iterable[Tensor]:
    found: list[Tensor] = []
    trace.map(lambda t: found.append(t) or t if t.is_floating_point() else t)
    return found


def in_double(child: nn.Module | None) -> Callable[[Tensor], Tensor]:
    """A layer as it is now, in float64, whatever becomes of its weights; the identity for None.

    Layers that torch does not define (wrapped, quantised) run in their own precision.
    """
    if child is None:
        return lambda given: given
    if not type(child).__module__.startswith("torch.nn"):
        dtype = next((p.dtype for p in child.parameters()), torch.float32)
        return lambda given: child(given.to(dtype)).double()
    weights = {name: p.detach().clone() for name, p in child.named_parameters()}

    def exact(given: Tensor) -> Tensor:
        return functional_call(child, {n: w.double() for n, w in weights.items()}, (given,))

    return exact
