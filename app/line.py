"""A bounded line of jobs that people can see, join and leave, in front of one worker.

Ten sessions that want the same thing share one job. A job nobody wants any more stops. Nothing
here knows Streamlit, torch or processes: what a job costs and where it is done is told by
whoever opens the line.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger(__name__)

FINISHED_KEPT = 64  # finished jobs whose outcome can still be asked for
LAST_STEP_S = 10.0  # what a running job may take to notice that the process ends


class Cancelled(Exception):
    """Raised where a job is done once nobody waits for it."""


class JobFailed(RuntimeError):
    """A job did not come to its end; the message is one sentence for the person who waits."""


class QueueFull(RuntimeError):
    """The line is as long as it may get; the message is one sentence for the person."""


class NoRoom(QueueFull):
    """The disk that answers and dropped files lie on takes no more, or not from us."""

    def __init__(self, problem: OSError):
        super().__init__(
            f"This server cannot write to its disk ({problem.strerror or type(problem).__name__}); "
            "whoever runs it has to make room. What is stored can still be looked at."
        )


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

    @property
    def share(self) -> float:
        """How much is behind it, 0 .. 1."""
        return min(1.0, self.index / max(1, self.count))


@dataclass
class Job:
    """One thing to be done, and who wants it."""

    key: str
    order: Any  # what there is to do; only who carries it out looks inside
    wanted_by: set[str]
    state: str = "waiting"
    stage: str = ""
    index: int = 0
    count: int = 0
    error: str = ""
    over: threading.Event = field(default_factory=threading.Event)

    def tell(self, stage: str, index: int, count: int) -> None:
        """Say how far it is."""
        self.stage, self.index, self.count = stage, index, count

    @property
    def is_wanted(self) -> bool:
        return bool(self.wanted_by)


class Line:
    """A line of jobs, done one after another.

    Args:
        name: of its thread.
        carry_out: does a job, in this line's thread. Raises Cancelled where nobody wants it any
            more, JobFailed with a sentence; whatever else it raises is told by its kind.
        limit: how many jobs may wait.
    """

    def __init__(self, name: str, carry_out: Callable[[Job], None], *, limit: int = 30):
        self._name, self._carry_out, self._limit = name, carry_out, limit
        self._jobs: OrderedDict[str, Job] = OrderedDict()  # waiting and running, in order
        self._finished: OrderedDict[str, Job] = OrderedDict()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def submit(self, key: str, order: Any, visitor: str) -> None:
        """Join the job `key`, or put it in line; `visitor` leaves whatever else waits here.

        Who joins in the instant in which a job stops for want of people finds it "cancelled" and
        submits again.

        Raises:
            QueueFull: `limit` jobs wait already.
        """
        with self._changed:
            for other in [j for j in self._jobs.values() if j.key != key]:
                self._leave(other, visitor)
            if key in self._jobs:  # also one left by all that has not noticed yet
                self._jobs[key].wanted_by.add(visitor)
                return
            waiting = sum(j.state == "waiting" for j in self._jobs.values())
            if waiting >= self._limit:
                raise QueueFull(f"{waiting} jobs wait already; try again in a minute.")
            self._finished.pop(key, None)
            self._jobs[key] = Job(key, order, {visitor})
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def leave(self, key: str, visitor: str) -> None:
        """Stop waiting; the job itself is cancelled when its last person leaves."""
        with self._changed:
            if key in self._jobs:
                self._leave(self._jobs[key], visitor)

    def leave_all(self, visitor: str) -> None:
        """Stop waiting for anything."""
        with self._changed:
            for job in list(self._jobs.values()):
                self._leave(job, visitor)

    def visitors(self) -> set[str]:
        """Everybody who waits for something."""
        with self._changed:
            return set().union(*(job.wanted_by for job in self._jobs.values()))

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

    def keys(self) -> list[str]:
        """What waits or runs, in order."""
        with self._changed:
            return list(self._jobs)

    def forget(self, key: str) -> None:
        """Forget how a job that is over went, so that it may be asked for afresh."""
        with self._changed:
            self._finished.pop(key, None)

    def close(self, timeout: float = LAST_STEP_S) -> None:
        """Nobody waits any more: wait until the running job has noticed."""
        with self._changed:
            running = [job for job in self._jobs.values() if job.state == "running"]
            for job in list(self._jobs.values()):
                for visitor in list(job.wanted_by):
                    self._leave(job, visitor)
        for job in running:
            job.over.wait(timeout)

    def _leave(self, job: Job, visitor: str) -> None:
        job.wanted_by.discard(visitor)
        if not job.wanted_by and job.state == "waiting":
            self._finish(job, "cancelled")

    def _finish(self, job: Job, state: str, error: str = "") -> None:
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
                self._carry_out(job)
            except Cancelled:
                state = "cancelled"
            except JobFailed as problem:
                state, error = "failed", str(problem)
            except Exception as problem:  # one bad picture must not stop the line
                log.exception("job %s failed", job.key)
                state, error = "failed", f"The work stopped with {type(problem).__name__}."
            with self._changed:
                self._finish(job, state, error)

    def _next(self) -> Job | None:
        return next((job for job in self._jobs.values() if job.state == "waiting"), None)
