"""What can be loaded: shipped names, and the key layouts a file may have."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.reading import CheckpointFile
from deformviz.checkpoints.report import Assumption

ASSETS = Path(__file__).parents[1] / "assets"
SHIPPED = {
    "deformable-detr-scenes": "deformable-detr-scenes.safetensors",
    "dat-scenes": "dat-scenes.safetensors",
    "dat-small-scenes": "dat-small-scenes.safetensors",  # small objects, nine knots a group
}


@dataclass(frozen=True)
class Options:
    """What a caller says about a file; None where nothing was said."""

    heads: int | None = None
    dilation: bool | None = None
    queries: int | None = None
    version: str | None = None
    config: Mapping[str, Any] | None = None
    class_names: tuple[str, ...] | None = None

    def refuse(self, *names: str, because: str) -> None:
        """Raise if one of these options was given where it cannot apply."""
        for name in names:
            if getattr(self, name) is not None:
                raise CheckpointError(f"{name}={getattr(self, name)!r} was given, but {because}.")


@dataclass(frozen=True)
class Plan:
    """How a file becomes a model: its configuration, and its tensors under our names."""

    system: str  # a known one's name
    variant: str
    config: Any
    tensors: Mapping[str, Tensor]
    assumed: tuple[Assumption, ...] = ()
    ignored: tuple[str, ...] = ()
    sizes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """A way to name the weights of a system; `plan` raises CheckpointError with the reason."""

    name: str
    recognises: Callable[[CheckpointFile], bool]
    plan: Callable[[CheckpointFile, Options], Plan]


def locate(name_or_path: str | Path) -> Path:
    """The file of a shipped name, or the file or folder at a path.

    Raises:
        CheckpointError: neither exists; the message lists what is shipped.
    """
    if str(name_or_path) in SHIPPED:
        path = ASSETS / SHIPPED[str(name_or_path)]
        if path.is_file():
            return path
        raise CheckpointError(
            f"{name_or_path} is a shipped model, but its file {path.name} is not in "
            f"deformviz/assets; this copy of deformviz is incomplete. {shipped_names()}"
        )
    path = Path(name_or_path)
    if path.exists():
        return path
    raise CheckpointError(
        f"{str(name_or_path)!r} is neither a shipped model nor a file. {shipped_names()}"
    )


def shipped_names() -> str:
    """Which models are here, in one sentence."""
    here = [name for name, file in SHIPPED.items() if (ASSETS / file).is_file()]
    return f"Shipped here: {', '.join(here) or 'none'}."
