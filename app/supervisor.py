"""A worker process from outside: started when needed, watched, ended, and replaced.

Whatever happens to it, out of memory, a signal, a time limit, a person who gave up, ends the one
order it was at, with a sentence, and nothing else.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

from app.line import Cancelled, Job, JobFailed
from app.worker import Limits, serve, settings

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.05
STARTS_WITHIN_S = 60.0  # torch is imported meanwhile
STOPS_BY_ITSELF_S = 0.5  # what an order may take to notice that it should stop; then it is killed
# Imported once, before workers fork: a new worker is there in milliseconds.
PRELOADED = ("app.worker", "numpy", "torch", "deformviz.checkpoints.load", "deformviz.tracing.run")
BELOW_TEMPORARY = "/pymp-12345678/listener-12345678"
ADDRESS_AT_MOST_BYTES = 107  # of a socket, on Linux
_STARTING = threading.Lock()  # two lanes may start their workers at once


class Supervisor:
    """One worker process and its limits.

    Args:
        name: of the process, in the system's list.
        limits: what one order may take.
        niceness: how far it stands back for others.
    """

    def __init__(self, name: str, limits: Limits, *, niceness: int = 0):
        self.name, self.limits, self._niceness = name, limits, niceness
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None

    @property
    def pid(self) -> int | None:
        """The worker's process, None while there is none."""
        return self._process.pid if self._process is not None else None

    def carry_out(self, job: Job) -> None:
        """Have the worker do `job.order`. Raises Cancelled or JobFailed."""
        process, connection = self._worker()
        try:
            connection.send(job.order)
            self._attend(job, process, connection)
        except (EOFError, OSError) as problem:
            process.join(1.0)
            self.end()
            raise JobFailed(_last_words(process.exitcode)) from problem

    def end(self) -> None:
        """Kill the worker, if there is one."""
        process, connection = self._process, self._connection
        self._process = self._connection = None  # first: whoever else ends it finds nothing to end
        if process is not None and connection is not None:
            process.kill()
            process.join(1.0)
            connection.close()

    def _worker(self) -> tuple[BaseProcess, Connection]:
        if self._process is not None and not self._process.is_alive():
            self.end()
        if self._process is None or self._connection is None:
            context = _context()
            ours, theirs = context.Pipe()
            process = context.Process(
                target=serve,
                args=(theirs, self.limits, self._niceness, settings()),
                name=f"deformviz {self.name}",
                daemon=True,
            )
            with _nothing_of_main():
                process.start()  # takes seconds the first time; until then there is nothing to end
            theirs.close()
            self._process, self._connection = process, ours
        return self._process, self._connection

    def _attend(self, job: Job, process: BaseProcess, connection: Connection) -> None:
        """Listen to the worker until its order is over, and end it where it must be."""
        began, asked_to_stop = time.monotonic() + STARTS_WITHIN_S, 0.0
        while True:
            while connection.poll(LOOK_EVERY_S):
                word, *rest = connection.recv()
                if word == "began":
                    began = time.monotonic()
                elif word == "at":
                    job.tell(*rest)
                elif word == "done":
                    return
                elif word == "cancelled":
                    raise Cancelled()
                elif word == "failed":
                    raise JobFailed(rest[0])
            now = time.monotonic()
            if not job.is_wanted and not asked_to_stop:
                connection.send("stop")
                asked_to_stop = now
            if asked_to_stop and now - asked_to_stop > STOPS_BY_ITSELF_S:
                self.end()
                raise Cancelled()
            self._hold_to_limits(process, now - began)

    def _hold_to_limits(self, process: BaseProcess, seconds: float) -> None:
        if seconds > self.limits.seconds:
            self.end()
            raise JobFailed(
                f"This took longer than the {self.limits.seconds:.0f} s that one run may take "
                "here; choose a smaller picture or model."
            )
        if resident_bytes(process.pid) > self.limits.memory_bytes:
            self.end()
            raise JobFailed(
                f"This needed more memory than the {self.limits.memory} that one run may take "
                "here; choose a smaller picture or model."
            )


@contextmanager
def _nothing_of_main() -> Iterator[None]:
    """Let a process that starts meanwhile not run this one's main file again.

    multiprocessing would; here it is a page of Streamlit, or a test's script.
    """
    blank = ModuleType("__main__")
    with _STARTING:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = blank
        try:
            yield
        finally:
            if sys.modules["__main__"] is blank:  # else a page began to run in another thread
                sys.modules["__main__"] = main


def _context():
    """How workers come to life; a fork of what is imported already, where that can be.

    The fork's server listens at an address below the folder for temporary files, and the system
    takes no long one.
    """
    address_bytes = len(os.fsencode(tempfile.gettempdir())) + len(BELOW_TEMPORARY)
    if sys.platform != "linux" or address_bytes > ADDRESS_AT_MOST_BYTES:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def resident_bytes(pid: int | None) -> int:
    """What a process holds in memory; 0 where the system does not tell."""
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize()
    return 0


def _last_words(exitcode: int | None) -> str:
    """How a worker ended that said nothing itself."""
    if exitcode is not None and exitcode < 0:
        by = signal.Signals(-exitcode).name
        return f"The run was ended by {by}; everything else goes on. Try again, or change it."
    return "The run ended before it was done; everything else goes on. Try again, or change it."
