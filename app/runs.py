"""From a chosen picture and model to a run that can be shown: stored, cached, or put in line."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.jobs import Report
from app.session import (
    GRID,
    KEYS,
    QUEUE,
    RUNS,
    SAMPLING,
    STORES,
    load_model,
    own_checkpoints,
    run_key,
    stored_traces,
)
from app.sources import Source
from deformviz.axes import axes_of
from deformviz.schema import SHOWN_SCORE, AttentionTrace, GridTrace, Trace
from deformviz.tracing.packing import PackedLayer
from deformviz.tracing.packing_grid import PackedGrid, unpack_any
from deformviz.tracing.store import StoredTrace, pack_record, picture_jpeg

log = logging.getLogger(__name__)

SHIPPED_MODEL = "deformable-detr-scenes"
SHIPPED_MODELS = {
    SAMPLING: (SHIPPED_MODEL, "Deformable DETR, scenes"),
    GRID: ("dat-scenes", "DAT, scenes of one object"),
    KEYS: ("five-attentions", "Five attentions, both shipped models"),
}
RECORDS = {SAMPLING: AttentionTrace, GRID: GridTrace}  # what the pages of a room show
WITHOUT = {
    SAMPLING: "This model has no sampling points; if it is a DAT, open it on the page Deformed "
    "grids.",
    GRID: "This model has no deformed grid; if it is a detector, open it on the page Explore.",
}
CHECKPOINT_ENDINGS = (".safetensors", ".pth", ".pt", ".bin")


@dataclass(frozen=True)
class ModelChoice:
    """A model one can choose: the shipped one, or a file in the server's folder."""

    name: str  # what an address calls it
    title: str
    path: str  # what `dv.load` is given
    stamp: int  # changes when the file does
    room: str = SAMPLING  # the pages it was chosen on

    @property
    def knows_scenes_only(self) -> bool:
        return self.name == SHIPPED_MODELS[self.room][0]


@dataclass(frozen=True, eq=False)
class ComputedRun:
    """A finished run in memory; it answers what a StoredTrace answers, and exact numbers."""

    key: str
    title: str
    original_hw: tuple[int, int]
    layers: tuple[str, ...]
    model: str
    honesty: str
    detections: tuple[dict[str, Any], ...]
    backend: str  # which op ran, and why
    packed: dict[str, bytes]  # layer -> gzip
    picture: bytes  # JPEG
    exact: dict[str, np.ndarray]  # name -> read-only array, float32

    def layer_gzip(self, layer: str) -> bytes:
        return self.packed[layer]

    def layer(self, layer: str) -> PackedLayer | PackedGrid:
        return unpack_any(self.packed[layer])

    def picture_jpeg(self) -> bytes:
        return self.picture

    @property
    def size_bytes(self) -> int:
        return (
            len(self.picture)
            + sum(map(len, self.packed.values()))
            + sum(array.nbytes for array in self.exact.values())
        )


Run = StoredTrace | ComputedRun


def list_models(room: str = SAMPLING) -> dict[str, ModelChoice]:
    """The shipped model of a room and the files in $DEFORMVIZ_CHECKPOINTS, by name."""
    shipped, title = SHIPPED_MODELS[room]
    choices = [ModelChoice(shipped, title, shipped, 0, room)]
    if room == KEYS:  # compares the shipped models; a file is only one
        return {shipped: choices[0]}
    folder = os.environ.get("DEFORMVIZ_CHECKPOINTS")
    if folder and Path(folder).is_dir():
        files = sorted(p for p in Path(folder).iterdir() if p.suffix in CHECKPOINT_ENDINGS)
        choices += [
            ModelChoice(file.name, file.stem, str(file), file.stat().st_mtime_ns, room)
            for file in files
        ]
    choices += [
        ModelChoice(own.name, own.title, own.path, own.stamp, room) for own in own_checkpoints()
    ]
    return {choice.name: choice for choice in choices}


def find(key: str) -> Run | None:
    """The stored or cached run of a public key."""
    stored = (trace for room in STORES for trace in stored_traces(room) if trace.key == key)
    return next(stored, None) or RUNS.get(key)


def key_of(source: Source, model: ModelChoice) -> str:
    """The key under which a run of the model itself is kept."""
    return run_key(f"{model.room}|{model.path}|{model.stamp}", source.content())


def finished(source: Source, model: ModelChoice) -> Run | None:
    """What can be shown at once: a sample's stored trace, or a run that is still cached."""
    if source.stored is not None and model.name == SHIPPED_MODELS[model.room][0]:
        return source.stored
    return RUNS.get(key_of(source, model))


def request(source: Source, model: ModelChoice, session: str) -> str:
    """Put a run in line for a session, or join it; returns its key. Raises QueueFull."""
    key = key_of(source, model)
    if RUNS.get(key) is None:
        QUEUE.submit(key, lambda report: _work(key, source, model, report), session)
    return key


def exact_npz(source: Source, model: ModelChoice, session: str) -> bytes:
    """Every number of every layer as the model computed it, float32, as an .npz file.

    Waits for a run where none is cached: stored traces are rounded to 16 bits.
    """
    key = request(source, model, session)
    progress = QUEUE.wait(key)
    run = RUNS.get(key)
    if run is None:
        raise RuntimeError(progress.error if progress else "The run is gone; try again.")
    buffer = io.BytesIO()
    np.savez(buffer, **run.exact)
    return buffer.getvalue()


def _work(key: str, source: Source, model: ModelChoice, report: Report) -> None:
    """What one run does; `report` raises where nobody waits for it any more."""
    from deformviz.tracing.pictures import read_picture

    started = time.perf_counter()
    report("reading the picture", 0, 1)
    picture = read_picture(source.read(), name=source.title)
    report("loading the model", 0, 1)
    compute = _compare if model.room == KEYS else _trace
    done = compute(key, source, picture, model, report)
    RUNS.put(key, done, done.size_bytes)
    log.info(
        "run finished: %s, %.1f MB in %.2f s",
        model.name,
        done.size_bytes / 1e6,
        time.perf_counter() - started,
    )


def _trace(key: str, source: Source, picture: np.ndarray, model: ModelChoice, report: Report):
    """What one model does with one picture."""
    from deformviz.tracing.run import run

    network = load_model(model.path, model.stamp)
    trace = run(network, picture, on_layer=report)
    if not any(isinstance(record, RECORDS[model.room]) for record in trace.layers.values()):
        raise ValueError(WITHOUT[model.room])
    report("packing", 0, 1)
    return _computed_run(key, source.title, network, trace, picture)


def _compare(key: str, source: Source, picture: np.ndarray, model: ModelChoice, report: Report):
    """What a place of one picture may look at under each kind of attention."""
    from deformviz.analysis.key_sets import key_sets
    from deformviz.analysis.key_sets_store import LAYER, pack_key_sets, whose_weights
    from deformviz.tracing.packing import compress

    networks = [load_model(SHIPPED_MODELS[room][0], 0) for room in (SAMPLING, GRID)]
    report("five kinds of attention", 0, 1)
    original_hw = picture.shape[0], picture.shape[1]
    packed = compress(pack_key_sets(key_sets(picture, *networks), original_hw))
    return ComputedRun(
        key=key,
        title=source.title,
        original_hw=original_hw,
        layers=(LAYER,),
        detections=(),
        backend=backend_of(networks[0]),
        packed={LAYER: packed},
        picture=picture_jpeg(picture),
        exact={},
        **whose_weights(*networks),
    )


def backend_of(network: Any) -> str:
    """Which op ran and why, in one line and without places on the server's disk."""
    from deformviz.attention.backends import which_backend

    backend = which_backend(next(network.parameters()).device)
    detail = re.sub(r"\s*\([^()]*[/\\][^()]*\)", "", backend.detail.partition("\n")[0])
    return f"{backend.name}: {detail}"


def _computed_run(
    key: str, title: str, network: Any, trace: Trace, picture: np.ndarray
) -> ComputedRun:
    from deformviz.tracing.labels import honesty_label, model_label

    labels = {"model_label": model_label(network), "honesty_label": honesty_label(network)}
    packed = {
        layer: blob for layer in trace if (blob := pack_record(network, trace, layer)) is not None
    }
    found = trace.detections
    return ComputedRun(
        key=key,
        title=title,
        original_hw=trace.frame.original_hw,
        layers=tuple(packed),
        model=labels["model_label"],
        honesty=labels["honesty_label"],
        detections=tuple(
            {"class_name": found.name(i), "score": float(found.scores[i])}
            for i in range(len(found or ()))
            if float(found.scores[i]) >= SHOWN_SCORE
        ),
        backend=backend_of(network),
        packed=packed,
        picture=picture_jpeg(picture),
        exact=_exact_arrays(trace, title, labels),
    )


def _exact_arrays(trace: Trace, title: str, labels: dict[str, str]) -> dict[str, np.ndarray]:
    """All recorded arrays under "<layer>/<name>", and one JSON text that explains them."""
    arrays, meaning = {}, {}
    records = dict(trace.layers) | ({"detections": trace.detections} if trace.detections else {})
    for layer, record in records.items():
        for name, spec in axes_of(record).items():
            if (value := getattr(record, name)) is not None:
                array = np.asarray(value)
                array.flags.writeable = False
                arrays[f"{layer}/{name}"], meaning[f"{layer}/{name}"] = array, spec
    about = {
        "picture": title,
        **labels,
        "axes": meaning,
        "original_hw": trace.frame.original_hw,
        "resized_hw": trace.frame.resized_hw,
        "padded_hw": trace.frame.padded_hw,
        "class_names": list(trace.detections.class_names) if trace.detections else [],
        "frames": "sampling_locations are (x, y), normalised to the padded image; spatial_shapes "
        "are (H, W); pixel = location * size - 0.5; grids are (y, x) as grid_sample "
        "reads them",
    }
    return arrays | {"about.json": np.array(json.dumps(about))}
