"""The same study by many machines: Ray Data carries parts to actors and parts back to nobody.

Every actor writes its parts into the study's folder, which all machines must share. A part that a
lost actor had begun is made again by another; a part is there whole or not at all, so nothing is
counted twice.
"""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import Any

from deformviz.models.memory import keep_freed_memory
from deformviz.survey.make import OnProgress, PartMaker, Progress
from deformviz.survey.parts import StudyFolder
from deformviz.survey.pictures import Picture, SurveyError
from deformviz.survey.settings import Settings

CPU_SHARE = 0.5  # of a core for one actor: Ray's own tasks ask for whole ones and need the rest
LEAST_CPUS = 1.0
WATCH_S = 1.0


def make_on_cluster(
    out: str | Path,
    settings: Settings,
    pictures: list[Picture],
    *,
    address: str | None = None,
    gpus: float = 0.0,
    on_progress: OnProgress | None = None,
) -> StudyFolder:
    """Make what is missing of a study with every core of a Ray cluster.

    Args:
        address: of a running cluster; None starts one on this machine.
        gpus: what each actor takes of a GPU, where its model then runs; 0: none.

    Raises:
        SurveyError: Ray is not installed or does not start, the cluster is too small, or a part
            failed everywhere.
    """
    ray = _ray()
    folder = StudyFolder(Path(out).resolve())
    folder.create(settings)
    folder.sweep()
    here = set(folder.done())
    missing = [part for part in range(settings.parts) if part not in here]
    if not missing:
        return folder
    ours = not ray.is_initialized()
    if ours:
        _start(ray, address)
    watch = _Watch(folder, settings, on_progress)
    try:
        actors = _actors(ray, len(missing), gpus)
        watch.start()
        _run(ray, folder, settings, pictures, missing, actors, gpus)
    finally:
        watch.stop()
        if ours:
            ray.shutdown()
    left = [part for part in missing if part not in set(folder.done())]
    if left:
        raise SurveyError(
            f"{len(left)} parts could not be made by any actor; the first is part {left[0]}. "
            "Start the same command again; it makes what is missing."
        )
    return folder


def _start(ray, address: str | None) -> None:
    """Join a cluster, or start one here. Raises SurveyError if none answers."""
    try:
        ray.init(
            address=address,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.WARNING,
            runtime_env={"env_vars": {"OMP_NUM_THREADS": "1", "PYTHONPATH": _search_path()}},
        )
    except Exception as problem:  # Ray raises plain exceptions where its own processes do not start
        ray.shutdown()
        said = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise SurveyError(
            f"No Ray cluster at {address or 'this machine'}: {said} Start it first (ray start), or "
            "leave --cluster away; --workers uses the cores of this machine."
        ) from None


def _run(ray, folder, settings, pictures, missing, actors: int, gpus: float) -> None:
    class Maker(PartMaker):
        """A PartMaker as Ray Data calls it, in a process of its own."""

        def __init__(self, *told: Any):
            keep_freed_memory()
            super().__init__(*told)

        def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
            return {"part": self.make(int(row["part"]))}

    ray.data.DataContext.get_current().enable_progress_bars = False
    # A block for each part, so that a lost actor costs one part; made here, because a task that
    # made them would ask for a whole core.
    rows = [{"part": part} for part in missing]
    parts = ray.data.from_items(rows, override_num_blocks=len(missing))
    parts.map(
        Maker,
        fn_constructor_args=(str(folder.path), settings, pictures, None, "cuda" if gpus else None),
        compute=ray.data.ActorPoolStrategy(size=actors),
        num_cpus=CPU_SHARE,
        num_gpus=gpus or None,
        max_restarts=-1,
        max_task_retries=3,
    ).materialize()


def _actors(ray, parts: int, gpus: float) -> int:
    """How many actors the cluster holds. Raises SurveyError if it would wait for ever."""
    there = ray.cluster_resources()
    cpus = there.get("CPU", 0.0)
    if cpus < LEAST_CPUS:
        raise SurveyError(
            f"The cluster offers {cpus:g} cores; one actor and what feeds it need {LEAST_CPUS:g}. "
            "Start it with more (ray start --num-cpus)."
        )
    if gpus and there.get("GPU", 0.0) < gpus:
        raise SurveyError(
            f"The cluster offers {there.get('GPU', 0.0):g} GPUs, one actor asks for {gpus:g}. "
            "Ask for less, or leave --gpus away."
        )
    room = round(cpus)  # one actor a core, each computing with one thread
    if gpus:
        room = min(room, int(there["GPU"] / gpus))
    return max(1, min(room, parts))


def _ray():
    try:
        import ray  # pyright: ignore[reportMissingImports]  # an extra
        import ray.data  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise SurveyError(
            "--cluster needs Ray: pip install 'deformviz[cluster]'. Without it, --workers uses the "
            "cores of this machine."
        ) from None
    return ray


def _search_path() -> str:
    """So that actors import the same deformviz, and an entry point that lies here."""
    here = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join([here, os.getcwd(), os.environ.get("PYTHONPATH", "")])


class _Watch:
    """Tells how far a study is by looking at its folder: actors report to nobody."""

    def __init__(self, folder: StudyFolder, settings: Settings, tell: OnProgress | None):
        self._folder, self._settings, self._tell = folder, settings, tell
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def start(self) -> None:
        if self._tell:
            self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _look(self) -> None:
        before, waited = self._count(), 0.0
        while not self._over.wait(WATCH_S):
            waited += WATCH_S
            self._report(before, waited)
        self._report(before, waited or WATCH_S)

    def _count(self) -> int:
        return sum(len(self._settings.range_of(part)) for part in self._folder.done())

    def _report(self, before: int, waited: float) -> None:
        done = self._count()
        assert self._tell is not None
        self._tell(Progress(done, self._settings.pictures, (done - before) / waited))
