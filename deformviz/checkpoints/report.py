"""What loading a checkpoint found, key by key, and what it had to assume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from deformviz.checkpoints.reasons import KINDS, likely_reason

if TYPE_CHECKING:  # a report is read without torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class Assumption:
    """A value that the weights cannot tell, and where it was taken from."""

    name: str
    value: Any
    source: str

    def __str__(self) -> str:
        return f"{self.name}={self.value!r}: {self.source}"


@dataclass(frozen=True)
class LoadReport:
    """How a checkpoint became a model; kept as `model.load_report`."""

    file: str
    layout: str  # who named the keys
    system: str  # "deformable-detr"
    variant: str  # "two-stage", in words
    sizes: Mapping[str, Any] = field(default_factory=dict)
    assumed: tuple[Assumption, ...] = ()
    matched: int = 0  # keys
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    wrong_shape: tuple[str, ...] = ()  # in words, with both shapes
    filled: tuple[str, ...] = ()  # copies of shared weights the file omits
    ignored: tuple[str, ...] = ()  # keys without a use here
    not_finite: tuple[str, ...] = ()  # keys that hold NaN or infinity
    sets: tuple[str, ...] = ()  # every set of weights in the file
    parameters: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def fits(self) -> bool:
        """Whether every key found its place."""
        return not (self.missing or self.unexpected or self.wrong_shape)

    def __str__(self) -> str:
        lines = [
            f"{self.file}: {self.system} ({self.variant}), layout {self.layout}, "
            f"{self.parameters / 1e6:.2f} M parameters, {self.matched} keys matched"
        ]
        lines += [f"assumed {assumption}" for assumption in self.assumed]
        if self.not_finite:
            lines.append(
                f"NaN or infinity in {some(self.not_finite)}: the training that wrote the file "
                f"has probably diverged"
            )
        if self.ignored:
            lines.append(f"ignored: {some(self.ignored)}")
        lines += [
            f"{kind.replace('_', ' ')}: {key} (likely {reason})"
            for kind, key, reason in self.misfits()
        ]
        return "\n".join(lines)

    def misfits(self) -> list[tuple[str, str, str]]:
        """Every key that found no place: (kind, key in words, likely reason)."""
        return [
            (kind, key, likely_reason(kind, key)) for kind in KINDS for key in getattr(self, kind)
        ]


def shared_keys(model: nn.Module) -> dict[str, str]:
    """Keys under which a model lists a weight again: the later name -> the first one."""
    first: dict[int, str] = {}
    again: dict[str, str] = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) in first:
            again[name] = first[id(tensor)]
        else:
            first[id(tensor)] = name
    return again


def some(keys: tuple[str, ...], most: int = 3) -> str:
    """The first few of many, in words."""
    rest = len(keys) - most
    return ", ".join(keys[:most]) + (f" and {rest} more" if rest > 0 else "")


def compared(report: LoadReport, model: nn.Module, tensors: Mapping[str, Tensor]) -> LoadReport:
    """The report, with what tells how `tensors` fit into `model`."""
    expected = model.state_dict()
    return replace(
        report,
        matched=len(expected.keys() & tensors.keys()),
        missing=tuple(name for name in expected if name not in tensors),
        unexpected=tuple(name for name in tensors if name not in expected),
        wrong_shape=tuple(
            f"{name} is {tuple(tensors[name].shape)}, expected {tuple(wanted.shape)}"
            for name, wanted in expected.items()
            if name in tensors and tensors[name].shape != wanted.shape
        ),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
    )
