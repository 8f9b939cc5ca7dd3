"""Record what deformable attention does inside a model that is not ours: hooks, for a while.

Knows our own modules and those of Hugging Face transformers, whose samples pass through an inner,
parameter-free module called `MultiScaleDeformableAttention`. Another library's module is one more
class with `attach`, chosen in `_capture_of`.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.axes import ShapeError
from deformviz.geometry import shapes_list
from deformviz.schema import AttentionTrace

INNER = "MultiScaleDeformableAttention"
LAYER = re.compile(r"\b(encoder|decoder)\b(?:\.[A-Za-z_]\w*)*?\.(\d+)\b")
Keep = Callable[[Mapping[str, Any]], None]


class RecordError(ValueError):
    """There is nothing in the model that could be recorded."""


@dataclass
class Recording:
    """Traces by layer, of the last forward pass; batched, detached, on the CPU.

    `skipped` says in a sentence why a layer has no trace.
    """

    layers: tuple[str, ...]
    traces: dict[str, AttentionTrace] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> AttentionTrace:
        if name not in self.traces:
            why = self.skipped.get(name, f"recorded so far: {', '.join(self.traces) or 'nothing'}.")
            raise KeyError(f"No trace of {name!r}; {why}")
        return self.traces[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.traces)

    def __len__(self) -> int:
        return len(self.traces)

    def image(self, index: int) -> dict[str, AttentionTrace]:
        """The traces of one image of the batch, by layer, without the batch axis."""
        return {name: trace.image(index) for name, trace in self.traces.items()}


@contextmanager
def record(module: nn.Module, *, keep_values: bool = False) -> Iterator[Recording]:
    """Record every deformable attention layer inside `module` while the block runs.

    What the module computes and returns is not changed, and no hook stays behind.

    Args:
        module: any module; layers below a path like "model.encoder.layers.0.self_attn" are
            called "encoder.0", others by their path.
        keep_values: also keep `value`, `query` and `output` of each layer.

    Raises:
        RecordError: nothing below `module` is a deformable attention this version knows.
    """
    found = [
        (path, attach)
        for path, child in module.named_modules()
        if (attach := _capture_of(child)) is not None
    ]
    if not found:
        raise RecordError(
            f"{type(module).__name__} holds no deformable attention that can be recorded. Known "
            "are deformviz's own modules and those of Hugging Face transformers whose samples "
            f"pass through a child of class {INNER}."
        )
    names = layer_names([path for path, _ in found])
    recording = Recording(tuple(names))
    handles: list[Any] = []
    try:
        for name, (_, attach) in zip(names, found, strict=True):
            handles += attach(_keeper(recording, name, keep_values))
        yield recording
    finally:
        for handle in handles:
            handle.remove()


def layer_names(paths: list[str]) -> list[str]:
    """Short names of module paths, "encoder.0"; the path itself where two would be called alike."""
    short = []
    for path in paths:
        match = LAYER.search(path)
        short.append(f"{match[1]}.{match[2]}" if match else path or "attention")
    return [
        path if short.count(name) > 1 else name for path, name in zip(paths, short, strict=True)
    ]


def _keeper(recording: Recording, name: str, keep_values: bool) -> Keep:
    """Takes the fields of one layer's trace and files the record, or why there is none."""

    def keep(fields: Mapping[str, Any]) -> None:
        if not keep_values:
            fields = {**fields, **dict.fromkeys(("value", "query", "output"))}
        try:
            trace = AttentionTrace(**fields)
        except (ShapeError, TypeError) as problem:
            recording.skipped[name] = str(problem)
            return
        recording.traces[name] = trace.map(lambda tensor: tensor.detach().cpu())

    return keep


def _capture_of(module: nn.Module) -> Callable[[Keep], list] | None:
    """How to listen to this module, or None if it is no deformable attention."""
    if isinstance(module, MultiScaleDeformableAttention):
        return _OwnModule(module).attach
    children = dict(module.named_children())
    inner = next((c for c in children.values() if type(c).__name__ == INNER), None)
    if inner is not None and {"sampling_offsets", "attention_weights"} <= set(children):
        return _TransformersModule(module, inner).attach
    return None


class _OwnModule:
    """Our module makes the trace itself; it only has to be asked."""

    def __init__(self, module: MultiScaleDeformableAttention):
        self._module, self._asked = module, []

    def attach(self, keep: Keep) -> list:
        def ask(_, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
            self._asked.append(kwargs.get("traced", True))
            return args, {**kwargs, "traced": True}

        def take(_, args: tuple, kwargs: dict, result: tuple) -> tuple:
            output, trace = result
            keep({name: getattr(trace, name) for name in trace.__dataclass_fields__})
            return output, trace if self._asked.pop() else None

        return [
            self._module.register_forward_pre_hook(ask, with_kwargs=True),
            self._module.register_forward_hook(take, with_kwargs=True),
        ]


class _TransformersModule:
    """The outer module knows the references, its linear layer the offsets, the inner one the rest.

    Source: transformers 5.23, models.deformable_detr (and its relatives with the same signature).
    """

    def __init__(self, module: nn.Module, inner: nn.Module):
        self._module, self._inner = module, inner
        self._signature = inspect.signature(module.forward)
        self._inner_signature = inspect.signature(inner.forward)
        self._seen: dict[str, Any] = {}

    def attach(self, keep: Keep) -> list:
        return [
            self._module.register_forward_pre_hook(self._begin, with_kwargs=True),
            self._module.sampling_offsets.register_forward_hook(self._offsets),
            self._inner.register_forward_pre_hook(self._samples, with_kwargs=True),
            self._module.register_forward_hook(lambda *call: self._end(keep, call[-1])),
        ]

    def _begin(self, _, args: tuple, kwargs: dict) -> None:
        given = self._signature.bind_partial(*args, **kwargs).arguments
        self._seen = {"references": given.get("reference_points")}

    def _offsets(self, _, inputs: tuple, raw: Tensor) -> None:
        self._seen |= {"query": inputs[0], "raw_offsets": raw}

    def _samples(self, _, args: tuple, kwargs: dict) -> None:
        given = self._inner_signature.bind_partial(*args, **kwargs).arguments
        self._seen |= {
            "value": given["value"],
            "sampling_locations": given["sampling_locations"],
            "attention_weights": given["attention_weights"],
            "spatial_shapes": torch.as_tensor(shapes_list(given["value_spatial_shapes"])),
        }

    def _end(self, keep: Keep, result: Any) -> None:
        seen, self._seen = self._seen, {}
        references, locations = seen.pop("references", None), seen.get("sampling_locations")
        if references is None or locations is None:
            return
        points = references.shape[-1] == 2
        keep(
            {
                **{name: value for name, value in seen.items() if name != "raw_offsets"},
                "sampling_offsets": seen["raw_offsets"].reshape(locations.shape),
                "reference_points" if points else "reference_boxes": references,
                "output": result[0] if isinstance(result, tuple) else result,
            }
        )
