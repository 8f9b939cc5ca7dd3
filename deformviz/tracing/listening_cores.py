"""Listening to the core op alone, where no adapter fits a module by its structure.

Value, locations and weights are those the module handed to its core; the proof compares their
replay with what the core returned, since which layers follow it is not known.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from deformviz.attention.reference import split_heads
from deformviz.axes import ShapeError
from deformviz.geometry import shapes_list
from deformviz.schema import AttentionTrace
from deformviz.tracing.adapters import BOX_SCALE, REFERENCES, Adapter
from deformviz.tracing.cores import Core, parameters_of
from deformviz.tracing.listening import Keep, Skip, formula_of, in_backward
from deformviz.tracing.proof import Evidence
from deformviz.tracing.reading import Unreadable, joined_value, trace_of_samples
from deformviz.tracing.replay import replay_attention


class CoreListener:
    """Hears what one module hands to its cores, and what they return.

    Args:
        said: what somebody declared about the class; of it `references` counts here.
    """

    def __init__(self, module: nn.Module, cores: list[Core], said: Adapter | None = None):
        self._module, self._cores = module, cores
        self._references = said.references if said else None
        self._names = parameters_of(module.forward)
        self._given: dict[str, Any] | None = None  # while the module runs
        self._heard: list[tuple[Mapping[str, Any], Any]] = []
        self.keeps_graph = False

    def attach(self, keep: Keep, skip: Skip) -> list:
        """Hook the module and tap its cores; the handles remove both."""

        def begin(_: nn.Module, args: tuple, kwargs: dict) -> None:
            if not in_backward():
                self._given = {**dict(zip(self._names, args, strict=False)), **kwargs}
                self._heard = []

        def end(*_: Any) -> None:
            given, heard = self._given, self._heard
            self._given, self._heard = None, []
            if given is not None and not heard:
                skip("its core was not called in this pass.")
            for arguments, returned in heard if given is not None else ():
                self._hand_over(given, arguments, returned, keep, skip)

        return [
            self._module.register_forward_pre_hook(begin, with_kwargs=True),
            self._module.register_forward_hook(end),
            *(core.hear(self._hear) for core in self._cores),
        ]

    def _hear(self, arguments: Mapping[str, Any], returned: Any) -> None:
        if self._given is not None:
            self._heard.append((arguments, returned))

    def _hand_over(self, given, arguments, returned, keep: Keep, skip: Skip) -> None:
        try:
            with torch.set_grad_enabled(self.keeps_graph):
                output = returned[0] if isinstance(returned, tuple) else returned
                trace = read_core(arguments, output, self._reference(given))
        except (Unreadable, ShapeError, RuntimeError, TypeError, KeyError) as problem:
            skip(str(problem))
            return
        evidence = Evidence(replay_attention, output.detach(), f"{formula_of(trace)}, core")
        keep(trace, evidence)

    def _reference(self, given: Mapping[str, Any]) -> Tensor:
        """The reference among the module's arguments: as declared, else by name or by shape."""
        tensors = {name: g for name, g in given.items() if isinstance(g, Tensor)}
        if self._references is not None:
            chosen = [self._references] if self._references in tensors else []
        else:
            shaped = [n for n, g in tensors.items() if g.dim() in (3, 4) and g.shape[-1] in (2, 4)]
            chosen = [name for name in shaped if REFERENCES.search(name)] or shaped
        if len(chosen) != 1:
            wanted = f" {self._references!r}" if self._references else ""
            raise Unreadable(
                f"its references{wanted} are not to be told among its arguments "
                f"{', '.join(given) or 'none'}; declare an Adapter(references=)."
            )
        return tensors[chosen[0]]


def read_core(arguments: Mapping[str, Any], output: Tensor, references: Tensor) -> AttentionTrace:
    """The batched trace of one call of a core.

    Raises:
        Unreadable: an argument is missing, or sizes do not fit together.
    """
    locations = _one(arguments, "location")
    weights = _one(arguments, "weight")
    batch, queries, heads = locations.shape[:3]
    said = next((g for name, g in arguments.items() if "shapes" in name), None)
    if said is None:
        raise Unreadable("the sizes of its levels were not handed to its core.")
    shapes = shapes_list(said)
    value = joined_value(next(g for name, g in arguments.items() if "value" in name), batch)
    value = value if value.dim() == 4 else split_heads(value, heads)
    counts = _counts(arguments, locations, len(shapes))
    if references.dim() == 3:
        references = references[:, :, None]
    references = references.expand(batch, queries, len(shapes), -1)
    by_sample = locations.reshape(batch, queries, heads, -1, 2)
    arrays = {
        "sampling_locations": by_sample,
        "attention_weights": weights.reshape(by_sample.shape[:-1]),
        "sampling_offsets": _offsets(by_sample, references, shapes, counts),
    }
    return trace_of_samples(
        arrays,
        references,
        shapes,
        counts,
        value=value,
        output=output,
        sampling="nearest" if arguments.get("method") == "discrete" else "bilinear",
    )


def _one(arguments: Mapping[str, Any], word: str) -> Tensor:
    found = next((g for name, g in arguments.items() if word in name), None)
    if not isinstance(found, Tensor):
        raise Unreadable(f"its core was handed no tensor of {word}s.")
    return found


def _counts(arguments: Mapping[str, Any], locations: Tensor, levels: int) -> tuple[int, ...]:
    """Points per level: listed, or the same of each."""
    listed = next((g for name, g in arguments.items() if "points" in name and g is not None), None)
    if listed is not None:
        return tuple(int(count) for count in listed)
    samples = locations[0, 0, 0].numel() // 2
    if samples % levels:
        raise Unreadable(f"its core has {samples} samples a head for {levels} levels.")
    return (samples // levels,) * levels


def _offsets(locations: Tensor, references: Tensor, shapes: list, counts: tuple) -> Tensor:
    """What must have been added to the references, in feature pixels or shares of the box."""
    level = [index for index, count in enumerate(counts) for _ in range(count)]
    start = references[:, :, None, level].to(locations.dtype)
    moved = locations - start[..., :2]
    if start.shape[-1] == 2:
        return moved * moved.new_tensor([(shapes[i][1], shapes[i][0]) for i in level])
    per_level = moved.new_tensor([counts[i] for i in level])[:, None]
    return moved / (start[..., 2:] * BOX_SCALE) * per_level
