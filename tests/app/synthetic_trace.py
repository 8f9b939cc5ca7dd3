"""A trace without a model: plausible, seeded, padded, with every size different."""

import io
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from deformviz.geometry import cell_centres, normalised_to_original
from deformviz.schema import (
    AttentionTrace,
    Detections,
    DetectorOutput,
    ImageFrame,
    Trace,
    UnequalAttentionTrace,
)

FRAME = ImageFrame(original_hw=(150, 231), resized_hw=(300, 462), padded_hw=(320, 512))
SHAPES = np.array([[20, 32], [10, 16], [5, 8]])
HEADS, POINTS, QUERIES = 4, 3, 12
OBJECTS = [("house", 20, 30, 110, 130), ("tree <b>", 120, 20, 180, 120), ("ball", 60, 90, 90, 120)]


def _samples(rng, references_xy, spread):
    """Locations around references along one direction per head, and softmax-like weights."""
    angles = 2 * np.pi * np.arange(HEADS) / HEADS + 0.3
    directions = np.stack([np.cos(angles), np.sin(angles)], -1)[:, None, None]
    steps = np.arange(1, POINTS + 1)[:, None] * spread / SHAPES[:, None, ::-1]
    offsets = directions * steps + rng.normal(0, 0.5, (len(references_xy), HEADS, 1, 1, 1)) * steps
    weights = rng.gamma(0.7, 1, (len(references_xy), HEADS, len(SHAPES) * POINTS))
    weights /= weights.sum(-1, keepdims=True)
    return (
        (references_xy[:, None, :, None, :2] + offsets).astype(np.float32),
        offsets,
        weights.reshape(len(references_xy), HEADS, len(SHAPES), POINTS).astype(np.float32),
    )


def _record(rng, references, spread):
    name = "reference_points" if references.shape[-1] == 2 else "reference_boxes"
    locations, offsets, weights = _samples(rng, references, spread)
    return AttentionTrace(
        spatial_shapes=SHAPES,
        sampling_offsets=offsets.astype(np.float32),
        sampling_locations=locations,
        attention_weights=weights,
        **{name: references.astype(np.float32)},
    )


def synthetic_trace(seed: int = 3) -> Trace:
    """Layers encoder.0, encoder.1 (points), decoder.0 (points) and decoder.1 (boxes)."""
    rng = np.random.default_rng(seed)
    cells = np.concatenate([cell_centres(shape) for shape in SHAPES])
    cells = np.repeat(cells[:, None], len(SHAPES), axis=1)
    back = normalised_to_original(FRAME).inverse()
    boxes_px = np.array([box for _, *box in OBJECTS], dtype=float)
    corners = back(boxes_px.reshape(-1, 2, 2) - 0.5).reshape(-1, 4)
    boxes = rng.uniform(0.1, 0.8, (QUERIES, 4)) * [1, 1, 0.3, 0.3]
    boxes[[7, 2, 5]] = np.concatenate(
        [(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], axis=1
    )
    boxes = np.repeat(boxes[:, None], len(SHAPES), axis=1)
    final = DetectorOutput(rng.normal(size=(QUERIES, 3)), boxes[:, 0])
    return Trace(
        layers={
            "encoder.0": _record(rng, cells, 1.0),
            "encoder.1": _record(rng, cells, 2.5),
            "decoder.0": _record(rng, boxes[..., :2], 1.5),
            "decoder.1": _record(rng, boxes, 1.5),
        },
        frame=FRAME,
        detections=Detections(
            boxes_px,
            np.array([0.91, 0.72, 0.44]),
            np.arange(3),
            np.array([7, 2, 5]),
            tuple(name for name, *_ in OBJECTS),
        ),
        output=DetectorOutput(final.logits, final.boxes_cxcywh, (final,)),
    )


def with_unequal_levels(trace: Trace, layer: str, points_per_level: tuple[int, ...]) -> Trace:
    """The trace with only the first points of each level in one layer."""
    record = trace[layer]
    kept = [slice(0, points) for points in points_per_level]

    def of_levels(array):
        return np.concatenate([array[:, :, at, points] for at, points in enumerate(kept)], axis=2)

    unequal = UnequalAttentionTrace(
        spatial_shapes=record.spatial_shapes,
        sampling_offsets=of_levels(record.sampling_offsets),
        sampling_locations=of_levels(record.sampling_locations),
        attention_weights=of_levels(record.attention_weights),
        reference_points=record.reference_points,
        reference_boxes=record.reference_boxes,
        points_per_level=points_per_level,
    )
    return replace(trace, layers={**trace.layers, layer: unequal})


def picture_jpeg() -> bytes:
    """A picture of the trace's objects, as flat boxes."""
    height, width = FRAME.original_hw
    picture = Image.new("RGB", (width, height), "#8fb8d8")
    draw = ImageDraw.Draw(picture)
    for (_, *box), colour in zip(OBJECTS, ("#c96f4a", "#3f7d46", "#f2d34f"), strict=True):
        draw.rectangle(box, fill=colour)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=90)
    return stream.getvalue()
