"""Where a derivation is written: functions are called here, and what they return becomes steps."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from deformviz.axes import ShapeError
from deformviz.walkthrough.step import Check, Step, Worked


class Blackboard:
    """Calls the functions of a derivation one by one and notes each as a step.

    Which earlier step fed which parameter is read off the arguments themselves, so the wiring
    shown is the wiring that ran.
    """

    def __init__(self, name: str):
        self.name = name
        self.steps: list[Step] = []
        self._known: list[tuple[Any, str]] = []

    def given(
        self,
        name: str,
        raw: Tensor,
        *,
        symbol: str,
        axes: str,
        source: str,
        unit: str = "",
        pick: Callable[[Any], Tensor] | None = None,
    ) -> Tensor:
        """Note a tensor that comes from outside; returns it as it came."""
        value = (pick or _one_query(axes))(raw)
        self.steps.append(
            Step(symbol, name, rf"\term{{{name}}}", axes, _keep(value), None, source, unit)
        )
        self._known.append((raw, name))
        return raw

    def write(
        self,
        name: str,
        compute: Callable[..., Any],
        *arguments: Any,
        symbol: str,
        equation: str,
        axes: str,
        source: str,
        unit: str = "",
        pick: Callable[[Any], Tensor] | None = None,
        checks: Callable[[Tensor], tuple[Check, ...]] | None = None,
    ) -> Any:
        """Call `compute`, note what it returned, and return it untouched.

        Args:
            pick: what to show of the result; None: its trailing axes, where the leading ones
                (batch and query) have length 1.
            checks: what must hold of the shown value.
        """
        raw = compute(*arguments)
        value = _keep((pick or _one_query(axes))(raw))
        self.steps.append(
            Step(
                symbol,
                name,
                rf"\term{{{name}}} = {equation}",
                axes,
                value,
                compute,
                source,
                unit,
                self._wiring(compute, arguments),
                checks(value) if checks else (),
            )
        )
        self._known.append((raw, name))
        return raw

    def rename(self, raw: Any, part: Any) -> None:
        """Say that `part`, cut out of the result `raw`, is what the step of `raw` is about."""
        if name := self._name_of(raw):
            self._known.append((part, name))

    def check(self, name: str, check: Check) -> None:
        """Add something that must be true of a step noted before."""
        for index, step in enumerate(self.steps):
            if step.name == name:
                self.steps[index] = replace(step, checks=(*step.checks, check))

    def finished(self, module_output: Tensor, whole: str = "") -> Worked:
        """The derivation, beside what the module itself said; `whole` is all of it in one line."""
        return Worked(self.name, tuple(self.steps), _keep(module_output), whole)

    def _wiring(self, compute: Callable[..., Any], arguments: tuple) -> dict[str, str]:
        function = compute.forward if isinstance(compute, nn.Module) else compute
        bound = inspect.signature(function).bind(*arguments).arguments
        wiring = {
            parameter: name
            for parameter, argument in bound.items()
            if (name := self._name_of(argument))
        }
        if isinstance(compute, nn.Module):
            own = compute.named_parameters(recurse=False)
            wiring |= {key: name for key, tensor in own if (name := self._name_of(tensor))}
        return wiring

    def _name_of(self, argument: Any) -> str | None:
        """The last step that gave this very object, or a tuple that begins with it."""
        for raw, name in reversed(self._known):
            if raw is argument or (isinstance(raw, tuple) and raw and raw[0] is argument):
                return name
        return None


def _keep(value: Tensor) -> Tensor:
    return value.detach()


def _one_query(axes: str) -> Callable[[Tensor], Tensor]:
    """Drops leading axes of length 1 until the named ones are left."""

    def pick(raw: Tensor) -> Tensor:
        extra = raw.ndim - len(axes.split())
        if extra < 0 or any(size != 1 for size in raw.shape[:extra]):
            raise ShapeError(f"A value of shape {tuple(raw.shape)} is not of one query [{axes}].")
        return raw.reshape(raw.shape[extra:])

    return pick


def sums_to_one(*axes: int, over: str) -> Callable[[Tensor], tuple[Check, ...]]:
    """The check that a value sums to 1 over the axes with these positions."""

    def check(value: Tensor) -> tuple[Check, ...]:
        rest = (value.sum(axes) - 1).abs().max()
        return (Check(f"sums to 1 over {over}", bool(rest < 1e-5)),)

    return check
