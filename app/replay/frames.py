"""What a replay shows of one run on one picture: packed layers of every snapshot, and matches.

Computed once, in line with all other runs of this server, and kept in one bounded cache; a run
that goes on costs one forward pass per new snapshot.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from app.jobs import Report
from app.replay.library import RecordedRun
from app.session import QUEUE, REPLAYS, run_key
from app.sources import Source
from deformviz.schema import AttentionTrace, Trace
from deformviz.tracing.packing import compress, pack_layer, unpack_layer
from deformviz.training.run_folder import RunFolder, RunFolderError

SMOOTHED_POINTS = 240       # of the loss curve
OWN_PROBE_SCENES = 6        # for the curves of a run that ships none


@dataclass(frozen=True, eq=False)
class Frame:
    """One snapshot on one picture."""

    packed: dict[str, bytes]                    # layer -> gzip
    trace: Trace | None = None                  # the answer alone, for matching objects

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self.packed.values())) + 20_000


@dataclass(frozen=True, eq=False)
class ReplayView:
    """Everything the page shows of one run on one picture; grows with its run."""

    key: str
    run: RecordedRun
    picture: bytes                              # JPEG or PNG
    picture_hw: tuple[int, int]
    frames: dict[int, Frame] = field(default_factory=dict)
    objects: tuple[Any, ...] = ()
    matches: dict[int, list[int | None]] = field(default_factory=dict)
    curves: dict[str, Any] | None = None
    loss: tuple[list[int], list[float]] = ((), ())
    complete: bool = False                      # every snapshot there was at the time

    @property
    def version(self) -> str:
        """Changes with everything the manifest says."""
        measured = len(self.curves["iterations"]) if self.curves else 0
        facts = [sorted(self.frames), self.complete, self.run.growing, measured, len(self.loss[0]),
                 list(self.loss[0])[-1:]]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]

    @property
    def size_bytes(self) -> int:
        return len(self.picture) + sum(frame.size_bytes for frame in self.frames.values())

    def manifest(self) -> dict[str, Any]:
        """What the browser needs to know; the layers themselves have addresses of their own."""
        first = unpack_layer(next(iter(self._first().packed.values()))).header
        return {
            "name": self.run.name, "title": self.run.title, "kind": self.run.kind,
            "growing": self.run.growing, "version": self.version, "address": f"replay/{self.key}",
            "iterations": sorted(self.frames), "layers": list(self._first().packed),
            "heads": first["heads"], "levels": len(first["levels"]),
            "objects": [{"class_name": found.class_name, "score": found.score,
                         "box_xyxy_px": found.box_xyxy_px} for found in self.objects],
            "matches": self.matches, "curves": self.curves, "loss": self.loss,
        }

    def _first(self) -> Frame:
        return self.frames[min(self.frames)]


def find(key: str) -> ReplayView | None:
    """The replay of a public key, if it is still here."""
    return REPLAYS.get(key)


def key_of(run: RecordedRun, content: str) -> str:
    """The public name of one run on one picture."""
    return run_key(f"replay|{run.stamp}", content)


def snapshots_on_disk(run: RecordedRun) -> list[int]:
    """Iterations a run has something to show of."""
    folder = RunFolder(run.path)
    return list(folder.snapshots() if run.kind == "detector" else folder.traces())


def is_current(view: ReplayView) -> bool:
    """Whether a view shows all there is on disk by now."""
    return view.complete and sorted(view.frames) == snapshots_on_disk(view.run)


def with_run(view: ReplayView, run: RecordedRun) -> ReplayView:
    """The view of a run as it is now: one that grew may have ended."""
    return view if view.run == run else _keep(replace(view, run=run))


def request(run: RecordedRun, source: Source | int, session: str) -> str:
    """Put the missing snapshots of a run in line; returns the replay's key. Raises QueueFull.

    Args:
        source: a picture, or the number of a probe picture of a recording.
    """
    if isinstance(source, int):
        key = key_of(run, f"probe {source}")
        QUEUE.submit(key, lambda report: _read_recording(key, run, source, report), session)
    else:
        key = key_of(run, source.content())
        QUEUE.submit(key, lambda report: _compute(key, run, source, report), session)
    return key


def _keep(view: ReplayView) -> ReplayView:
    REPLAYS.put(view.key, view, view.size_bytes)
    return view


# -- a detector's weights, on any picture --------------------------------------------------------

@functools.lru_cache(maxsize=3)
def _open_replay(stamp: str, run: RecordedRun):
    from deformviz.analysis.replay import Replay

    return Replay(run.path)


def _compute(key: str, run: RecordedRun, source: Source, report: Report) -> None:
    """Every snapshot that is not here yet: the last and the first, then the others."""
    from deformviz.tracing.pictures import read_picture
    from deformviz.tracing.store import picture_jpeg

    report("reading the picture", 0, 1)
    picture = read_picture(source.read())
    replay = _open_replay(run.stamp, run)
    view = REPLAYS.get(key) or ReplayView(key, run, picture_jpeg(picture), picture.shape[:2])
    view = replace(view, run=run, complete=False)
    iterations = replay.iterations()
    if not iterations:
        raise RunFolderError(f"{run.title} has no snapshots yet; the first one comes soon.")
    ends = [iterations[-1], iterations[0]]
    order = [i for i in dict.fromkeys([*ends, *iterations]) if i not in view.frames]
    for done, iteration in enumerate(order):
        report(f"iteration {iteration}", done, len(order))
        frame = _frame(replay.trace(iteration, picture), run)
        view = replace(view, frames={**view.frames, iteration: frame})
        if len(view.frames) == 2:
            _keep(_with_facts(view, run))       # enough for a first look
    view = _keep(_with_facts(view, run))
    _keep(replace(view, curves=_curves(replay, view, report), complete=True))


def _frame(trace: Trace, run: RecordedRun) -> Frame:
    packed = {
        name: compress(pack_layer(trace, name, model_label=run.title))
        for name, record in trace.layers.items() if isinstance(record, AttentionTrace)
    }
    answer = replace(trace, layers={}, output=replace(trace.output, proposals=None, auxiliary=()))
    return Frame(packed, answer)


def _with_facts(view: ReplayView, run: RecordedRun) -> ReplayView:
    """Objects of the newest snapshot, matched at every other one, and the loss so far."""
    from deformviz.analysis.replay import followed_objects, matched_queries

    newest = view.frames[max(view.frames)].trace
    objects = tuple(followed_objects(newest.detections))
    matches = {i: matched_queries(frame.trace, objects) for i, frame in view.frames.items()}
    return replace(view, objects=objects, matches=matches, loss=smooth_loss(RunFolder(run.path)),
                   curves=view.curves or _stored_curves(run))


def _stored_curves(run: RecordedRun) -> dict[str, Any] | None:
    from deformviz.analysis.curves import read_curves

    return read_curves(RunFolder(run.path))


def _curves(replay, view: ReplayView, report: Report) -> dict[str, Any] | None:
    """The run's own curves, or those of a few scenes, added to snapshot by snapshot."""
    if (view.run.path / "curves.json").is_file():
        return view.curves
    from deformviz.analysis.curves import probe_scenes, sample_scenes

    writer = _curve_writer(view.run.stamp)
    scenes = probe_scenes(OWN_PROBE_SCENES, replay.recipe.model.long_side)
    missing = [i for i in sorted(view.frames) if i not in writer.curves["iterations"]]
    for done, iteration in enumerate(missing):
        report(f"measuring iteration {iteration}", done, len(missing))
        with replay.lock:
            writer.add(iteration, *sample_scenes(replay.model_at(iteration), scenes))
    return json.loads(json.dumps(writer.curves))


@functools.lru_cache(maxsize=8)
def _curve_writer(stamp: str):
    from deformviz.analysis.curves import CurveWriter

    return CurveWriter(None)


def smooth_loss(folder: RunFolder) -> tuple[list[int], list[float]]:
    """The loss over iterations as at most a few hundred means of neighbours."""
    iterations, losses = folder.curve("loss")
    if not iterations:
        return [], []
    width = max(1, -(-len(iterations) // SMOOTHED_POINTS))
    groups = [slice(at, at + width) for at in range(0, len(iterations), width)]
    return ([round(float(np.mean(iterations[group]))) for group in groups],
            [round(float(np.mean(losses[group])), 4) for group in groups])


# -- a recording of another model, on its own pictures -------------------------------------------

def probe_count(run: RecordedRun) -> int:
    """How many probe pictures a recording has traces of."""
    folder = RunFolder(run.path)
    kept = folder.traces()
    names = folder.trace_names(next(iter(kept))) if kept else []
    return 1 + max((int(name.partition("/")[0]) for name in names), default=-1)


def _read_recording(key: str, run: RecordedRun, number: int, report: Report) -> None:
    from deformviz.analysis.curves import measure_recording

    folder = RunFolder(run.path)
    kept = folder.traces()
    if not kept:
        raise RunFolderError(
            f"{run.title} holds no traces of probe pictures. Its weights belong to a model this "
            "page cannot build; record with probe=... to see its points here."
        )
    view = REPLAYS.get(key) or ReplayView(key, run, *_probe_picture(folder, number))
    view = replace(view, run=run)
    for done, iteration in enumerate(kept):
        report(f"iteration {iteration}", done, len(kept))
        layers = [name.partition("/")[2] for name in folder.trace_names(iteration)
                  if name.startswith(f"{number}/")]
        if iteration not in view.frames and layers:
            packed = {name: folder.load_trace(iteration, number, name)
                      for name in sorted(layers, key=_in_order)}
            view = replace(view, frames={**view.frames, iteration: Frame(packed)})
    if not view.frames:
        raise RunFolderError(f"{run.title} has no readable trace of picture {number}.")
    _keep(replace(view, curves=measure_recording(folder), loss=smooth_loss(folder), complete=True))


def _in_order(layer: str) -> tuple:
    """Encoder before decoder, layer 2 before layer 10."""
    numbers = [int(part) if part.isdigit() else -1 for part in layer.split(".")]
    return "encoder" not in layer, "decoder" not in layer, numbers, layer


def _probe_picture(folder: RunFolder, number: int) -> tuple[bytes, tuple[int, int]]:
    """A probe picture and its size; a plain one where none was kept."""
    from PIL import Image

    from deformviz.tracing.pictures import read_picture
    from deformviz.tracing.store import picture_jpeg

    path = folder.picture_path(number)
    if path.is_file():
        picture = read_picture(path)
        return picture_jpeg(picture), picture.shape[:2]
    first = next(iter(folder.traces()))
    layer = next((n for n in folder.trace_names(first) if n.startswith(f"{number}/")), "")
    frame = unpack_layer(folder.load_trace(first, number, layer.partition("/")[2])).header["frame"]
    height, width = frame["original_hw"]
    return picture_jpeg(np.asarray(Image.new("RGB", (width, height), "#3b4252"))), (height, width)
