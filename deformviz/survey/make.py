"""Making a study: in turn or by several processes, to be stopped and gone on with anywhere."""

from __future__ import annotations

import logging
import multiprocessing
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deformviz.models.memory import keep_freed_memory
from deformviz.survey.operator import Measured, Operator, gains_of, open_model, runner_of
from deformviz.survey.parts import StudyFolder
from deformviz.survey.pictures import Picture, SurveyError, list_pictures
from deformviz.survey.settings import Settings, digest_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far a survey is."""

    done: int  # pictures
    count: int
    rate: float  # pictures per second since the start, 0 before the first part

    @property
    def seconds_left(self) -> float | None:
        return (self.count - self.done) / self.rate if self.rate else None


OnProgress = Callable[[Progress], None]


def plan(
    model: str,
    images: Any,
    *,
    queries: str = "all",
    layers: Iterable[str] = (),
    limit: int | None = None,
    seed: int = 0,
    least_score: float = 0.3,
    root: str | Path | None = None,
) -> tuple[Settings, list[Picture]]:
    """The settings of a study and its pictures. Raises SurveyError."""
    pictures = list_pictures(images, root=root)[:limit]
    named = images if isinstance(images, str) else f"{len(pictures)} pictures"
    if isinstance(images, Path):
        named = str(images)
    settings = Settings(
        model=model,
        images=named,
        pictures=len(pictures),
        digest=digest_of(pictures),
        queries=queries,
        layers=tuple(layers),
        seed=seed,
        least_score=least_score,
    )
    return settings, pictures


def make(
    out: str | Path,
    settings: Settings,
    pictures: list[Picture],
    *,
    model: Any = None,
    shard: int = 0,
    shards: int = 1,
    workers: int = 1,
    on_progress: OnProgress | None = None,
) -> StudyFolder:
    """Make what is missing of a study.

    Args:
        model: a model in memory; None: the one the settings name, loaded by every worker.
        shard: which part of `shards` this machine makes.
        workers: processes; each uses one thread, so that every split computes the same numbers.

    Raises:
        SurveyError: another study is in `out`, the disk is full, a worker died twice.
    """
    folder = StudyFolder(out)
    folder.create(settings)
    folder.sweep()
    wanted = settings.parts_of_shard(shard, shards)
    here = set(folder.done())
    missing = [part for part in wanted if part not in here]
    count = sum(len(settings.range_of(part)) for part in wanted)
    before = count - sum(len(settings.range_of(part)) for part in missing)
    started, done = time.monotonic(), before

    def tell(part: int) -> None:
        nonlocal done
        done += len(settings.range_of(part))
        if on_progress:
            spent = time.monotonic() - started
            on_progress(Progress(done, count, (done - before) / spent if spent else 0.0))

    if on_progress:
        on_progress(Progress(before, count, 0.0))
    if workers > 1 and model is None:
        _make_together(folder, settings, pictures, missing, workers, tell)
    elif missing:
        maker = PartMaker(folder.path, settings, pictures, model)
        for part in missing:
            tell(maker.make(part))
    return folder


class PartMaker:
    """A model and what it takes to make any part of a study with it; one per process."""

    def __init__(
        self,
        path: str | Path,
        settings: Settings,
        pictures: list[Picture],
        model: Any = None,
        device: str | None = None,
    ):
        """
        Args:
            model: a model in memory; None: the one the settings name.
            device: where it runs, for instance "cuda"; None: where it is.
        """
        import torch

        torch.set_num_threads(1)  # numbers must not depend on how many cores there are
        self._folder, self._settings, self._pictures = StudyFolder(path), settings, pictures
        model = open_model(settings.model) if model is None else model
        self._folder.keep_gains(gains_of(model))
        if device and hasattr(model, "to"):
            model = model.to(device)
        self._operator = Operator(runner_of(model, settings.layers), settings)

    def make(self, part: int) -> int:
        """Measure the pictures of one part and write it; returns its number."""
        measured = Measured()
        for number in self._settings.range_of(part):
            self._operator.measure(number, self._pictures[number], measured)
        self._folder.write(part, measured)
        return part


# -- several processes -----------------------------------------------------------------------------

_maker: PartMaker | None = None  # of this worker process


def _begin(path: str, settings: Settings, pictures: list[Picture]) -> None:
    global _maker
    keep_freed_memory()
    _maker = PartMaker(path, settings, pictures)


def _part(part: int) -> int:
    assert _maker is not None
    return _maker.make(part)


def _make_together(folder, settings, pictures, missing, workers: int, tell) -> None:
    """Parts by several processes; those of a process that died are made by another, once."""
    for last_try in (False, True):
        context = multiprocessing.get_context("spawn")
        try:
            with ProcessPoolExecutor(
                workers,
                context,
                initializer=_begin,
                initargs=(str(folder.path), settings, pictures),
            ) as pool:
                for future in as_completed([pool.submit(_part, part) for part in missing]):
                    tell(future.result())
            return
        except BrokenProcessPool:
            here = set(folder.done())
            missing = [part for part in missing if part not in here]
            if last_try:
                raise SurveyError(
                    f"Worker processes died twice; {len(missing)} parts are missing. They may have "
                    "run out of memory: use fewer --workers and start the same command again."
                ) from None
            log.warning("A worker process died; %d parts are made again.", len(missing))
