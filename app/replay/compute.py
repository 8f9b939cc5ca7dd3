"""From a recorded run and a picture to what a replay shows of them.

In line with all other runs of this server; a run that goes on costs one forward pass per new
snapshot.
"""

from __future__ import annotations

import functools
import json
import time
from dataclasses import replace
from typing import Any

import numpy as np

from app.jobs import Report
from app.replay.frames import Frame, ReplayView, keep, key_of
from app.replay.library import RecordedRun
from app.session import QUEUE, REPLAYS
from app.sources import Source
from deformviz.schema import AttentionTrace, GridTrace, Trace
from deformviz.tracing.packing import compress, pack_layer, unpack_layer
from deformviz.tracing.packing_grid import pack_grid
from deformviz.training.run_folder import RunFolder, RunFolderError

SMOOTHED_POINTS = 240  # of the loss curve
KEEP_EVERY_S = 1.5  # what is computed so far is shown that often
OWN_PROBE_SCENES = 6  # for the curves of a run that ships none


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


# -- weights of our own models, on any picture ---------------------------------------------------


@functools.lru_cache(maxsize=3)
def _open_replay(stamp: str, run: RecordedRun):
    from deformviz.analysis.replay import Replay

    return Replay(run.path)


def _compute(key: str, run: RecordedRun, source: Source, report: Report) -> None:
    """Every snapshot that is not here yet: the last and the first, then the others."""
    from deformviz.tracing.pictures import read_picture
    from deformviz.tracing.store import picture_jpeg

    report("reading the picture", 0, 1)
    picture = read_picture(source.read(), name=source.title)
    replay = _open_replay(run.stamp, run)
    frame_of = _grid_frame if run.drawing == "grid" else _sampling_frame
    view = REPLAYS.get(key) or ReplayView(key, run, picture_jpeg(picture), picture.shape[:2])
    view = replace(view, run=run, complete=False)
    iterations = replay.iterations()
    if not iterations:
        raise RunFolderError(f"{run.title} has no snapshots yet; the first one comes soon.")
    ends = [iterations[-1], iterations[0]]
    order = [i for i in dict.fromkeys([*ends, *iterations]) if i not in view.frames]
    kept_at = -KEEP_EVERY_S
    for done, iteration in enumerate(order):
        report(f"iteration {iteration}", done, len(order))
        frame = frame_of(replay.trace(iteration, picture), run, source)
        view = replace(view, frames={**view.frames, iteration: frame})
        if len(view.frames) >= 2 and time.monotonic() - kept_at >= KEEP_EVERY_S:
            keep(_with_facts(view))  # two are enough for a first look
            kept_at = time.monotonic()
    view = keep(_with_facts(view))
    keep(replace(view, curves=_curves(replay, view, report), complete=True))


def _sampling_frame(trace: Trace, run: RecordedRun, source: Source) -> Frame:
    packed = {
        name: compress(pack_layer(trace, name, model_label=run.title))
        for name, record in trace.layers.items()
        if isinstance(record, AttentionTrace)
    }
    answer = replace(trace, layers={}, output=replace(trace.output, proposals=None, auxiliary=()))
    return Frame(packed, answer)


def _grid_frame(trace: Trace, run: RecordedRun, source: Source) -> Frame:
    from deformviz.analysis.grid_curves import grid_layer_statistics

    mask, names = _object_mask(source), _class_names(run.stamp, run)
    grids = {name: record for name, record in trace.layers.items() if isinstance(record, GridTrace)}
    packed = {
        name: compress(pack_grid(trace, name, model_label=run.title, class_names=names, mask=mask))
        for name in grids
    }
    return Frame(
        packed,
        statistics={name: grid_layer_statistics(record, mask) for name, record in grids.items()},
    )


def _class_names(stamp: str, run: RecordedRun) -> tuple[str, ...]:
    return _open_replay(stamp, run).recipe.model.class_names


def _object_mask(source: Source) -> np.ndarray | None:
    """Where the object is in the padded picture; known of the gallery's pictures of one object."""
    if source.stored is None or not source.stored.layers:
        return None
    return getattr(source.stored.layer(source.stored.layers[-1]), "mask", None)


def _with_facts(view: ReplayView) -> ReplayView:
    """The loss so far; of a detector the newest snapshot's objects, matched at every other one."""
    view = replace(view, loss=smooth_loss(RunFolder(view.run.path)))
    if view.run.drawing == "grid":
        return replace(view, curves=_grid_curves(view))
    from deformviz.analysis.curves import read_curves
    from deformviz.analysis.replay import followed_objects, matched_queries

    newest = view.frames[max(view.frames)].trace
    objects = tuple(followed_objects(newest.detections))
    matches = {i: matched_queries(frame.trace, objects) for i, frame in view.frames.items()}
    return replace(
        view,
        objects=objects,
        matches=matches,
        curves=view.curves or read_curves(RunFolder(view.run.path)),
    )


def _grid_curves(view: ReplayView) -> dict[str, Any]:
    from deformviz.analysis.grid_curves import grid_curves, read_grid_scores

    return grid_curves(
        {i: frame.statistics for i, frame in view.frames.items()},
        read_grid_scores(RunFolder(view.run.path)),
    )


def _curves(replay, view: ReplayView, report: Report) -> dict[str, Any] | None:
    """The run's own curves, or those of a few scenes, added to snapshot by snapshot."""
    if view.run.drawing == "grid" or (view.run.path / "curves.json").is_file():
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
    return (
        [round(float(np.mean(iterations[group]))) for group in groups],
        [round(float(np.mean(losses[group])), 4) for group in groups],
    )


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
        layers = [
            name.partition("/")[2]
            for name in folder.trace_names(iteration)
            if name.startswith(f"{number}/")
        ]
        if iteration not in view.frames and layers:
            packed = {
                name: folder.load_trace(iteration, number, name)
                for name in sorted(layers, key=_in_order)
            }
            view = replace(view, frames={**view.frames, iteration: Frame(packed)})
    if not view.frames:
        raise RunFolderError(f"{run.title} has no readable trace of picture {number}.")
    keep(replace(view, curves=measure_recording(folder), loss=smooth_loss(folder), complete=True))


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
