"""Inside a worker process: one order after another, answered into a folder of its own.

An order names a function by its dotted path and gives it plain arguments. The function gets a
`Task` first: through it it says how far it is, learns that nobody waits any more, and may keep an
answer that is not complete yet. No Streamlit here: a worker knows no visitor, only orders.
"""

from __future__ import annotations

import errno
import importlib
import logging
import os
import pickle
import resource
import sys
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from app.line import Cancelled, NoRoom
from deformviz import systems
from deformviz.models.memory import give_back_memory, keep_freed_memory

log = logging.getLogger(__name__)

ANSWER = "answer.pickle"
LOOK_FOR_PARENT_S = 1.0
IDLE_S = 5.0  # after which a worker returns the memory that its orders took
MOST_REPORTS_A_S = 20
GIBIBYTE = 2**30


@dataclass(frozen=True)
class Order:
    """What a worker is told to do."""

    work: str  # "package.module:function"
    arguments: tuple[Any, ...]
    folder: Path  # of the answer, and of files that belong to it


@dataclass(frozen=True)
class Limits:
    """What one job may take before it is ended."""

    memory_bytes: int
    seconds: float

    @property
    def memory(self) -> str:
        return f"{self.memory_bytes / GIBIBYTE:.3g} GiB"


class Task:
    """The way from a piece of work back to the people who wait for it."""

    def __init__(self, folder: Path, connection: Connection):
        self.folder = folder  # files written here live as long as the answer
        self._connection, self._told = connection, 0.0

    def report(self, stage: str, index: int = 0, count: int = 1) -> None:
        """Say what comes next. Raises Cancelled where nobody waits any more."""
        if self._connection.poll():  # the only word that comes in the middle of an order
            self._connection.recv()
            raise Cancelled()
        now = time.monotonic()
        if index == 0 or now - self._told >= 1 / MOST_REPORTS_A_S:
            self._connection.send(("at", stage, index, count))
            self._told = now

    def keep(self, answer: Any) -> None:
        """Put an answer where the askers find it; the last one stays."""
        part = self.folder / f"{ANSWER}.part"
        with part.open("wb") as file:
            pickle.dump(answer, file, protocol=pickle.HIGHEST_PROTOCOL)
        os.replace(part, self.folder / ANSWER)
        self._connection.send(("kept",))

    def before(self) -> Any | None:
        """What was kept under this key by an earlier order, or None."""
        try:
            return pickle.loads((self.folder / ANSWER).read_bytes())
        except OSError:
            return None


def option(name: str, usual: float) -> float:
    """A number the operator may set in the environment."""
    return float(os.environ.get(name) or usual)


def settings() -> dict[str, str]:
    """What the operator said in the environment; a worker is born with an older one."""
    return {name: value for name, value in os.environ.items() if name.startswith("DEFORMVIZ_")}


def serve(connection: Connection, limits: Limits, niceness: int, said: dict[str, str]) -> None:
    """Carry out orders until the web process closes the connection or is gone.

    Args:
        said: the web process's `settings`.
    """
    os.environ.update(said)
    systems.take_in(said.get(systems.MORE, "").split())
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    os.nice(niceness)
    _limit_memory(limits)
    keep_freed_memory()
    logging.basicConfig(level=os.environ.get("DEFORMVIZ_LOG", "WARNING").upper())
    while True:
        try:
            if not connection.poll(IDLE_S):
                give_back_memory()
            order = connection.recv()
        except (EOFError, OSError):
            return
        if isinstance(order, Order):  # a late "stop" means the order before
            connection.send(("began",))
            connection.send(_carry_out(order, connection, limits))


def _carry_out(order: Order, connection: Connection, limits: Limits) -> tuple[str, ...]:
    """What happened, as it is told to the web process."""
    try:
        module, _, name = order.work.partition(":")
        task = Task(order.folder, connection)
        task.keep(getattr(importlib.import_module(module), name)(task, *order.arguments))
    except Cancelled:
        return ("cancelled",)
    except Exception as problem:
        log.info("%s failed", order.work, exc_info=True)
        return ("failed", one_sentence(problem, limits))
    return ("done",)


def one_sentence(problem: Exception, limits: Limits) -> str:
    """What a person is told of a failed run; our own errors are sentences already."""
    text = str(problem.args[0]) if problem.args else ""
    if isinstance(problem, MemoryError) or "can't allocate memory" in text:
        return (
            f"This needs more memory than the {limits.memory} that one run may take here; choose "
            "a smaller picture or model."
        )
    if isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return str(NoRoom(problem))
    if isinstance(problem, (ValueError, RuntimeError, KeyError)) and text:
        return text.splitlines()[0]
    return f"The run stopped with {type(problem).__name__}; the terminal says more."


def _limit_memory(limits: Limits) -> None:
    """Let an allocation beyond the limit fail, which an order survives.

    The supervisor looks at the resident size too: where the system cannot limit (or a GPU's
    driver maps more than anybody uses), that alone counts.
    """
    if sys.platform != "linux" or Path("/dev/nvidiactl").exists():
        return
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    wanted = limits.memory_bytes + _data_bytes()
    if hard == resource.RLIM_INFINITY or wanted < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def _data_bytes() -> int:
    """What this process has mapped privately before its first order."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    return 0


def _end_with_parent(parent: int) -> None:
    """No worker outlives its server, however that ended."""
    while os.getppid() == parent:
        time.sleep(LOOK_FOR_PARENT_S)
    os._exit(0)
