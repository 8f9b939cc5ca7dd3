"""The one door to work: key -> kept answer -> line -> worker -> kept answer.

    ticket = work.ask(key, "app.tasks.pictures:trace", (data, path), visitor=me)
    work.progress(key)      # place in line, stage, or why it failed
    work.kept(key)          # the answer, also one that is not complete yet; None before
    work.leave(key, me)     # stops it within a second once nobody else waits

Work is a function, named by its dotted path, that gets an `app.worker.Task` and then plain
picklable arguments. What it returns is pickled as well, so it is made of plain values and NumPy
arrays: this process never imports torch to read an answer. It runs in a process of its own: the
quick lane has one for what a person looks at (pictures, what-if), another one reads tables of
studies, the medium lane has one for replays, the long lane one for the rest.
Nothing outside this door starts a model.
"""

from __future__ import annotations

import atexit
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.answers import MEBIBYTE, Answers
from app.line import Job, Line, NoRoom, Progress
from app.supervisor import Supervisor
from app.temporary import folder_for
from app.worker import GIBIBYTE, Limits, Order, option

QUICK, TABLES, MEDIUM, LONG = "quick", "tables", "medium", "long"
LOOK_FOR_VISITORS_S = 1.0
ABSENT_AT_MOST_S = 4.0  # a page that is loaded again comes back sooner
LASTS_UNWATCHED_S = 60.0  # what runs beside the lanes, a training, waits longer for who watches it
_SECRET = secrets.token_bytes(32)  # makes keys, which are parts of addresses, impossible to guess


LIMITS = {
    QUICK: Limits(int(option("DEFORMVIZ_MEMORY_GIB", 4) * GIBIBYTE), 180),
    TABLES: Limits(int(option("DEFORMVIZ_MEMORY_GIB", 4) * GIBIBYTE), 120),
    MEDIUM: Limits(int(option("DEFORMVIZ_MEMORY_GIB", 4) * GIBIBYTE), 600),
    LONG: Limits(int(option("DEFORMVIZ_MEMORY_GIB", 4) * GIBIBYTE), 3600),
}
ANSWERS = Answers(
    partial(folder_for, "answers"),
    disk_bytes=int(option("DEFORMVIZ_ANSWERS_GIB", 2) * GIBIBYTE),
    memory_bytes=8 * MEBIBYTE,  # as pickles; unpacked they take several times as much
)


@dataclass(frozen=True)
class Ticket:
    """What somebody holds who asked for something."""

    key: str
    visitor: str

    @property
    def answer(self) -> Any | None:
        return kept(self.key)

    @property
    def progress(self) -> Progress | None:
        return progress(self.key)

    def leave(self) -> None:
        leave(self.key, self.visitor)


class Lane:
    """A line and the worker at its end."""

    def __init__(self, name: str, *, niceness: int):
        self.worker = Supervisor(name, LIMITS[name], niceness=niceness)
        self.line = Line(name, self._carry_out)

    def _carry_out(self, job: Job) -> None:
        try:
            self.worker.carry_out(job)
        finally:
            with suppress(OSError):  # the server has ended meanwhile, and its folder with it
                ANSWERS.put(job.key)


LANES = {
    name: Lane(name, niceness=niceness)
    for name, niceness in ((QUICK, 0), (TABLES, 2), (MEDIUM, 5), (LONG, 10))
}


def key_of(*parts: object) -> str:
    """The public name of what `parts` say; nobody can derive it from them."""
    return hmac.new(_SECRET, "|".join(map(str, parts)).encode(), "sha256").hexdigest()[:32]


def kept(key: str) -> Any | None:
    """The answer to `key` as far as it is known, or None."""
    return ANSWERS.get(key)


def ask(
    key: str,
    work: str,
    arguments: tuple[Any, ...] = (),
    *,
    visitor: str,
    lane: str = QUICK,
    again: bool = False,
) -> Ticket:
    """Have something done, unless its answer is kept; join whoever waits for the same.

    Args:
        work: "package.module:function"; it gets a Task, then the arguments.
        visitor: who asks, and leaves whatever else they wait for in this lane.
        lane: QUICK for a second or two, TABLES where no model runs, MEDIUM for some more than that,
            LONG for minutes.
        again: go to work although an answer is kept, which `task.before()` tells it.

    Raises:
        QueueFull: too many wait already; NoRoom, one of its kind: the disk is full.
    """
    if again or kept(key) is None:
        try:
            order = Order(work, arguments, ANSWERS.folder(key))
        except OSError as problem:
            raise NoRoom(problem) from None
        _look_after_visitors()
        LANES[lane].line.submit(key, order, visitor)
    return Ticket(key, visitor)


def progress(key: str) -> Progress | None:
    """How far a job is, or how it ended; None for what nobody asked for lately."""
    found = [lane.line.progress(key) for lane in LANES.values()]
    return next((state for state in found if state is not None), None)


def leave(key: str, visitor: str) -> None:
    """Stop waiting; what nobody waits for ends within a second."""
    for lane in LANES.values():
        lane.line.leave(key, visitor)


def forget(key: str) -> None:
    """Forget how a job that is over went, so that it may be asked for afresh."""
    for lane in LANES.values():
        lane.line.forget(key)


def wait(key: str, timeout: float | None = None) -> Progress | None:
    """Block until a job is over (or the time is), then tell its progress."""
    for lane in LANES.values():
        if key in lane.line.keys():
            return lane.line.wait(key, timeout)
    return progress(key)


def settle(timeout: float) -> None:
    """Block until nothing waits or runs any more."""
    until = time.monotonic() + timeout
    for lane in LANES.values():
        while (keys := lane.line.keys()) and time.monotonic() < until:
            lane.line.wait(keys[0], until - time.monotonic())


_ready = threading.Event()


def get_ready(model: str) -> None:
    """Once, when the first visitor sees a picture: have a worker import torch and load a model.

    So nobody's own picture waits for that.
    """
    if not _ready.is_set():
        _ready.set()
        ask(key_of("ready"), "app.tasks.models:get_ready", (model,), visitor="the server itself")


def close() -> None:
    """End every job and every worker."""
    for lane in LANES.values():
        lane.line.close(timeout=2.0)
        lane.worker.end()


# -- jobs belong to visitors ---------------------------------------------------------------------


@dataclass
class Lasting:
    """Something that runs beside the lanes for those who watch it."""

    end: Callable[[], object]
    watched_by: set[str]
    unwatched_since: float | None = None


_is_here: Callable[[str], bool] = lambda visitor: True  # noqa: E731  until somebody knows better
_lasting: dict[str, Lasting] = {}
_absent_since: dict[str, float] = {}
_once = threading.Lock()
_looking = False


def visitors_are_known_by(is_here: Callable[[str], bool]) -> None:
    """Say how to tell whether a visitor's browser is still connected."""
    global _is_here
    _is_here = is_here


def watch(what: str, visitor: str, end: Callable[[], object]) -> None:
    """Watch something that runs beside the lanes; `end` is called once nobody is here who does."""
    _lasting.setdefault(what, Lasting(end, set())).watched_by.add(visitor)
    _look_after_visitors()


def unwatch(what: str) -> None:
    """Forget something that has ended by itself."""
    _lasting.pop(what, None)


def end_what_nobody_watches(now: float) -> None:
    """Whatever lasts beside the lanes ends a minute after the last who watched it has gone."""
    for what, lasting in list(_lasting.items()):
        if any(_is_here(visitor) for visitor in list(lasting.watched_by)):
            lasting.unwatched_since = None
            continue
        if lasting.unwatched_since is None:
            lasting.unwatched_since = now
        if now - lasting.unwatched_since >= LASTS_UNWATCHED_S:
            unwatch(what)
            threading.Thread(target=lasting.end, name=f"end {what}", daemon=True).start()


def send_away_the_absent(now: float) -> None:
    """Whoever has been disconnected for some seconds waits no longer."""
    waiting = set().union(*(lane.line.visitors() for lane in LANES.values()))
    for visitor in set(_absent_since) - waiting:
        del _absent_since[visitor]
    for visitor in waiting:
        if _is_here(visitor):
            _absent_since.pop(visitor, None)
        elif now - _absent_since.setdefault(visitor, now) >= ABSENT_AT_MOST_S:
            for lane in LANES.values():
                lane.line.leave_all(visitor)


def _look_after_visitors() -> None:
    global _looking
    with _once:
        if _looking:
            return
        _looking = True
    atexit.register(close)

    def look() -> None:
        while True:
            time.sleep(LOOK_FOR_VISITORS_S)
            send_away_the_absent(time.monotonic())
            end_what_nobody_watches(time.monotonic())

    threading.Thread(target=look, name="visitors", daemon=True).start()
