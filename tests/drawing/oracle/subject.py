"""Traces to draw, with sizes that all differ, and what packing may have rounded in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from deformviz.schema import AttentionTrace, Detections, DetectorOutput, ImageFrame, Trace
from deformviz.tracing.packing import pack_layer
from tests.drawing.oracle.stage import Window

STEPS = 65535


@dataclass(frozen=True)
class Subject:
    """One layer of one picture in float32, and how it is shown."""

    name: str
    trace: Trace
    layer: str
    width: float = 517.0
    made_of: tuple[Subject, ...] = ()  # snapshots it was blended from; packing rounded those

    @cached_property
    def record(self) -> AttentionTrace:
        return self.trace[self.layer]

    @property
    def frame(self) -> ImageFrame:
        return self.trace.frame

    @property
    def is_encoder(self) -> bool:
        return self.layer.startswith("encoder")

    @cached_property
    def locations(self) -> np.ndarray:
        return np.asarray(self.record.sampling_locations, np.float64)

    @cached_property
    def weights(self) -> np.ndarray:
        return np.asarray(self.record.attention_weights, np.float64)

    @cached_property
    def references(self) -> np.ndarray:
        return np.asarray(self.record.references, np.float64)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        return [(int(height), int(width)) for height, width in self.record.spatial_shapes]

    @cached_property
    def cells(self) -> list[tuple[int, int, int]]:
        """Level, row and column of every cell, in the order of an encoder's queries."""
        return [
            (level, row, column)
            for level, (height, width) in enumerate(self.shapes)
            for row in range(height)
            for column in range(width)
        ]

    @cached_property
    def location_step(self) -> np.ndarray:
        """By how much packing may move a location, x and y, normalised."""
        if self.made_of:
            return np.max([one.location_step for one in self.made_of], axis=0)
        flat = self.locations.reshape(-1, 2)
        return (flat.max(0) - flat.min(0)) / STEPS / 2

    @cached_property
    def weight_step(self) -> float:
        if self.made_of:
            return max(one.weight_step for one in self.made_of)
        return float(self.weights.max()) / STEPS / 2

    @cached_property
    def found(self) -> dict[int, dict[str, Any]]:
        """The best detection of each query: name, score and edges in the original picture."""
        detections, best = self.trace.detections, {}
        for at in range(0 if detections is None else len(detections)):
            best.setdefault(
                int(detections.queries[at]),
                {
                    "name": detections.name(at),
                    "score": round(float(detections.scores[at]), 4),
                    "box": np.asarray(detections.boxes_xyxy_px[at], np.float64),
                },
            )
        return best

    @property
    def shown_score(self) -> float:
        """Detections from here on are shown: 0.3, less where fewer than five reach it."""
        scores = sorted((one["score"] for one in self.found.values()), reverse=True)
        return 0.0 if self.is_encoder else min([0.3, *scores[4:5]])

    @cached_property
    def packed(self) -> bytes:
        return pack_layer(self.trace, self.layer, model_label="oracle", honesty_label="random")

    def window(self, view: dict[str, Any]) -> Window:
        """The stage that shows it, as wide as `width` and as high as its picture asks."""
        extent = Window(self.frame, 1, 1, bool(view.get("padding"))).extent_xy
        height, width = self.frame.padded_hw
        aspect = extent[0] * width / (extent[1] * height)
        return Window(
            self.frame,
            self.width,
            self.width / aspect,
            bool(view.get("padding")),
            view.get("zoom", 1),
            view.get("centre"),
        )


def layer(rng, queries, heads, shapes, points, references) -> AttentionTrace:
    """Random samples around references; some leave the picture, the padding and the map."""
    levels = len(shapes)
    offsets = rng.normal(0, 0.25, (queries, heads, levels, points, 2))
    logits = rng.normal(0, 1.5, (queries, heads, levels * points))
    weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    locations = references[:, None, :, None, :2] + offsets
    boxes = references.shape[-1] == 4

    def tensor(array):
        return torch.as_tensor(array, dtype=torch.float32)

    return AttentionTrace(
        spatial_shapes=torch.tensor(shapes),
        sampling_offsets=tensor(offsets),
        sampling_locations=tensor(locations),
        attention_weights=tensor(weights.reshape(queries, heads, levels, points)),
        reference_points=None if boxes else tensor(references),
        reference_boxes=tensor(references) if boxes else None,
    )


def encoder(name, frame, shapes, heads, points, seed, width=517.0) -> Subject:
    """Every cell asks; references differ a little from level to level, as rounding makes them."""
    rng = np.random.default_rng(seed)
    centres = np.concatenate(
        [
            np.stack(
                [
                    (np.arange(w) + 0.5)[None].repeat(h, 0) / w,
                    (np.arange(h) + 0.5)[:, None].repeat(w, 1) / h,
                ],
                -1,
            ).reshape(-1, 2)
            for h, w in shapes
        ]
    )
    references = centres[:, None] + rng.uniform(-0.02, 0.02, (len(centres), len(shapes), 2))
    record = layer(rng, len(centres), heads, shapes, points, references)
    return Subject(name, Trace({"encoder.1": record}, frame), "encoder.1", width)


def decoder(name, frame, shapes, heads, points, queries, boxes, seed, width=517.0) -> Subject:
    """Learnt queries with boxes or points as references; some of them found objects."""
    rng = np.random.default_rng(seed)
    references = rng.uniform(0.15, 0.7, (queries, 1, 4 if boxes else 2))
    if boxes:
        references[..., 2:] *= 0.5
    references = references + rng.uniform(-0.02, 0.02, (queries, len(shapes), 1))
    record = layer(rng, queries, heads, shapes, points, references)
    height, wide = frame.original_hw
    scores = np.sort(rng.uniform(0.05, 0.95, queries + 2))[::-1]
    by = np.concatenate([rng.permutation(queries)[: queries - 1], [0, 1, 0]])[: queries + 2]
    low = rng.uniform(0, 0.6, (len(by), 2)) * [wide, height]
    high = low + rng.uniform(0.1, 0.4, (len(by), 2)) * [wide, height]
    detections = Detections(
        boxes_xyxy_px=torch.as_tensor(np.concatenate([low, high], 1), dtype=torch.float32),
        scores=torch.as_tensor(scores[: len(by)].copy(), dtype=torch.float32),
        labels=torch.as_tensor(rng.integers(0, 3, len(by))),
        queries=torch.as_tensor(by),
        class_names=("cat", "boat", "tree"),
    )
    outputs = DetectorOutput(
        torch.zeros(queries, 3), torch.as_tensor(rng.uniform(0.1, 0.4, (queries, 4)))
    )
    trace = Trace({"decoder.1": record}, frame, detections=detections, output=outputs)
    return Subject(name, trace, "decoder.1", width)


TALL = encoder(
    "tall, padded, four levels",
    ImageFrame((90, 50), (54, 30), (64, 40)),
    [(8, 5), (4, 3), (3, 2), (2, 1)],
    heads=3,
    points=2,
    seed=1,
)
WIDE = encoder(
    "wide, one level, one head",
    ImageFrame((33, 97), (33, 97), (33, 97)),
    [(4, 9)],
    heads=1,
    points=5,
    seed=2,
    width=803.0,
)
BOXES = decoder(
    "boxes in a padded batch",
    ImageFrame((48, 120), (24, 60), (32, 72)),
    [(5, 9), (3, 5), (2, 3), (1, 2)],
    heads=4,
    points=3,
    queries=11,
    boxes=True,
    seed=3,
)
POINTS = decoder(
    "points, twelve heads",
    ImageFrame((80, 64), (40, 32), (40, 50)),
    [(5, 6), (3, 4)],
    heads=12,
    points=1,
    queries=7,
    boxes=False,
    seed=4,
    width=330.0,
)
SUBJECTS = (TALL, WIDE, BOXES, POINTS)
