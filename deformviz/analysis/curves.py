"""What changes over a training: statistics of every snapshot on the same scenes, as one JSON file.

Format 1 of curves.json:
    format, probe {scenes, seed, size_px}, score {scenes, seed, size_px} or null
    iterations      [snapshot]
    layers          {"encoder.0": {"spread": [snapshot head level], "entropy": [snapshot head], ..}}
                    the names of `offsets.LayerStatistics`; null where nothing could be measured
    scores          {"ap": [snapshot], "ap50": .., "ap75": ..}; {} without `score`
    matched_iou     [snapshot] overlap of matched boxes with the truth
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch

from deformviz.analysis.offsets import (
    LayerSamples,
    layer_statistics,
    mean_offsets,
    object_of_points,
    offsets_of_locations,
)
from deformviz.analysis.replay import Replay
from deformviz.geometry import cxcywh_to_xyxy
from deformviz.models.deformable_detr import DeformableDETR
from deformviz.schema import AttentionTrace, DetectorOutput
from deformviz.tracing.packing import PackedLayerError, unpack_layer
from deformviz.training.batches import to_model_input, to_targets
from deformviz.training.evaluate import EVALUATION_SEED, evaluate_detector
from deformviz.training.matching import LossWeights, Targets, generalised_iou, hungarian
from deformviz.training.run_folder import RunFolder, RunFolderError
from deformviz.training.scenes import EVALUATION, Scene, render_many

FORMAT = 1
PROBE_SEED = 30_000
NAMES = (
    "spread",
    "displacement",
    "level_share",
    "entropy",
    "heaviest",
    "outside_share",
    "inside_share",
    "inside_points",
)
Samples = dict[str, LayerSamples]
Progress = Callable[[int, int], None]


def probe_scenes(count: int, size_px: int) -> list[Scene]:
    """The scenes that statistics are taken on: neither trained nor scored on."""
    return list(render_many(PROBE_SEED, count, (size_px, size_px), EVALUATION))


@torch.inference_mode()
def sample_scenes(
    model: DeformableDETR, scenes: Sequence[Scene], batch: int = 8
) -> tuple[Samples, float]:
    """The samples of every layer on every scene, and the mean IoU of matched boxes.

    A decoder query belongs to the object that the Hungarian matching gives it, an encoder cell to
    the smallest object around it.
    """
    names = [n for n in model.trace_names if not n.endswith(".self")]
    parts: dict[str, list[LayerSamples]] = {name: [] for name in names}
    overlaps: list[float] = []
    mean, std = model.config.image_mean, model.config.image_std
    for first in range(0, len(scenes), batch):
        group = scenes[first : first + batch]
        output, traces = model(
            [to_model_input(s.image, mean, std) for s in group], traced=tuple(names)
        )
        for i, scene in enumerate(group):
            matched, overlap = _matched_boxes(output.image(i), to_targets(scene))
            overlaps += overlap
            for name in names:
                trace = traces[name].image(i)
                boxes = (
                    matched
                    if name.startswith("decoder")
                    else object_of_points(_encoder_cells(trace), scene.boxes_cxcywh)
                )
                parts[name].append(_samples(trace, boxes))
    return (
        {name: _together(found) for name, found in parts.items()},
        float(np.mean(overlaps)) if overlaps else float("nan"),
    )


def _encoder_cells(trace: AttentionTrace) -> np.ndarray:
    """Where the cells lie that ask: [query xy]; without padding it is the same on every level."""
    return trace.references[:, 0].numpy()


def _samples(trace: AttentionTrace, boxes_xyxy: np.ndarray) -> LayerSamples:
    return LayerSamples(
        trace.sampling_offsets.numpy(),
        trace.sampling_locations.numpy(),
        trace.attention_weights.numpy(),
        boxes_xyxy,
    )


def _together(parts: list[LayerSamples]) -> LayerSamples:
    return LayerSamples(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("offsets", "locations", "weights", "boxes_xyxy")
        )
    )


def _matched_boxes(output: DetectorOutput, targets: Targets) -> tuple[np.ndarray, list[float]]:
    """The object of each decoder query [query xyxy], NaN for none, and how well boxes overlap."""
    boxes = np.full((output.boxes_cxcywh.shape[0], 4), np.nan)
    if not len(targets.labels):
        return boxes, []
    queries, objects = hungarian(output.logits, output.boxes_cxcywh, targets, LossWeights())
    truth = cxcywh_to_xyxy(targets.boxes_cxcywh[objects])
    boxes[queries.numpy()] = truth.numpy()
    overlap = generalised_iou(cxcywh_to_xyxy(output.boxes_cxcywh[queries]), truth)
    return boxes, overlap.clamp(min=0).tolist()


class CurveWriter:
    """Adds one snapshot after another to the curves of a run."""

    def __init__(self, probe: dict[str, int] | None, score: dict[str, int] | None = None):
        self.curves: dict[str, Any] = {
            "format": FORMAT,
            "probe": probe,
            "score": score,
            "iterations": [],
            "layers": {},
            "scores": {},
            "matched_iou": [],
        }
        self._start: dict[str, np.ndarray] = {}

    def add(
        self,
        iteration: int,
        samples: Samples,
        matched_iou: float = float("nan"),
        scores: dict[str, float] | None = None,
    ) -> None:
        """Statistics of a snapshot; the first one added is the start the others are held to."""
        self.curves["iterations"].append(iteration)
        self.curves["matched_iou"].append(
            round(matched_iou, 4) if np.isfinite(matched_iou) else None
        )
        for name, found in samples.items():
            start = self._start.setdefault(name, mean_offsets(found.offsets))
            lists = layer_statistics(found, start).to_lists()
            layer = self.curves["layers"].setdefault(name, {key: [] for key in NAMES})
            for key in NAMES:
                layer[key].append(lists[key])
        for name, value in (scores or {}).items():
            self.curves["scores"].setdefault(name, []).append(round(value, 4))


def measure_run(
    replay: Replay,
    *,
    scenes: int = 32,
    size_px: int = 192,
    score_scenes: int = 0,
    iterations: Iterable[int] | None = None,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """The curves of a detector's run; takes about a second per snapshot, more with scores.

    Args:
        scenes: pictures for the statistics.
        score_scenes: held-out pictures for average precision, 0 = none.
    """
    chosen = list(replay.iterations() if iterations is None else iterations)
    probe = probe_scenes(scenes, size_px)
    score = {"scenes": score_scenes, "seed": EVALUATION_SEED, "size_px": size_px}
    writer = CurveWriter(
        {"scenes": scenes, "seed": PROBE_SEED, "size_px": size_px}, score if score_scenes else None
    )
    for done, iteration in enumerate(chosen):
        model, scores = replay.model_at(iteration), None
        if not isinstance(model, DeformableDETR):
            raise ValueError(f"Curves are of detectors; this run trained a {type(model).__name__}.")
        if score_scenes:
            found = evaluate_detector(model, scenes=score_scenes, size_px=size_px)
            scores = {"ap": found.ap, "ap50": found.ap50, "ap75": found.ap75}
        writer.add(iteration, *sample_scenes(model, probe), scores)
        if on_progress:
            on_progress(done + 1, len(chosen))
    return writer.curves


def measure_recording(folder: RunFolder) -> dict[str, Any]:
    """The curves of a recording, from the probe traces it keeps; nothing is known of objects."""
    writer = CurveWriter(None)
    for iteration in folder.traces():
        parts: dict[str, list[LayerSamples]] = {}
        for key in folder.trace_names(iteration):
            picture, _, layer = key.partition("/")
            try:
                packed = unpack_layer(folder.load_trace(iteration, int(picture), layer))
            except (PackedLayerError, ValueError):
                continue
            offsets = offsets_of_locations(
                packed.locations, packed.references, packed.header["levels"]
            )
            nothing = np.full((len(offsets), 4), np.nan)
            parts.setdefault(layer, []).append(
                LayerSamples(offsets, packed.locations, packed.weights, nothing)
            )
        if parts:
            writer.add(iteration, {name: _together(found) for name, found in parts.items()})
    return writer.curves


def read_curves(folder: RunFolder) -> dict[str, Any] | None:
    """The stored curves of a run, or None if it has none yet.

    Raises RunFolderError if the file cannot be read as curves.
    """
    path = folder.path / "curves.json"
    if not path.is_file():
        return None
    try:
        curves = json.loads(path.read_text())
        if curves["format"] != FORMAT or not isinstance(curves["layers"], dict):
            raise ValueError
        return curves
    except (ValueError, KeyError, TypeError):
        raise RunFolderError(f"{folder.path.name}/curves.json cannot be read as curves.") from None
