"""The systems a file may hold: `deformviz.systems` above hands them over, here they are found.

Free of torch, so that whoever imports deformviz can hand them over at no cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from torch import Tensor, nn

    from deformviz.checkpoints.registry import Layout


class Published(NamedTuple):
    """What a paper's table states of one model."""

    name: str
    millions: float  # of parameters
    giga: float  # 10^9 multiply-adds, which the papers call FLOPs
    source: str


class KnownSystem(Protocol):
    """What the floors below need to know of a kind of network."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def published(self) -> tuple[Published, ...]: ...

    def read_config(self, values: Mapping[str, Any]) -> Any:
        """A configuration from plain values; ValueError or TypeError where they are none."""
        ...

    def build(self, config: Any) -> nn.Module:
        """A model with untrained weights."""
        ...

    def computed(self, config: Any) -> Mapping[str, Tensor]:
        """Buffers that follow from the configuration, by key; they are never stored."""
        ...

    def layout_records(self) -> tuple[Layout, ...]:
        """How files name its weights, in the order in which they are tried."""
        ...

    def holds(self, model: nn.Module) -> bool:
        """Whether a model is one of this kind."""
        ...

    def describe(self, model: Any, input_hw: tuple[int, int] | None) -> Any:
        """Its parts with sizes and costs: an `Architecture`."""
        ...


_known: Mapping[str, KnownSystem] = {}


def hand_over(systems: Mapping[str, KnownSystem]) -> None:
    """Make these the systems that files may hold; the mapping itself is kept, not a copy."""
    global _known
    _known = systems


def known_systems() -> Mapping[str, KnownSystem]:
    """Every system by its name; files are tried in this order."""
    return _known


def system_of(model: nn.Module) -> KnownSystem | None:
    """The system a model belongs to, if it is a known one."""
    return next((system for system in _known.values() if system.holds(model)), None)
