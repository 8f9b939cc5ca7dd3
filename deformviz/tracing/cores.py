"""The core of deformable attention as a function: found by its arguments, heard while a block runs.

Every repository hands value, locations and weights to one callable: a custom autograd function
(`MSDeformAttnFunction.apply`), its plain PyTorch twin (`ms_deform_attn_core_pytorch`,
`deformable_attention_core_func`, ..) or a child without parameters. What a module's layers are
made of does not matter to it.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from torch import nn
from torch.autograd import Function

Hear = Callable[[Mapping[str, Any], Any], None]  # arguments by name, and what came of them


def is_core(names: tuple[str, ...]) -> bool:
    """Whether arguments of these names are value, locations and weights."""
    return all(any(word in name for name in names) for word in ("value", "location", "weight"))


def parameters_of(function: Any) -> tuple[str, ...]:
    """The names of a callable's arguments; none where it does not tell."""
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return ()


@dataclass(frozen=True)
class Core:
    """A core as a module reaches it: a name in a namespace, or a child that is called."""

    holder: Any  # the dict of a file's names, an autograd function, or the module that holds it
    name: str
    arguments: tuple[str, ...]  # in their order

    def named(self, args: tuple, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of one call by name."""
        return {**dict(zip(self.arguments, args, strict=False)), **kwargs}

    def hear(self, listener: Hear) -> "Ear":
        """Have `listener` told of every call until the ear is removed."""
        tap = _taps.setdefault((id(self.holder), self.name), _Tap(self))
        return Ear(tap, listener)


def cores_of(module: nn.Module) -> list[Core]:
    """The cores that the code of a module's own class names, and those it holds."""
    found = {}
    for name, child in module.named_children():
        if next(child.parameters(), None) is None and is_core(parameters_of(child.forward)):
            found[name] = Core(module, name, parameters_of(child.forward))
    for name, held in vars(module).items():
        if callable(held) and not name.startswith("_") and is_core(parameters_of(held)):
            found[name] = Core(module, name, parameters_of(held))
    for namespace, name in _names(type(module)):
        known = namespace.get(name) if isinstance(namespace, dict) else getattr(namespace, name)
        if isinstance(known, type) and issubclass(known, Function):
            arguments = parameters_of(known.forward)[1:]  # without the context
            if is_core(arguments):
                found[known.__qualname__] = Core(known, "apply", arguments)
        elif inspect.isfunction(known) and is_core(parameters_of(known)):
            found[name] = Core(namespace, name, parameters_of(known))
    return list(found.values())


def _names(kind: type) -> Iterator[tuple[Any, str]]:
    """Global names in the methods of a class, `package.name` included: (namespace, name)."""
    for base in kind.__mro__:
        if base is nn.Module or base.__module__.startswith(("torch.", "builtins")):
            continue
        for method in vars(base).values():
            if not inspect.isfunction(method):
                continue
            reached = method.__code__.co_names
            for name in reached:
                known = method.__globals__.get(name)
                if isinstance(known, ModuleType) and known.__name__.partition(".")[0] != "torch":
                    yield from ((known, n) for n in reached if hasattr(known, n))
                elif known is not None:
                    yield method.__globals__, name


class Ear:
    """One listener at a core; `remove` ends it, as the handle of a hook does."""

    def __init__(self, tap: "_Tap", listener: Hear):
        self._tap, self._listener = tap, listener
        tap.listeners.append(listener)

    def remove(self) -> None:
        """Hear no more; the last one to leave puts the core back."""
        if self._listener in self._tap.listeners:
            self._tap.listeners.remove(self._listener)
        if not self._tap.listeners:
            self._tap.put_back()


class _Tap:
    """A core behind a wrapper that tells its listeners; one for all modules that share it."""

    def __init__(self, core: Core):
        self._core, self.listeners = core, []
        holder, name = core.holder, core.name
        self._original = holder[name] if isinstance(holder, dict) else getattr(holder, name)
        self._own = not isinstance(holder, type) or name in vars(holder)

        def told(*args: Any, **kwargs: Any) -> Any:
            returned = self._original(*args, **kwargs)
            named = core.named(args, kwargs)
            for listener in tuple(self.listeners):
                listener(named, returned)
            return returned

        self._hook = None
        if isinstance(self._original, nn.Module):
            self._hook = self._original.register_forward_hook(self._tell, with_kwargs=True)
        else:
            self._set(told)

    def _tell(self, _: nn.Module, args: tuple, kwargs: dict, returned: Any) -> None:
        for listener in tuple(self.listeners):
            listener(self._core.named(args, kwargs), returned)

    def _set(self, value: Any) -> None:
        if isinstance(self._core.holder, dict):
            self._core.holder[self._core.name] = value
        else:
            setattr(self._core.holder, self._core.name, value)

    def put_back(self) -> None:
        """As it was before."""
        _taps.pop((id(self._core.holder), self._core.name), None)
        if self._hook is not None:
            self._hook.remove()
        elif self._own:
            self._set(self._original)
        else:
            delattr(self._core.holder, self._core.name)


_taps: dict[tuple[int, str], _Tap] = {}
