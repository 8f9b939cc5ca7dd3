"""Which module is deformable attention, and what its parts are called: read off its structure.

A module qualifies if it has two linear children that read the same query, one of them with twice
the outputs of the other (offsets 2·M·ΣK, weights M·ΣK), and if its `forward` takes references.
Names only decide between candidates. What a structure cannot tell, a declared `Adapter` does.
"""

import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

REFERENCES = re.compile(r"^(reference|refer|ref)(_|s?$)")
SHAPES = re.compile(r"(^|_)shapes(_|$)")
MASK = re.compile(r"mask")
VALUES = ("encoder_hidden_states", "input_flatten", "value", "memory", "src", "features")
HEADS = ("n_heads", "num_heads", "heads", "n_head", "num_head", "nhead", "nheads")
POINTS = ("num_points_list", "n_points_list", "n_points", "num_points", "points")
BOX_SCALE = 0.5  # an offset of K reaches the edge of the box


@dataclass(frozen=True)
class Adapter:
    """How to read one class of deformable attention: its children, arguments and attributes.

    Whatever is None is found by structure, so a declaration names only what is unusual.
    `references`, `shapes`, `value` and `mask` are arguments of `forward`; `heads` and `points`
    attributes of the module, or the numbers themselves.
    """

    applies_to: type | str  # the class, or its name
    offsets: str | None = None  # child that predicts 2·M·ΣK numbers per query
    weights: str | None = None  # child that predicts M·ΣK numbers per query
    value_projection: str | None = None  # child; none: the value is sampled as it comes
    output_projection: str | None = None  # child; none: what was sampled is returned
    references: str | None = None  # [batch query level xy or cxcywh], or of one shared level
    value: str | None = None  # [batch pixel channel], where there is no value projection
    shapes: str | None = None  # (H, W) of each level
    mask: str | None = None  # [batch pixel]
    heads: str | int | None = None
    points: str | int | tuple[int, ...] | None = None
    box_scale: float | None = None  # share of a box that K offsets span, 0.5 in the paper

    @property
    def says_references_alone(self) -> bool:
        """Whether the rest is left to what the module hands to its core."""
        return self == Adapter(self.applies_to, references=self.references)

    def fits(self, module: nn.Module) -> bool:
        """Whether this declaration is about `module`."""
        if isinstance(self.applies_to, str):
            return type(module).__name__ == self.applies_to
        return isinstance(module, self.applies_to)


@dataclass(frozen=True)
class Parts:
    """The parts of one module: what an `Adapter` says, completed by what its structure shows."""

    module: nn.Module
    offsets: nn.Module
    weights: nn.Module
    value_projection: nn.Module | None
    output_projection: nn.Module | None
    core: nn.Module | None  # parameter-free child that is handed locations and weights
    references: str
    value: str | None
    shapes: tuple[str, ...]  # candidates; the first that is given counts
    mask: tuple[str, ...]
    heads: int | None  # None: as many as the core is handed
    points: int | tuple[int, ...] | None
    box_scale: float
    nearest: bool  # RT-DETRv2's discrete sampling


def width(child: Any) -> tuple[int, int] | None:
    """(inputs, outputs) of anything that is a linear layer, wrapped or quantised ones included."""
    inputs, outputs = getattr(child, "in_features", None), getattr(child, "out_features", None)
    if isinstance(inputs, int) and isinstance(outputs, int):
        return inputs, outputs
    return None


def parts_of(module: nn.Module, adapters: Iterable[Adapter] = ()) -> Parts | str | None:
    """The parts of a deformable attention; a reason if it looks like one but cannot be read.

    None: it is something else.
    """
    declared = next((adapter for adapter in adapters if adapter.fits(module)), None)
    said = declared or Adapter(type(module))
    linear = {name: size for name, child in module.named_children() if (size := width(child))}
    pair = _predictors(linear, said)
    names = tuple(inspect.signature(module.forward).parameters)
    references = said.references or next((n for n in names if REFERENCES.search(n)), None)
    if pair is None or references is None:
        if declared is None:
            return None
        return (
            f"its adapter does not fit: offsets {said.offsets!r}, weights {said.weights!r} among "
            f"the linear children {', '.join(linear) or 'none'}; references {references!r} among "
            f"the arguments {', '.join(names)}."
        )
    core = _core(module)
    heads = _number(module, said.heads, HEADS)
    if heads is None and core is None:
        return "the number of its heads is not written in an attribute; declare an Adapter(heads=)."
    children = dict(module.named_children())
    value, output = _projections(linear, pair, said)
    scale = getattr(module, "offset_scale", None) if said.box_scale is None else said.box_scale
    method = getattr(module, "method", getattr(module, "decoder_method", "default"))
    return Parts(
        module,
        children[pair[0]],
        children[pair[1]],
        children.get(value or ""),
        children.get(output or ""),
        core,
        references,
        said.value or next((n for n in VALUES if n in names), None),
        _chosen(said.shapes, names, SHAPES),
        _chosen(said.mask, names, MASK),
        heads,
        _points(module, said.points),
        float(scale) if isinstance(scale, (int, float)) else BOX_SCALE,
        method == "discrete",
    )


def _predictors(linear: Mapping[str, tuple[int, int]], said: Adapter) -> tuple[str, str] | None:
    """The names of the layers that predict offsets and weights."""
    fitting = [
        (offsets, weights)
        for offsets, (reads, twice) in linear.items()
        for weights, (also_reads, once) in linear.items()
        if twice == 2 * once
        and reads == also_reads
        and said.offsets in (None, offsets)
        and said.weights in (None, weights)
    ]

    def likely(pair: tuple[str, str]) -> bool:
        return "offset" in pair[0] and ("weight" in pair[1] or "attn" in pair[1])

    return max(fitting, key=likely, default=None)


def _projections(
    linear: Mapping[str, tuple[int, int]], pair: tuple[str, str], said: Adapter
) -> tuple[str | None, str | None]:
    """The names of value and output projection among the other linear children."""
    rest = [name for name in linear if name not in pair]
    output = said.output_projection or next((n for n in rest if "out" in n), None)
    value = said.value_projection or next((n for n in rest if "val" in n and n != output), None)
    return value, output


def _chosen(said: str | None, names: tuple[str, ...], pattern: re.Pattern) -> tuple[str, ...]:
    """Arguments by pattern; lists before tensors, which may wait for a GPU."""
    if said is not None:
        return (said,)
    found = [name for name in names if pattern.search(name)]
    return tuple(sorted(found, key=lambda name: not name.endswith("_list")))


def _number(module: nn.Module, said: str | int | None, names: tuple[str, ...]) -> int | None:
    if isinstance(said, int):
        return said
    for name in (said,) if said else names:
        found = getattr(module, name, None)
        if isinstance(found, int) and not isinstance(found, bool):
            return found
    return None


def _points(module: nn.Module, said: Any) -> int | tuple[int, ...] | None:
    """Points per level, one number or one per level; None: as many as the layers' sizes say."""
    if isinstance(said, (int, tuple, list)):
        return said if isinstance(said, int) else tuple(said)
    for name in (said,) if said else POINTS:
        found = getattr(module, name, None)
        found = found.tolist() if isinstance(found, Tensor) else found
        if isinstance(found, (list, tuple)) and found and all(isinstance(n, int) for n in found):
            return tuple(found)
    return None


def _core(module: nn.Module) -> nn.Module | None:
    """A child without parameters that is handed locations and weights, such as `attn`."""
    for child in module.children():
        names = _argument_names(child)
        if (
            next(child.parameters(), None) is None
            and any("location" in name for name in names)
            and any("weight" in name for name in names)
        ):
            return child
    return None


def _argument_names(module: nn.Module) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(module.forward).parameters)
    except (TypeError, ValueError):
        return ()
