"""Records of a derivation: steps, what holds of them, and whether the module agrees."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from deformviz.axes import check_shape

TERM = re.compile(r"\\term\{(\w+)\}")
PART = re.compile(r"\\part\{(\w+)\}\{((?:[^{}]|\{[^{}]*\})*)\}")  # a sign that stands for a step


def terms_of(equation: str) -> tuple[str, ...]:
    """Names of the steps that occur in an equation, in their order."""
    return tuple(dict.fromkeys(TERM.findall(equation)))


@dataclass(frozen=True)
class Check:
    """Something that must be true of a step's value, and whether it is."""

    text: str
    holds: bool


@dataclass(frozen=True)
class Step:
    """One line of the derivation: what it says, what it produced, which code produced it."""

    symbol: str  # LaTeX of the result, "A_{mlqk}"
    name: str  # its name everywhere in the code, "attention_weights"
    equation: str  # LaTeX; \term{name} stands for a step, \part{name}{sum} is a sign of one
    axes: str  # "head level point": of one query, so without batch and query
    value: Tensor
    compute: Callable[..., Any] | None  # what really made `value`; None: it came from outside
    source: str  # "Deformable DETR, Sec. 4.1, Eq. 3"
    unit: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)  # parameter of `compute` -> step
    checks: tuple[Check, ...] = ()

    def __post_init__(self):
        check_shape(self.name, tuple(self.value.shape), self.axes)

    @property
    def code(self) -> str:
        """The source of the function that made the value; empty for what came from outside."""
        if self.compute is None:
            return ""
        if isinstance(self.compute, nn.Module):
            return inspect.getsource(type(self.compute).forward)
        return inspect.getsource(self.compute)

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the steps that occur in the equation, in their order."""
        return terms_of(self.equation)

    @property
    def sizes(self) -> dict[str, int]:
        """This model's size of every axis, by name."""
        return dict(zip(self.axes.split(), self.value.shape, strict=True))


@dataclass(frozen=True)
class Worked:
    """A derivation worked out: its steps, and the module's own word beside them."""

    name: str  # "multi_scale", also the file of its prose
    steps: tuple[Step, ...]
    module_output: Tensor  # what the module itself computed for the same query
    whole: str = ""  # LaTeX of all of it in one line, with \term{name} as in a step

    @property
    def difference(self) -> float:
        """Largest absolute difference of the last step from the module's own output."""
        return float((self.steps[-1].value - self.module_output).abs().max())

    @property
    def holds(self) -> bool:
        """Whether every check of every step holds."""
        return all(check.holds for step in self.steps for check in step.checks)

    def latex(self, equation: str) -> str:
        """An equation with every term spelled out."""
        return TERM.sub(lambda match: self[match[1]].symbol, PART.sub(r"\2", equation))

    def __getitem__(self, name: str) -> Step:
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(
            f"No step {name!r} in {self.name}; it has "
            f"{', '.join(step.name for step in self.steps)}."
        )

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)
