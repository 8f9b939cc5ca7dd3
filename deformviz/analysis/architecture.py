"""The parts of a model with their sizes and costs, counted without computing anything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from deformviz.checkpoints.systems import Published, known_systems, system_of

if TYPE_CHECKING:  # the records are read without torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class Part:
    """One box of the diagram."""

    name: str  # "encoder"
    detail: str  # what is inside, in words
    parameters: int
    multiply_adds: int  # of one picture
    output: str  # shape of what leaves it, in words
    repeats: int = 1


@dataclass(frozen=True)
class Architecture:
    """A model as a chain of parts, for one size of picture."""

    input_hw: tuple[int, int]
    parts: tuple[Part, ...]
    published_as: str = ""  # the name of the published model of these sizes, if there is one
    published: Published | None = None  # and what its paper states

    @property
    def parameters(self) -> int:
        return sum(part.parameters for part in self.parts)

    @property
    def multiply_adds(self) -> int:
        return sum(part.multiply_adds for part in self.parts)


def describe(model: nn.Module, input_hw: tuple[int, int] | None = None) -> Architecture:
    """The parts of a model of a known system.

    Args:
        input_hw: picture in pixels; None: what the model is made for, 800 x 1066 if it resizes
            as published.

    Raises:
        ValueError: another kind of model.
    """
    system = system_of(model)
    if system is None:
        raise ValueError(
            f"{type(model).__name__} is of no known system: {', '.join(known_systems())}."
        )
    found: Architecture = system.describe(model, input_hw)
    stated = {published.name: published for published in system.published}
    return replace(found, published=stated.get(found.published_as))


def size_of(*modules: nn.Module | Tensor) -> int:
    """Parameters of several modules, each counted once."""
    from torch import Tensor

    found: dict[int, int] = {}
    for module in modules:
        tensors = [module] if isinstance(module, Tensor) else module.parameters()
        found |= {id(tensor): tensor.numel() for tensor in tensors}
    return sum(found.values())
