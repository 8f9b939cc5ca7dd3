"""From a recorded run and a picture to what a replay shows of them, snapshot by snapshot."""

from __future__ import annotations

import functools
import json
import pickle
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from app.recorded_runs import RecordedRun
from app.tasks.pictures import Seen, budget_bytes
from app.tasks.replay_view import ReplayView
from app.worker import Task, option
from deformviz.analysis.loss_curve import smooth_loss
from deformviz.schema import AttentionTrace, GridTrace, Trace
from deformviz.tracing.packing import compress, pack_layer, unpack_layer
from deformviz.tracing.packing_grid import pack_grid
from deformviz.tracing.pictures import read_picture
from deformviz.tracing.store import StoredTrace, picture_jpeg
from deformviz.training.run_folder import RunFolder, RunFolderError

KEEP_EVERY_S = 1.5  # what is computed so far is shown that often
OWN_PROBE_SCENES = 6  # for the curves of a run that ships none
ANSWER, STATISTICS = "answer.trace", "statistics"  # beside the layers of a frame


# -- weights of our own models, on any picture ---------------------------------------------------


@functools.lru_cache(maxsize=3)
def _open_replay(stamp: str, path: Path):
    from deformviz.analysis.replay import Replay

    return Replay(path)


def compute(
    task: Task, key: str, run: RecordedRun, seen: Seen, stored: StoredTrace | None
) -> ReplayView:
    """Every snapshot that is not here yet: the last and the first, then the others.

    Args:
        stored: the picture's trace in the gallery, which may know where its object is.
    """
    from deformviz.analysis import price

    task.report("reading the picture")
    picture = read_picture(seen.data, name=seen.title)
    replay = _open_replay(run.stamp, run.path)
    view = task.before()
    if view is None:
        (task.folder / "picture.jpg").write_bytes(picture_jpeg(picture))
        view = ReplayView(key, run, task.folder, picture.shape[:2])
    view = replace(view, run=run, complete=False)
    iterations = replay.iterations()
    if not iterations:
        raise RunFolderError(f"{run.title} has no snapshots yet; the first one comes soon.")
    ends = [iterations[-1], iterations[0]]
    order = [i for i in dict.fromkeys([*ends, *iterations]) if i not in view.frames]
    price.check(
        price.times(price.price_of(replay.recipe.model, picture.shape[:2]), len(order)),
        memory_bytes=budget_bytes(),
        seconds=option("DEFORMVIZ_BUDGET_REPLAY_S", 600),
        what="a replay",
    )
    mask, kept_at = object_mask(stored), -KEEP_EVERY_S
    for done, iteration in enumerate(order):
        task.report(f"iteration {iteration}", done, len(order))
        packed = _pack(view, iteration, replay.trace(iteration, picture), replay, mask)
        view = view.with_frame(iteration, packed)
        if len(view.frames) >= 2 and time.monotonic() - kept_at >= KEEP_EVERY_S:
            task.keep(_with_facts(view))  # two are enough for a first look
            kept_at = time.monotonic()
    view = _with_facts(view)
    task.keep(view)
    return replace(view, curves=_curves(replay, view, task), complete=True)


def _pack(
    view: ReplayView, iteration: int, traced: Trace, replay: Any, mask: np.ndarray | None
) -> dict[str, bytes]:
    """The layers of one snapshot; what later snapshots are compared with lies beside them."""
    title = view.run.title
    if view.run.drawing == "grid":
        from deformviz.analysis.grid_curves import grid_layer_statistics

        grids = {n: record for n, record in traced.layers.items() if isinstance(record, GridTrace)}
        _put_beside(
            view,
            iteration,
            STATISTICS,
            {name: grid_layer_statistics(record, mask) for name, record in grids.items()},
        )
        names = replay.recipe.model.class_names
        return {
            name: compress(pack_grid(traced, name, model_label=title, class_names=names, mask=mask))
            for name in grids
        }
    output = replace(traced.output, proposals=None, auxiliary=()) if traced.output else None
    _put_beside(view, iteration, ANSWER, replace(traced, layers={}, output=output))
    return {
        name: compress(pack_layer(traced, name, model_label=title))
        for name, record in traced.layers.items()
        if isinstance(record, AttentionTrace)
    }


def _put_beside(view: ReplayView, iteration: int, name: str, value: Any) -> None:
    folder = view.frame_folder(iteration)
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(pickle.dumps(value))


def _beside(view: ReplayView, name: str) -> dict[int, Any]:
    """What lies beside every frame, by iteration."""
    return {i: pickle.loads((view.frame_folder(i) / name).read_bytes()) for i in view.frames}


def object_mask(stored: StoredTrace | None) -> np.ndarray | None:
    """Where the object is in the padded picture; known of the gallery's pictures of one object."""
    if stored is None or not stored.layers:
        return None
    return getattr(stored.layer(stored.layers[-1]), "mask", None)


def _with_facts(view: ReplayView) -> ReplayView:
    """The loss so far; of a detector the newest snapshot's objects, matched at every other one."""
    folder = RunFolder(view.run.path)
    view = replace(view, loss=smooth_loss(folder))
    if view.run.drawing == "grid":
        from deformviz.analysis.grid_curves import grid_curves, read_grid_scores

        curves = grid_curves(_beside(view, STATISTICS), read_grid_scores(folder))
        return replace(view, curves=curves)
    from deformviz.analysis.curves import read_curves
    from deformviz.analysis.replay import followed_objects, matched_queries

    answers = _beside(view, ANSWER)
    objects = followed_objects(answers[max(answers)].detections)
    return replace(
        view,
        objects=tuple(
            {
                "class_name": found.class_name,
                "score": found.score,
                "box_xyxy_px": found.box_xyxy_px,
            }
            for found in objects
        ),
        matches={i: matched_queries(traced, objects) for i, traced in answers.items()},
        curves=view.curves or read_curves(folder),
    )


def _curves(replay: Any, view: ReplayView, task: Task) -> dict[str, Any] | None:
    """The run's own curves, or those of a few scenes, added to snapshot by snapshot."""
    if view.run.drawing == "grid" or (view.run.path / "curves.json").is_file():
        return view.curves
    from deformviz.analysis.curves import probe_scenes, sample_scenes

    writer = _curve_writer(view.run.stamp)
    scenes = probe_scenes(OWN_PROBE_SCENES, replay.recipe.model.long_side)
    missing = [i for i in sorted(view.frames) if i not in writer.curves["iterations"]]
    for done, iteration in enumerate(missing):
        task.report(f"measuring iteration {iteration}", done, len(missing))
        writer.add(iteration, *sample_scenes(replay.model_at(iteration), scenes))
    return json.loads(json.dumps(writer.curves))


@functools.lru_cache(maxsize=8)
def _curve_writer(stamp: str):
    from deformviz.analysis.curves import CurveWriter

    return CurveWriter(None)


# -- a recording of another model, on its own pictures -------------------------------------------


def read_recording(task: Task, key: str, run: RecordedRun, number: int) -> ReplayView:
    """The traces a recording kept of one of its own pictures."""
    from deformviz.analysis.curves import measure_recording

    folder = RunFolder(run.path)
    kept = folder.traces()
    if not kept:
        raise RunFolderError(
            f"{run.title} holds no traces of probe pictures. Its weights belong to a model this "
            "page cannot build; record with probe=... to see its points here."
        )
    view = task.before()
    if view is None:
        data, picture_hw = _probe_picture(folder, number)
        (task.folder / "picture.jpg").write_bytes(data)
        view = ReplayView(key, run, task.folder, picture_hw)
    view = replace(view, run=run)
    for done, iteration in enumerate(kept):
        task.report(f"iteration {iteration}", done, len(kept))
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
            view = view.with_frame(iteration, packed)
    if not view.frames:
        raise RunFolderError(f"{run.title} has no readable trace of picture {number}.")
    return replace(view, curves=measure_recording(folder), loss=smooth_loss(folder), complete=True)


def _in_order(layer: str) -> tuple:
    """Encoder before decoder, layer 2 before layer 10."""
    numbers = [int(part) if part.isdigit() else -1 for part in layer.split(".")]
    return "encoder" not in layer, "decoder" not in layer, numbers, layer


def _probe_picture(folder: RunFolder, number: int) -> tuple[bytes, tuple[int, int]]:
    """A probe picture and its size; a plain one where none was kept."""
    from PIL import Image

    path = folder.picture_path(number)
    if path.is_file():
        picture = read_picture(path)
        return picture_jpeg(picture), picture.shape[:2]
    first = next(iter(folder.traces()))
    layer = next((n for n in folder.trace_names(first) if n.startswith(f"{number}/")), "")
    frame = unpack_layer(folder.load_trace(first, number, layer.partition("/")[2])).header["frame"]
    height, width = frame["original_hw"]
    return picture_jpeg(np.asarray(Image.new("RGB", (width, height), "#3b4252"))), (height, width)
