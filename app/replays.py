"""From a recorded run and a picture to the replay of it, by way of the one door to work."""

from __future__ import annotations

from app import work
from app.recorded_runs import RecordedRun
from app.sources import Source
from app.tasks.pictures import Seen
from app.tasks.replay_view import ReplayView
from deformviz.training.run_folder import RunFolder


def key_of(run: RecordedRun, source: Source | int) -> str:
    """The public name of one run on one picture, or on a probe picture of a recording."""
    content = f"probe {source}" if isinstance(source, int) else source.content()
    return work.key_of("replay", run.stamp, content)


def find(key: str) -> ReplayView | None:
    """The replay of a public key, if it is still here."""
    view = work.kept(key)
    return view if isinstance(view, ReplayView) else None


def request(run: RecordedRun, source: Source | int, visitor: str) -> str:
    """Put the missing snapshots of a run in line; returns the replay's key. Raises QueueFull."""
    key = key_of(run, source)
    if isinstance(source, int):
        what, arguments = "read_recording", (key, run, source)
    else:
        seen = Seen(source.told, source.read())
        what, arguments = "compute", (key, run, seen, source.stored)
    work.ask(
        key, f"app.tasks.replays:{what}", arguments, visitor=visitor, lane=work.MEDIUM, again=True
    )
    return key


def probe_count(run: RecordedRun) -> int:
    """How many probe pictures a recording has traces of."""
    folder = RunFolder(run.path)
    kept = folder.traces()
    names = folder.trace_names(next(iter(kept))) if kept else []
    return 1 + max((int(name.partition("/")[0]) for name in names), default=-1)
