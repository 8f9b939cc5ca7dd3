"""A pickle machine that can run nothing: it understands instructions, and calls only our own.

Every instruction is counted, so that a file decides how large it is, but not how long it takes.
"""

import pickletools
from collections.abc import Callable
from typing import IO, Any

from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.pickle_objects import STORAGES, Name, StoredNumbers, Stub, build, make

MOST_INSTRUCTIONS = 600_000
MOST_BYTES = 4 * 2**20  # structure and names; the numbers lie outside the pickle
MARK = object()
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
EMPTY: dict[str, Callable[[], Any]] = {
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": set,
}
LITERALS = frozenset(
    """
    INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING
    UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8 SHORT_BINBYTES BINBYTES BINBYTES8 BYTEARRAY8
    """.split()
)
IGNORED = frozenset(("PROTO", "FRAME", "STOP"))


class PickleMachine:
    """Reads one pickle after another from a stream; see `read`."""

    def __init__(self, file: str, most_bytes: int = MOST_BYTES):
        self.file, self.most_bytes = file, most_bytes
        self.count = 0
        self.names: set[str] = set()  # of everything that became a stub
        self.storages: list[StoredNumbers] = []

    def read(self, stream: IO[bytes]) -> Any:
        """The object the next pickle describes.

        Raises:
            CheckpointError: too long, too many instructions, or a name that could only run code.
            ValueError, IndexError, KeyError, TypeError, AttributeError: a damaged pickle.
        """
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.places: dict[int, int] = {}  # where the memo keeps an object, by its identity
        start = stream.tell()
        for instruction, argument, position in pickletools.genops(stream):
            self.count += 1
            if self.count > MOST_INSTRUCTIONS or (position or 0) - start > self.most_bytes:
                raise CheckpointError(
                    f"{self.file} describes its content in more than {self.most_bytes} bytes or "
                    f"{MOST_INSTRUCTIONS} instructions; no checkpoint needs as many."
                )
            self._step(instruction.name, argument)
        return self.stack.pop()

    def _step(self, name: str, argument: Any) -> None:
        stack = self.stack
        if name in LITERALS:
            stack.append(argument)
        elif name in ("BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"):
            place = len(self.memo) if name == "MEMOIZE" else int(argument)
            self.memo[place] = stack[-1]
            self.places[id(stack[-1])] = place
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(self.memo[int(argument)])
        elif name == "MARK":
            stack.append(MARK)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name])
        elif name in EMPTY:
            stack.append(EMPTY[name]())
        elif name not in IGNORED:
            handler = getattr(self, f"_{name.lower()}", None)
            if handler is None:
                raise CheckpointError(
                    f"{self.file} uses the pickle instruction {name}, which torch.save never "
                    f"writes; nothing of it was executed."
                )
            handler(argument)

    def _marked(self) -> list[Any]:
        """What lies above the last mark, which goes too."""
        stack, index = self.stack, len(self.stack) - 1
        while stack[index] is not MARK:
            index -= 1
            if index < 0:
                raise ValueError("no mark")
        items = stack[index + 1 :]
        del stack[index:]
        return items

    # -- names and calls ---------------------------------------------------------------------------

    def _named(self, module: Any, attribute: Any) -> None:
        name = Name(str(module), str(attribute))
        if name.is_dangerous:
            raise CheckpointError(
                f"{self.file} wants to use {str(name)!r}, which could run code; nothing of it was "
                f"executed."
            )
        self.stack.append(name)

    def _global(self, argument: str) -> None:
        self._named(*argument.split(" ", 1))

    def _stack_global(self, _: Any) -> None:
        attribute, module = self.stack.pop(), self.stack.pop()
        self._named(module, attribute)

    def _called(self, called: Any, arguments: Any) -> None:
        self.count += len(arguments[-1]) if arguments and isinstance(arguments[-1], list) else 0
        made = make(called, arguments) if isinstance(called, Name) else Stub("call", (called,))
        if isinstance(made, Stub):
            self.names.add(made.name)
        self.stack.append(made)

    def _reduce(self, _: Any) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        self._called(called, arguments)

    _newobj = _reduce

    def _newobj_ex(self, _: Any) -> None:
        self.stack.pop()
        self._reduce(None)

    def _build(self, _: Any) -> None:
        state = self.stack.pop()
        built = build(self.stack[-1], state)
        if built is not self.stack[-1]:  # an array takes the place of its empty shell
            place = self.places.get(id(self.stack[-1]))
            if place is not None:
                self.memo[place] = built
            self.stack[-1] = built

    def _binpersid(self, _: Any) -> None:
        self.stack.append(self._storage(self.stack.pop()))

    def _persid(self, argument: Any) -> None:
        raise ValueError("a storage without a description")

    def _storage(self, described: Any) -> StoredNumbers | Stub:
        """("storage", type, key, device, count) or, before torch 1.6, with a view after them."""
        kind, storage, key, _, count, *view = described
        dtype = STORAGES.get(storage.attribute if isinstance(storage, Name) else "")
        if kind != "storage" or type(count) is not int or count < 0:
            raise ValueError("a storage without a size")
        if dtype is None:  # of quantised numbers, for one
            return Stub(str(storage))
        start = view[0][1] if view and view[0] is not None else 0
        self.storages.append(StoredNumbers(str(key), dtype, count, start))
        return self.storages[-1]

    # -- containers --------------------------------------------------------------------------------

    def _pop(self, _: Any) -> None:
        self.stack.pop()

    def _pop_mark(self, _: Any) -> None:
        self._marked()

    def _dup(self, _: Any) -> None:
        self.stack.append(self.stack[-1])

    def _append(self, _: Any) -> None:
        self._extend([self.stack.pop()])

    def _appends(self, _: Any) -> None:
        self._extend(self._marked())

    def _extend(self, items: list) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(items)
        elif isinstance(target, Stub):
            target.items.extend(items)

    def _setitem(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._put([key, value])

    def _setitems(self, _: Any) -> None:
        self._put(self._marked())

    def _put(self, flat: list) -> None:
        target = self.stack[-1]
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            if isinstance(target, dict) and isinstance(key, (str, int, float, bytes, type(None))):
                target[key] = value
            elif isinstance(target, Stub):
                target.items.append((key, value))

    def _additems(self, _: Any) -> None:
        items, target = self._marked(), self.stack[-1]
        if isinstance(target, set):
            target.update(item for item in items if isinstance(item, (str, int, float)))

    def _list(self, _: Any) -> None:
        self.stack.append(self._marked())

    def _dict(self, _: Any) -> None:
        flat = self._marked()
        self.stack.append({})
        self._put(flat)

    def _frozenset(self, _: Any) -> None:
        self.stack.append(tuple(self._marked()))

    def _tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._marked()))

    def _tuple1(self, _: Any) -> None:
        self.stack[-1:] = [tuple(self.stack[-1:])]

    def _tuple2(self, _: Any) -> None:
        self.stack[-2:] = [tuple(self.stack[-2:])]

    def _tuple3(self, _: Any) -> None:
        self.stack[-3:] = [tuple(self.stack[-3:])]
