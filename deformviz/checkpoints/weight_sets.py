"""Which sets of weights a training file holds, and under which prefixes wrappers put them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from deformviz.checkpoints.pickle_objects import StoredTensor, Stub

DEEPEST, DEEPEST_MODULE = 4, 40
MOST_VISITED = 20_000
BARE = "the file itself"
# Where averaged weights stand in the usual wrappers; evaluation uses these.
AVERAGED = ("ema", "model_ema", "ema_model", "ema_state_dict", "average", "swa", "averaged")
STATE = ("optim", "lr_sched", "scheduler", "scaler", "rng", "args", "config", "meta", "hyper")
# What wrappers put before every name: data parallelism, compiling, Lightning, sharding, averaging.
PREFIXES = (
    "module.",
    "_orig_mod.",
    "_fsdp_wrapped_module.",
    "_forward_module.",
    "model.",
    "detr.",
    "ema_model.",
    "net.",
    "network.",
    "state_dict.",
)
# Names beside a wrapped model that are no part of it.
BESIDE = ("criterion.", "bbox_attention.", "mask_head.", "loss.", "matcher.", "postprocessor.")


@dataclass(frozen=True)
class WeightSet:
    """Named tensors somewhere in a file."""

    place: str  # "model", "ema.module", ..; the file itself
    tensors: Mapping[str, StoredTensor | Tensor]
    strange: tuple[str, ...] = ()  # keys that hold something else than plain numbers

    @property
    def is_averaged(self) -> bool:
        """Whether these are a moving average of the trained weights."""
        return any(part in AVERAGED for part in self.place.lower().split("."))

    @property
    def is_of_optimiser(self) -> bool:
        """Whether an optimiser keeps them, as masters in full precision."""
        return self.place.lower().startswith("optim")


def find_weights(content: Any) -> list[WeightSet]:
    """Every set of weights in a file's content, in the order in which it stands there."""
    found: list[WeightSet] = []
    seen: set[int] = set()

    def visit(value: Any, place: str, depth: int) -> None:
        if depth > DEEPEST or id(value) in seen or len(seen) > MOST_VISITED:
            return
        seen.add(id(value))
        if isinstance(value, Stub):
            value = _pickled_module(value)
        if not isinstance(value, Mapping):
            return
        tensors = {k: v for k, v in value.items() if isinstance(v, (StoredTensor, Tensor))}
        named = all(isinstance(key, str) for key in tensors)
        if tensors and named and any("." in key for key in tensors):
            beside = (k for k, v in value.items() if isinstance(v, Stub) and isinstance(k, str))
            strange = tuple(k for k in beside if depth or "tensor" in value[k].name)
            found.append(WeightSet(place or BARE, tensors, strange))
            return
        for key, inner in value.items():
            if isinstance(key, str):
                visit(inner, f"{place}.{key}" if place else key, depth + 1)

    visit(content, "", 0)
    if not found and isinstance(content, Mapping):  # short names are weights if nothing else is
        tensors = {k: v for k, v in content.items() if isinstance(v, (StoredTensor, Tensor))}
        if tensors and all(isinstance(key, str) for key in tensors):
            found.append(WeightSet(BARE, tensors))
    return found


def _pickled_module(stub: Stub) -> dict[str, Any] | None:
    """The state dict of a module that was pickled whole; None if the stub is no module."""
    if "_parameters" not in stub.parts or "_modules" not in stub.parts:
        return None
    return dict(_entries(stub, "", set(), iter(range(MOST_VISITED))))


def _entries(
    stub: Stub, prefix: str, above: set[int], budget: Iterator[int]
) -> Iterator[tuple[str, Any]]:
    """Parameters and buffers of a module and what lies in it, as many as `budget` has steps."""
    if id(stub) in above or len(above) > DEEPEST_MODULE or next(budget, None) is None:
        return
    parts = stub.parts
    hidden = parts.get("_non_persistent_buffers_set")
    hidden = hidden if isinstance(hidden, (set, list, tuple)) else ()
    for group in ("_parameters", "_buffers"):
        for name, value in _mapping(parts.get(group)).items():
            if value is not None and name not in hidden:
                yield f"{prefix}{name}", value
    for name, inner in _mapping(parts.get("_modules")).items():
        if isinstance(inner, Stub):
            yield from _entries(inner, f"{prefix}{name}.", above | {id(stub)}, budget)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def peel(names: list[str]) -> tuple[str, dict[str, str]]:
    """The prefix that wrappers put before all names, and names without it.

    Peeled again until none is left. Names of what only stands beside the model stay as they are.
    """
    peeled, renamed = "", {name: name for name in names}
    while True:
        current = [short for short in renamed.values() if _counts(short)]
        prefix = next(
            (p for p in PREFIXES if current and all(name.startswith(p) for name in current)), None
        )
        if prefix is None or _is_the_layout_s(prefix, current):
            return peeled, renamed
        peeled += prefix
        renamed = {name: short.removeprefix(prefix) for name, short in renamed.items()}


def _counts(name: str) -> bool:
    return "." in name and not name.startswith(BESIDE)


def _is_the_layout_s(prefix: str, names: list[str]) -> bool:
    """Whether a prefix belongs to the names themselves: transformers' own models say "model."."""
    mark = "model.encoder.layers.0.self_attn_layer_norm."
    return prefix == "model." and any(name.startswith(mark) for name in names)
