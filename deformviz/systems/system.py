"""What deformviz has to be told of a kind of network, and nothing of it anywhere else.

Configuration, model, layouts and description are named, not imported: the record costs nothing
until one of them is asked for, and whoever only wants the system's title needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from deformviz.checkpoints.systems import Published
from deformviz.words import has, say

if TYPE_CHECKING:
    from torch import Tensor, nn

    from deformviz.analysis.architecture import Architecture
    from deformviz.checkpoints.registry import Layout


@dataclass(frozen=True)
class System:
    """A kind of network. References are written "module:name".

    Its sentences are the words `system.<name>.title` and `system.<name>.sentence`.

    Raises:
        ValueError: a reference that is not written so.
    """

    name: str  # in files and addresses
    config: str  # a frozen dataclass with `from_dict`, `to_dict` and `variant`
    model: str  # a module built from the configuration, with `config`
    layouts: tuple[str, ...]  # `Layout` records, in the order in which they are tried
    description: str  # (model, input_hw or None) -> Architecture
    traces: tuple[type, ...]  # which records its layers leave: AttentionTrace, GridTrace, ..
    room: str  # the room of the app whose pages show it
    buffers: str | None = None  # configuration -> buffers that files never hold
    published: tuple[Published, ...] = ()

    def __post_init__(self) -> None:
        for reference in self.references:
            module, colon, name = reference.partition(":")
            if not (module and colon and name):
                raise ValueError(f"{self.name} refers to {reference!r}; write it as module:name.")

    @property
    def references(self) -> tuple[str, ...]:
        """Everything the record names."""
        more = () if self.buffers is None else (self.buffers,)
        return (self.config, self.model, *self.layouts, self.description, *more)

    @property
    def title(self) -> str:
        """Its name as people write it; of a record without words, its name in files."""
        key = f"system.{self.name}.title"
        return say(key) if has(key) else self.name

    @property
    def sentence(self) -> str:
        """What it is, in one sentence."""
        return say(f"system.{self.name}.sentence")

    def read_config(self, values: Mapping[str, Any]) -> Any:
        """Its configuration from plain values; ValueError or TypeError where they are none."""
        return referred(self.config).from_dict(values)

    def build(self, config: Any) -> nn.Module:
        """A model with untrained weights."""
        return referred(self.model)(config)

    def computed(self, config: Any) -> Mapping[str, Tensor]:
        """Buffers that follow from the configuration, by key; files never hold them."""
        return {} if self.buffers is None else referred(self.buffers)(config)

    def layout_records(self) -> tuple[Layout, ...]:
        """How files name its weights, in the order in which they are tried."""
        return tuple(referred(layout) for layout in self.layouts)

    def holds(self, model: nn.Module) -> bool:
        """Whether a model is one of this kind."""
        return type(model) is referred(self.model)

    def describe(self, model: Any, input_hw: tuple[int, int] | None) -> Architecture:
        """Its parts with their sizes and costs."""
        return referred(self.description)(model, input_hw)


def referred(reference: str) -> Any:
    """What "module:name" stands for."""
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)
