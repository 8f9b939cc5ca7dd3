"""Recorded trainings one can look at: shipped, followed, the live one, and one's own folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import deformviz
from app.folders import is_file, members
from deformviz.training.run_folder import RunFolder, RunFolderError
from deformviz.words.markdown import code, plain

SHIPPED_RUNS = Path(deformviz.__file__).parent / "assets" / "runs"
FOLLOWED = "DEFORMVIZ_RUNS"  # run folders, or folders of them, that this server may show
LIVE, OWN = "live", "own"
DRAWINGS = {"detector": "sampling", "recording": "sampling", "dat": "grid"}  # by kind of run
SHIPPED_TITLES = {"detector": "Deformable DETR, shipped", "dat": "DAT, shipped"}


@dataclass(frozen=True)
class RecordedRun:
    """A run folder one can choose."""

    name: str  # what an address calls it
    title: str
    path: Path
    kind: str = ""  # "" where `problem` says why the folder cannot be opened
    problem: str = ""
    growing: bool = False  # more snapshots may come

    @property
    def drawing(self) -> str:
        """What its pictures show: "sampling" points, or a deformed "grid"."""
        return DRAWINGS.get(self.kind, "")

    @property
    def stamp(self) -> str:
        """Changes when another run lies at the same place."""
        try:
            return f"{self.path}|{(self.path / 'run.json').stat().st_mtime_ns}"
        except OSError:
            return f"{self.path}|"


def list_runs(
    live: Path | None = None, *, live_grows: bool = False, own: Path | None = None
) -> dict[str, RecordedRun]:
    """Every run of this server by name.

    Args:
        live: folder of the training that was started from the page.
        own: a folder somebody at this very machine named.
    """
    shipped = [open_run(SHIPPED_RUNS / name, name, title) for name, title in SHIPPED_TITLES.items()]
    found = {run.name: run for run in shipped if not run.problem}
    for path in _followed():
        run = open_run(path, path.name, path.name, growing=True)
        found[run.name] = run
    if live is not None:
        found[LIVE] = open_run(live, LIVE, "Trained live, here", growing=live_grows)
    if own is not None:
        found[OWN] = open_run(own, OWN, own.name or str(own), growing=True)
    return found


def open_run(path: Path, name: str, title: str, *, growing: bool = False) -> RecordedRun:
    """A folder as a run, with a sentence where it is none."""
    try:
        about = RunFolder(path).about()
    except (RunFolderError, OSError, ValueError) as problem:
        return RecordedRun(name, title, path, problem=str(problem), growing=growing)
    kind = about["kind"]
    if kind not in DRAWINGS:
        return RecordedRun(
            name,
            title,
            path,
            kind,
            f"{path.name} is a run of kind {kind!r}, "
            f"which this page cannot show; it knows {', '.join(DRAWINGS)}.",
        )
    iterations = about["recipe"].get("iterations")
    if kind != "recording" and isinstance(iterations, int):
        growing = growing and iterations not in RunFolder(path).snapshots()
    return RecordedRun(name, title, path, kind, growing=growing)


def describe(run: RecordedRun) -> str:
    """What was trained and how, in a line: iterations, snapshots, seed and command."""
    try:
        about = RunFolder(run.path).about()
        kept = list(snapshots_on_disk(run))
    except (RunFolderError, OSError, ValueError):
        return ""
    length = f"{len(kept)} snapshots up to iteration {kept[-1]:,}" if kept else "no snapshot yet"
    facts = ["followed as it grows" if run.growing else length]
    if "seed" in about["recipe"]:
        facts.append(plain(f"seed {about['recipe']['seed']}"))
    if (command := about.get("command")) and run.name != LIVE:
        facts.append(code(str(command)))
    return " · ".join(facts)


def snapshots_on_disk(run: RecordedRun) -> list[int]:
    """Iterations a run has something to show of."""
    folder = RunFolder(run.path)
    return list(folder.traces() if run.kind == "recording" else folder.snapshots())


def _followed() -> list[Path]:
    """The folders named by the environment: runs themselves, or folders that hold runs."""
    paths: list[Path] = []
    for text in filter(None, os.environ.get(FOLLOWED, "").split(os.pathsep)):
        path = Path(text)
        inner = [one for one in members(path) if is_file(one / "run.json")]
        paths += [path] if is_file(path / "run.json") or not inner else inner
    return paths
