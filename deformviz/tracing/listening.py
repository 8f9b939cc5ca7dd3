"""Listening to one deformable attention of a model: hooks on it and on its parts."""

import inspect
from collections.abc import Callable
from threading import get_ident
from typing import Any

import torch
from torch import Tensor

from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.axes import ShapeError
from deformviz.tracing.adapters import Parts
from deformviz.tracing.proof import Evidence, in_double
from deformviz.tracing.reading import Call, Unreadable, read_call
from deformviz.tracing.replay import replay_attention

Keep = Callable[[Any, Evidence], None]  # a batched trace, and what it has to answer for
Skip = Callable[[str], None]  # why a call gave no trace


def in_backward() -> bool:
    """Whether autograd is running: gradient checkpointing then calls every module again."""
    return torch._C._current_graph_task_id() != -1


class AttentionListener:
    """Hears a foreign module by its parts: projections, core, arguments, and what it returns."""

    def __init__(self, parts: Parts):
        self._parts = parts
        self._signature = inspect.signature(parts.module.forward)
        self._core_signature = parts.core and inspect.signature(parts.core.forward)
        self._call: Call | None = None
        self.keeps_graph = False  # whether the value shall lead back to the pixels

    def attach(self, keep: Keep, skip: Skip) -> list:
        """Hook the module; the handles remove the hooks."""
        parts = self._parts
        handles = [
            parts.module.register_forward_pre_hook(self._begin, with_kwargs=True),
            parts.offsets.register_forward_hook(self._hear("raw_offsets", "query")),
            parts.weights.register_forward_hook(self._hear("raw_weights")),
            parts.module.register_forward_hook(lambda *call: self._end(call[-1], keep, skip)),
        ]
        if parts.value_projection is not None:
            handles.append(parts.value_projection.register_forward_hook(self._hear("projected")))
        if parts.core is not None:
            handles.append(parts.core.register_forward_pre_hook(self._hand_over, with_kwargs=True))
        return handles

    def _begin(self, _, args: tuple, kwargs: dict) -> None:
        self._call = None if in_backward() else Call(_arguments(self._signature, args, kwargs))

    def _hear(self, name: str, of_input: str | None = None) -> Callable:
        def hear(_, inputs: tuple, output: Tensor) -> None:
            if self._call is None:
                return
            setattr(self._call, name, output)
            if of_input:
                setattr(self._call, of_input, inputs[0])

        return hear

    def _hand_over(self, _, args: tuple, kwargs: dict) -> None:
        if self._call is not None and self._core_signature is not None:
            self._call.core = _arguments(self._core_signature, args, kwargs)

    def _end(self, returned: Any, keep: Keep, skip: Skip) -> None:
        call, self._call = self._call, None
        if call is None:
            return
        call.returned = returned
        try:
            # A graph of ours would not be there when checkpoints recompute.
            with torch.set_grad_enabled(self.keeps_graph):
                trace = read_call(self._parts, call)
                evidence = self._evidence(call, trace)
        except (Unreadable, ShapeError, RuntimeError, TypeError, KeyError) as problem:
            skip(str(problem))
            return
        keep(trace, evidence)

    def _evidence(self, call: Call, trace: Any) -> Evidence:
        project = in_double(self._parts.output_projection)
        return Evidence(
            lambda exact: project(replay_attention(exact)),
            trace.output.detach(),
            formula_of(trace),
        )


def formula_of(trace: Any) -> str:
    """The formula of a trace of deformable attention in words."""
    if trace.sampling == "nearest":
        return "nearest cells, weighted"
    counts = trace.points_per_level
    return "Eq. 3" if len(set(counts)) == 1 else f"Eq. 3 level by level, points {counts}"


def _arguments(signature: inspect.Signature, args: tuple, kwargs: dict) -> dict[str, Any]:
    """Every argument by name, those caught by **kwargs included."""
    bound = signature.bind_partial(*args, **kwargs)
    bound.apply_defaults()
    named = dict(bound.arguments)
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            named |= named.pop(parameter.name, {})
    return named


class OwnListener:
    """Our module makes the trace itself; it only has to be asked."""

    def __init__(self, module: MultiScaleDeformableAttention):
        self._module = module
        self._asked: dict[int, list[bool]] = {}  # by thread: two may run one model at a time

    def attach(self, keep: Keep, skip: Skip) -> list:
        """Hook the module; the handles remove the hooks."""

        def ask(_, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
            self._asked.setdefault(get_ident(), []).append(kwargs.get("traced", True))
            return args, {**kwargs, "traced": True}

        def take(_, args: tuple, kwargs: dict, result: tuple) -> tuple:
            output, trace = result
            if not in_backward():
                project = in_double(self._module.output_proj)
                keep(
                    trace,
                    Evidence(
                        lambda exact: project(replay_attention(exact)),
                        output.detach(),
                        formula_of(trace),
                    ),
                )
            return output, trace if self._asked[get_ident()].pop() else None

        return [
            self._module.register_forward_pre_hook(ask, with_kwargs=True),
            self._module.register_forward_hook(take, with_kwargs=True),
        ]
