"""One run at a time per device: a bounded line of jobs that people can see, join and leave.

Ten sessions that want the same thing share one job. A job nobody wants any more stops at its
next layer. Nothing here knows Streamlit or torch.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger(__name__)

Report = Callable[[str, int, int], None]
Work = Callable[[Report], Any]

FINISHED_KEPT = 64  # finished jobs whose outcome can still be asked for
LAST_LAYER_S = 10.0  # what a running job may take to notice that the process ends


class Cancelled(Exception):
    """Raised inside a job's work once nobody waits for it."""


class QueueFull(RuntimeError):
    """The line is as long as it may get; the message is one sentence for the person."""


@dataclass(frozen=True)
class Progress:
    """What a waiting person may know about a job."""

    state: str  # "waiting" | "running" | "done" | "failed" | "cancelled"
    place: int = 0  # 1 = next in line; 0 = not in line
    stage: str = ""  # the layer being computed
    index: int = 0  # how many stages are behind it
    count: int = 0
    error: str = ""  # one sentence, if failed

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "failed", "cancelled")


@dataclass
class _Job:
    key: str
    work: Work
    wanted_by: set[str]
    state: str = "waiting"
    stage: str = ""
    index: int = 0
    count: int = 0
    error: str = ""
    over: threading.Event = field(default_factory=threading.Event)


class RunQueue:
    """A line of jobs in front of one device.

    Args:
        limit: how many jobs may wait.
        describe: turns an exception of a job into one sentence for the person who waits.
    """

    def __init__(self, *, limit: int = 30, describe: Callable[[Exception], str] = str):
        self._limit = limit
        self._describe = describe
        self._jobs: OrderedDict[str, _Job] = OrderedDict()  # waiting and running, in order
        self._finished: OrderedDict[str, _Job] = OrderedDict()
        self._changed = threading.Condition()
        self._worker: threading.Thread | None = None

    def submit(self, key: str, work: Work, session: str) -> None:
        """Join the job `key`, or put it in line; `session` leaves whatever else it waited for.

        Who joins in the instant in which a job stops for want of people finds it "cancelled" and
        submits again.

        `work` receives `report(stage, index, count)`, which raises Cancelled when nobody waits
        any more. What it returns is its own business: it stores its result itself.

        Raises:
            QueueFull: `limit` jobs wait already.
        """
        with self._changed:
            for other in [j for j in self._jobs.values() if j.key != key]:
                self._leave(other, session)
            if key in self._jobs:  # also one left by all that has not noticed yet
                self._jobs[key].wanted_by.add(session)
                return
            waiting = sum(j.state == "waiting" for j in self._jobs.values())
            if waiting >= self._limit:
                raise QueueFull(f"{waiting} pictures wait already; try again in a minute.")
            self._finished.pop(key, None)
            self._jobs[key] = _Job(key, work, {session})
            if self._worker is None:
                self._worker = threading.Thread(target=self._serve, name="runs", daemon=True)
                self._worker.start()
                atexit.register(self.close)
            self._changed.notify_all()

    def leave(self, key: str, session: str) -> None:
        """Stop waiting; the job itself is cancelled when its last person leaves."""
        with self._changed:
            if key in self._jobs:
                self._leave(self._jobs[key], session)

    def progress(self, key: str) -> Progress | None:
        """How far a job is, or None for a key nobody asked for lately."""
        with self._changed:
            job = self._jobs.get(key) or self._finished.get(key)
            if job is None:
                return None
            waiting = [j.key for j in self._jobs.values() if j.state == "waiting"]
            place = waiting.index(key) + 1 if job.state == "waiting" else 0
            return Progress(job.state, place, job.stage, job.index, job.count, job.error)

    def wait(self, key: str, timeout: float | None = None) -> Progress | None:
        """Block until the job is over (or the time is), then tell its progress."""
        with self._changed:
            job = self._jobs.get(key)
        if job is not None:
            job.over.wait(timeout)
        return self.progress(key)

    def forget(self, key: str) -> None:
        """Forget how a job that is over went, so that it may be asked for afresh."""
        with self._changed:
            self._finished.pop(key, None)

    def close(self, timeout: float = LAST_LAYER_S) -> None:
        """Nobody waits any more: wait until the running job has noticed.

        At the process's end a thread that still computes would abort it.
        """
        with self._changed:
            running = [job for job in self._jobs.values() if job.state == "running"]
            for job in list(self._jobs.values()):
                for session in list(job.wanted_by):
                    self._leave(job, session)
        for job in running:
            job.over.wait(timeout)

    def _leave(self, job: _Job, session: str) -> None:
        job.wanted_by.discard(session)
        if not job.wanted_by and job.state == "waiting":
            self._finish(job, "cancelled")

    def _finish(self, job: _Job, state: str, error: str = "") -> None:
        del self._jobs[job.key]
        job.state, job.error = state, error
        self._finished[job.key] = job
        while len(self._finished) > FINISHED_KEPT:
            self._finished.popitem(last=False)
        job.over.set()

    def _serve(self) -> None:
        while True:
            with self._changed:
                while (job := self._next()) is None:
                    self._changed.wait()
                job.state = "running"
            state, error = "done", ""
            try:
                job.work(self._reporter(job))
            except Cancelled:
                state = "cancelled"
            except Exception as problem:  # one bad picture must not stop the line
                log.info("run %s failed", job.key, exc_info=True)
                state, error = "failed", self._describe(problem)
            with self._changed:
                self._finish(job, state, error)

    def _next(self) -> _Job | None:
        return next((job for job in self._jobs.values() if job.state == "waiting"), None)

    def _reporter(self, job: _Job) -> Report:
        def report(stage: str, index: int, count: int) -> None:
            with self._changed:
                if not job.wanted_by:
                    raise Cancelled(job.key)
                job.stage, job.index, job.count = stage, index, count

        return report
