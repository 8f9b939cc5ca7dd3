"""What a pickle may describe here: tensors not yet read, plain containers, and inert stubs.

Nothing of a file's own is ever imported or called. Names of a few constructors are understood and
imitated; everything else becomes a `Stub` that only remembers what the file said.
"""

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

# Modules whose functions a checkpoint has no reason to name; a file that does is refused.
DANGEROUS = frozenset(
    "os posix nt subprocess sys shutil socket pty runpy importlib ctypes code pdb timeit "
    "webbrowser commands".split()
)
DANGEROUS_BUILTINS = frozenset("eval exec compile open __import__ input breakpoint".split())
STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "UntypedStorage": torch.uint8,
}


@dataclass(frozen=True)
class Name:
    """Something a pickle names by module and attribute."""

    module: str
    attribute: str

    def __str__(self) -> str:
        return f"{self.module}.{self.attribute}"

    @property
    def is_dangerous(self) -> bool:
        """Whether it could only be there to run something."""
        if self.module in ("builtins", "__builtin__"):
            return self.attribute in DANGEROUS_BUILTINS
        return self.module.partition(".")[0] in DANGEROUS


@dataclass(eq=False)
class Stub:
    """An object of a class that is not read: its name, and what the file says of it."""

    name: str
    arguments: tuple = ()
    state: Any = None
    items: list = field(default_factory=list)

    @property
    def parts(self) -> dict:
        """The object's attributes where the file gives them by name."""
        state = self.state
        if isinstance(state, tuple) and len(state) == 2:  # (attributes, slots)
            state = state[0] or state[1]
        return state if isinstance(state, dict) else {}


@dataclass(frozen=True)
class StoredNumbers:
    """A storage: `count` numbers under a key of the file."""

    key: str
    dtype: torch.dtype
    count: int
    start: int = 0  # where a view of a storage begins, in numbers


@dataclass(frozen=True)
class StoredTensor:
    """A tensor that has not been read yet."""

    storage: StoredNumbers
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class Attributes(dict):
    """argparse.Namespace and its like, as a mapping."""


def _tensor(arguments: tuple) -> Any:
    storage, offset, shape, stride, *_ = arguments
    if isinstance(storage, Stub):
        return Stub("torch.tensor", (storage,))
    whole = all(type(n) is int and n >= 0 for n in (offset, *shape, *stride))
    if not isinstance(storage, StoredNumbers) or len(shape) != len(stride) or not whole:
        raise ValueError("a tensor without a storage")
    return StoredTensor(storage, offset + storage.start, tuple(shape), tuple(stride))


def _array(arguments: tuple) -> Any:
    """numpy's own way to say an array, protocol 5: (bytes, dtype, shape, order)."""
    data, kind, shape, order = arguments
    return _numbers(data, kind, shape, order == "F")


def _numbers(data: Any, kind: Any, shape: Any, fortran: bool) -> Any:
    text = kind.arguments[0] if isinstance(kind, Stub) and kind.arguments else None
    if not isinstance(data, (bytes, bytearray)) or not isinstance(text, str):
        return Stub("numpy.ndarray")
    dtype = np.dtype(text)
    if dtype.hasobject or dtype.kind not in "fiub":
        return Stub("numpy.ndarray")
    if isinstance(kind.state, tuple) and ">" in kind.state[:2]:
        dtype = dtype.newbyteorder(">")
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    return torch.from_numpy(np.array(array, dtype=dtype.newbyteorder("=")))


def _scalar(arguments: tuple) -> Any:
    found = _numbers(arguments[1], arguments[0], (), False) if len(arguments) == 2 else None
    return found.item() if isinstance(found, torch.Tensor) else Stub("numpy.scalar", arguments)


def _pairs(kind: type) -> Callable[[tuple], Any]:
    """A mapping from a list of pairs, a mapping, or nothing."""

    def make(arguments: tuple) -> Any:
        content = arguments[-1] if arguments else ()
        return kind(content if isinstance(content, (list, dict)) else ())

    return make


MAKERS: dict[str, Callable[[tuple], Any]] = {
    "collections.OrderedDict": _pairs(OrderedDict),
    "collections.Counter": _pairs(Counter),
    "collections.defaultdict": lambda arguments: defaultdict(),
    "argparse.Namespace": lambda arguments: Attributes(),
    "types.SimpleNamespace": lambda arguments: Attributes(),
    "easydict.EasyDict": _pairs(Attributes),
    "addict.addict.Dict": _pairs(Attributes),
    "yacs.config.CfgNode": _pairs(OrderedDict),  # its state is about itself, not the settings
    "builtins.dict": _pairs(dict),
    "builtins.set": lambda arguments: set(),
    "__builtin__.set": lambda arguments: set(),
    "torch._utils._rebuild_tensor": lambda arguments: _tensor(arguments),
    "torch._utils._rebuild_tensor_v2": lambda arguments: _tensor(arguments),
    "torch._utils._rebuild_parameter": lambda arguments: arguments[0],
    "torch._utils._rebuild_parameter_with_state": lambda arguments: arguments[0],
    "torch._tensor._rebuild_from_type_v2": lambda arguments: MAKERS[str(arguments[0])](
        arguments[2]
    ),
    "torch.Size": lambda arguments: tuple(arguments[0]),
    "torch.device": lambda arguments: str(arguments[0]),
    "_codecs.encode": lambda arguments: str(arguments[0]).encode("latin-1"),
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
    "numpy.core.numeric._frombuffer": _array,
    "numpy._core.numeric._frombuffer": _array,
}


def make(name: Name, arguments: Any) -> Any:
    """What calling a named thing would give, imitated; a stub where it is not understood."""
    arguments = arguments if isinstance(arguments, tuple) else (arguments,)
    maker = MAKERS.get(str(name))
    return maker(arguments) if maker else Stub(str(name), arguments)


def build(target: Any, state: Any) -> Any:
    """What restoring an object's state would give."""
    if isinstance(target, Attributes) and isinstance(state, dict):
        target.update(state)
    elif isinstance(target, Stub):
        if target.name.endswith("multiarray._reconstruct") and isinstance(state, tuple):
            return _numbers(state[4], state[2], state[1], bool(state[3]))
        target.state = state
    return target
