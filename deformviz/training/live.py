"""A training that somebody watches: run beside the app, paused, taken up again, stopped.

It is the real loop in a process of its own, started with the command line's `train`; what it has to
say lies in its run folder, what it is told in one file there. So it survives a page reload, and
ends with the server: the process looks whether its parent still lives. Who watches needs no torch.
"""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deformviz.training.recipe import DetectorRecipe

CONTROL = "control"  # file in the run folder that holds the last order
ORDERS = ("run", "pause", "stop")
LOOK_EVERY_S = 0.25
STOP_WITHIN_S = 20.0
PAUSED_AT_MOST_S = 1800.0
MOST_ITERATIONS = 3000
PIXELS = 8 * 96 * 96  # of a small batch
FOLLOWED = "DEFORMVIZ_RUNS"  # environment: run folders the app may show, one or several


# -- inside the training process -----------------------------------------------------------------


def order(folder: Path, word: str) -> None:
    """Tell the training in a folder what to do: "run", "pause" or "stop"."""
    if word not in ORDERS:
        raise ValueError(f"{word!r} is no order; a training knows {', '.join(ORDERS)}.")
    part = folder / (CONTROL + ".part")
    part.write_text(word)
    os.replace(part, folder / CONTROL)


def ordered(folder: Path) -> str:
    """The last order, "run" where nothing was said."""
    try:
        word = (folder / CONTROL).read_text().strip()
    except OSError:
        return "run"
    return word if word in ORDERS else "run"


def under_control(training, *, parent: int | None = None) -> Iterator[dict]:
    """The records of a training that obeys its folder's orders and ends with its parent.

    Args:
        training: a DetectorTraining; several processes that train together take no orders.
        parent: process without which the training makes no sense.
    """
    looked = time.monotonic()
    for record in training.run():
        yield record
        if training.world.size > 1 or time.monotonic() - looked < LOOK_EVERY_S:
            continue
        if not _may_go_on(training.folder.path, parent):
            training.save()
            return
        looked = time.monotonic()


def _may_go_on(folder: Path, parent: int | None) -> bool:
    """Wait while the order is to pause; False once the training shall end."""
    since = time.monotonic()
    while (parent is None or os.getppid() == parent) and (word := ordered(folder)) != "stop":
        if word == "run":
            return True
        if time.monotonic() - since > PAUSED_AT_MOST_S:
            return False
        time.sleep(LOOK_EVERY_S)
    return False


# -- in the process that watches -----------------------------------------------------------------


class LiveError(ValueError):
    """A live training cannot be started; the message is one sentence for the person."""


@dataclass(frozen=True)
class LiveOptions:
    """What a visitor may choose; everything is bounded.

    Raises LiveError for a choice beyond its bounds.
    """

    iterations: int = 600
    learning_rate: float = 1e-3
    heads: int = 8
    levels: int = 4
    points: int = 4
    offset_start: str = "star"
    dense_loss: bool = True  # beside the set loss of the paper
    seed: int = 0

    def __post_init__(self):
        bounds = {
            "iterations": (20, MOST_ITERATIONS),
            "learning_rate": (1e-5, 1e-2),
            "levels": (1, 4),
            "points": (1, 8),
            "seed": (0, 2**31 - 1),
        }
        for name, (low, high) in bounds.items():
            if not low <= getattr(self, name) <= high:
                raise LiveError(
                    f"{name} is {getattr(self, name)}; it must lie between {low} and {high}."
                )
        if self.heads not in (1, 2, 4, 8):
            raise LiveError(f"heads is {self.heads}; it must be 1, 2, 4 or 8.")

    def recipe(self) -> "DetectorRecipe":
        """A small detector on small pictures: about a tenth of a second per iteration."""
        from deformviz.training.recipe import DetectorRecipe, scenes_config

        model = replace(
            scenes_config(),
            hidden_channels=32,
            heads=self.heads,
            levels=self.levels,
            encoder_points=self.points,
            decoder_points=self.points,
            encoder_layers=1,
            decoder_layers=2,
            feedforward_channels=64,
            queries=24,
            long_side=112,
            # Not below 16: torch 2.13 on a CPU ends in a segmentation fault in the backward pass of
            # 1x1 convolutions of stride 2 with 8 channels, channels last.
            compact_channels=(16, 16, 32, 32, 64),
        )
        return DetectorRecipe(
            model=model,
            iterations=self.iterations,
            seed=self.seed,
            learning_rate=self.learning_rate,
            warmup=min(50, self.iterations),
            dense_per_object=3 if self.dense_loss else 0,
            offset_start=self.offset_start,
            sides_px=((80, 112), (80, 112)),
            square_share=1.0,
            pixels_per_batch=PIXELS,
            most_images=8,
            snapshots=live_snapshots(self.iterations),
        )


def read_options(path: str | Path) -> LiveOptions:
    """The options that `LiveTraining.start` wrote. Raises LiveError."""
    return LiveOptions(**json.loads(Path(path).read_text()))


def live_snapshots(iterations: int) -> tuple[int, ...]:
    """At most sixty snapshots, closer together at the start."""
    early = [i for i in (0, 2, 5, 10, 15, 20, 30, 40) if i < iterations]
    return tuple(early + list(range(50, iterations, max(10, -(-iterations // 500) * 10))))


@dataclass(frozen=True)
class LiveState:
    """What the page says about the live training."""

    name: str  # "idle" | "starting" | "running" | "paused" | "ended" | "failed"
    iteration: int = 0
    iterations: int = 0
    loss: float | None = None
    error: str = ""

    @property
    def is_alive(self) -> bool:
        return self.name in ("starting", "running", "paused")


@dataclass(frozen=True)
class _Run:
    """A training that was begun: its process, its run folder, and what was asked for."""

    process: subprocess.Popen
    folder: Path
    options: LiveOptions

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """End the process, now."""
        self.process.kill()
        self.process.wait()

    def last_words(self) -> str:
        """The last line it wrote."""
        lines = (self.folder.parent / "log").read_text(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "It said nothing.")


class LiveTraining:
    """The one live training of a server. Every method may be called from any session's thread."""

    def __init__(self, within: Callable[[], Path] | None = None):
        """Each training has a folder in what `within` gives, or in the system's for such."""
        self._within = within
        self._lock = threading.RLock()
        self._run: _Run | None = None
        atexit.register(self.close)

    @property
    def folder(self) -> Path | None:
        """The run folder of the training that runs, or ran last."""
        return self._run.folder if self._run else None

    def start(self, options: LiveOptions) -> Path:
        """Begin a training in a folder of its own; the one before is forgotten.

        Raises LiveError while another one is alive, and where its folder cannot be written.
        """
        with self._lock:
            if self._run and self._run.is_alive:
                raise LiveError(
                    "A training is under way on this server already; watch it, or stop it first."
                )
            self._forget()
            try:
                folder, wishes = self._begin(options)
            except OSError as problem:
                raise LiveError(
                    f"The training cannot write to this server's disk ({problem.strerror}); "
                    "whoever runs it has to make room."
                ) from None
            home = folder.parent
            command = [
                sys.executable,
                "-m",
                "deformviz",
                "train",
                "detector",
                "--out",
                str(folder),
                "--live",
                str(wishes),
                "--parent",
                str(os.getpid()),
            ]
            environment = {
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "OMP_WAIT_POLICY": "PASSIVE",
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            }
            with (home / "log").open("w") as output:
                process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
            self._run = _Run(process, folder, options)
            return folder

    def _begin(self, options: LiveOptions) -> tuple[Path, Path]:
        """An empty run folder, and a file that says what is wished."""
        within = self._within() if self._within is not None else None
        home = Path(tempfile.mkdtemp(prefix="deformviz-live-", dir=within))
        try:
            (home / "live").mkdir()
            wishes = home / "options.json"
            wishes.write_text(json.dumps(asdict(options)))
        except OSError:
            shutil.rmtree(home, ignore_errors=True)
            raise
        return home / "live", wishes

    def pause(self) -> None:
        """Halt after the current iteration."""
        self._order("pause")

    def resume(self) -> None:
        """Go on after a pause."""
        self._order("run")

    def stop(self) -> None:
        """End the training; its folder can still be looked at. Returns when the process is gone."""
        with self._lock:
            if self._run is None or not self._run.is_alive:
                return
            self._order("stop")
            try:
                self._run.process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._run.kill()

    def state(self) -> LiveState:
        """How far it is."""
        with self._lock:
            run = self._run
            if run is None:
                return LiveState("idle")
            last = last_record(run.folder)
            facts = {
                "iteration": last.get("iteration", 0),
                "loss": last.get("loss"),
                "iterations": run.options.iterations,
            }
            code = run.process.poll()
            if code is None:
                paused = ordered(run.folder) == "pause"
                name = "paused" if paused else "running" if last else "starting"
                return LiveState(name, **facts)
            if code:
                return LiveState("failed", **facts, error=run.last_words())
            return LiveState("ended", **facts)

    def close(self) -> None:
        """End the training and remove what it wrote."""
        with self._lock:
            if self._run and self._run.is_alive:
                self._run.kill()
            self._forget()

    def _order(self, word: str) -> None:
        with self._lock:
            if self._run and self._run.is_alive:
                order(self._run.folder, word)

    def _forget(self) -> None:
        if self._run is not None:
            shutil.rmtree(self._run.folder.parent, ignore_errors=True)
        self._run = None


def last_record(folder: Path) -> dict:
    """The newest record of a run, read from the end of its file; {} where there is none."""
    try:
        with (folder / "records.jsonl").open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 8192))
            lines = file.read().split(b"\n")
    except OSError:
        return {}
    for line in reversed(lines):
        try:
            record = json.loads(line)
            if isinstance(record, dict) and "iteration" in record:
                return record
        except ValueError:
            continue
    return {}
