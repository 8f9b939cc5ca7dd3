"""One model, one picture: everything a page shows of them, written beside the answer."""

from __future__ import annotations

import io
import json
import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.tasks.models import load_model
from app.worker import GIBIBYTE, Task, option
from deformviz.axes import axes_of
from deformviz.schema import SHOWN_SCORE, Trace
from deformviz.tracing.pictures import read_picture
from deformviz.tracing.store import StoredTrace, pack_record, picture_jpeg
from deformviz.words import say

log = logging.getLogger(__name__)

EXACT = "exact.npz"
MOST_AS_IT_COMES_PX = 1_500_000  # of a picture that a model takes without resizing it


@dataclass(frozen=True)
class Seen:
    """A picture as a worker is handed it."""

    title: str
    data: bytes


@dataclass(frozen=True)
class ComputedRun(StoredTrace):
    """A finished run; it is stored as shipped traces are, and holds exact numbers too."""

    backend: str = ""  # which op ran, and why
    foreign: bool = False  # whether transformers built and ran the model

    @property
    def exact(self) -> Path:
        """An .npz file of every number as the model computed it, float32."""
        return self.folder / EXACT


def trace(
    task: Task, key: str, seen: Seen, path: str, stamp: int, kinds: tuple[type, ...], without: str
) -> ComputedRun:
    """What one model does with one picture.

    Args:
        kinds: the records a page can show; a model that leaves none of them is refused.
        without: the sentence it is refused with.
    """
    from deformviz.tracing.look import is_ours
    from deformviz.tracing.run import run

    picture = _read(task, seen)
    task.report("loading the model")
    network = load_model(path, stamp)
    if is_ours(network):  # any other resizes the picture as its own processor says
        check_price(network.config, picture.shape[:2])
    elif not _resizes(network) and picture.shape[0] * picture.shape[1] > MOST_AS_IT_COMES_PX:
        raise ValueError(say("foreign.too_large", most=f"{MOST_AS_IT_COMES_PX / 1e6:g}"))
    started = time.perf_counter()
    traced = run(network, picture, on_layer=task.report)
    if not any(isinstance(record, kinds) for record in traced.layers.values()):
        raise ValueError(without)
    task.report("packing")
    done = _store(task.folder, key, seen.title, network, traced, picture)
    log.info("run finished: %s in %.2f s", path, time.perf_counter() - started)
    return done


def budget_bytes() -> float:
    """What one picture, study or replay may need, as priced before it is begun."""
    return option("DEFORMVIZ_BUDGET_GIB", 2) * GIBIBYTE


def check_price(config: Any, picture_hw: tuple[int, ...], *, passes: int = 1) -> None:
    """Refuse, before it runs, what one picture would need too much for. Raises TooLarge.

    Args:
        passes: forward through the model, or back.
    """
    from deformviz.analysis import price

    price.check(
        price.times(price.price_of(config, (picture_hw[0], picture_hw[1])), passes),
        memory_bytes=budget_bytes(),
        seconds=option("DEFORMVIZ_BUDGET_S", 60),
    )


def compare(task: Task, key: str, seen: Seen, paths: Sequence[str]) -> ComputedRun:
    """What a place of one picture may look at under each kind of attention."""
    from deformviz.analysis.key_sets import key_sets
    from deformviz.analysis.key_sets_store import LAYER, pack_key_sets, whose_weights
    from deformviz.tracing.packing import compress

    picture = _read(task, seen)
    task.report("loading the models")
    detector, classifier = (load_model(path, 0) for path in paths)
    task.report("five kinds of attention")
    original_hw = picture.shape[0], picture.shape[1]
    packed = compress(pack_key_sets(key_sets(picture, detector, classifier), original_hw))
    return lay_out(
        task.folder,
        {LAYER: packed},
        picture,
        {},
        key=key,
        title=seen.title,
        original_hw=original_hw,
        detections=(),
        backend=backend_of(detector),
        **whose_weights(detector, classifier),
    )


def _read(task: Task, seen: Seen) -> np.ndarray:
    task.report("reading the picture")
    return read_picture(seen.data, name=seen.title)


def backend_of(network: Any) -> str:
    """Which op ran and why, in one line and without places on the server's disk."""
    from deformviz.attention.backends import which_backend
    from deformviz.tracing.look import is_ours

    if not is_ours(network):
        return say("foreign.backend", version=network.load_report.metadata["transformers"])
    backend = which_backend(next(network.parameters()).device)
    detail = re.sub(r"\s*\([^()]*[/\\][^()]*\)", "", backend.detail.partition("\n")[0])
    return f"{backend.name}: {detail}"


def _resizes(network: Any) -> bool:
    """Whether a foreign model's own processor bounds what goes in."""
    processor = getattr(network, "processor", None)
    images = getattr(processor, "image_processor", processor)
    return getattr(images, "do_resize", True) is not False


def _store(
    folder: Path, key: str, title: str, network: Any, traced: Trace, picture: np.ndarray
) -> ComputedRun:
    from deformviz.tracing.labels import honesty_label, model_label
    from deformviz.tracing.look import is_ours

    labels = {"model_label": model_label(network), "honesty_label": honesty_label(network)}
    packed = {
        layer: blob for layer in traced if (blob := pack_record(network, traced, layer)) is not None
    }
    found = traced.detections
    shown = (
        []
        if found is None
        else [
            {"class_name": found.name(i), "score": float(found.scores[i])}
            for i in range(len(found))
            if float(found.scores[i]) >= SHOWN_SCORE
        ]
    )
    return lay_out(
        folder,
        packed,
        picture,
        _exact_arrays(traced, title, labels),
        key=key,
        title=title,
        original_hw=traced.frame.original_hw,
        model=labels["model_label"],
        honesty=labels["honesty_label"],
        detections=tuple(shown),
        backend=backend_of(network),
        foreign=not is_ours(network),
    )


def lay_out(
    folder: Path, packed: dict[str, bytes], picture: np.ndarray, exact: dict[str, Any], **facts: Any
) -> ComputedRun:
    """Put everything beside the answer, as `StoredTrace` finds it."""
    for layer, blob in packed.items():
        (folder / f"{layer}.bin.gz").write_bytes(blob)
    (folder / "picture.jpg").write_bytes(picture_jpeg(picture))
    buffer = io.BytesIO()
    np.savez(buffer, **exact)
    (folder / EXACT).write_bytes(buffer.getbuffer())
    return ComputedRun(name=folder.name, folder=folder, layers=tuple(packed), **facts)


def _exact_arrays(traced: Trace, title: str, labels: dict[str, str]) -> dict[str, np.ndarray]:
    """All recorded arrays under "<layer>/<name>", and one JSON text that explains them."""
    arrays, meaning = {}, {}
    records: dict[str, Any] = dict(traced.layers)
    if traced.detections is not None:
        records["detections"] = traced.detections
    for layer, record in records.items():
        for name, spec in axes_of(record).items():
            if (value := getattr(record, name)) is not None:
                arrays[f"{layer}/{name}"], meaning[f"{layer}/{name}"] = np.asarray(value), spec
    about = {
        "picture": title,
        **labels,
        "axes": meaning,
        "original_hw": traced.frame.original_hw,
        "resized_hw": traced.frame.resized_hw,
        "padded_hw": traced.frame.padded_hw,
        "class_names": list(traced.detections.class_names) if traced.detections else [],
        "frames": "sampling_locations are (x, y), normalised to the padded image; spatial_shapes "
        "are (H, W); pixel = location * size - 0.5; grids are (y, x) as grid_sample "
        "reads them",
    }
    return arrays | {"about.json": np.array(json.dumps(about))}
