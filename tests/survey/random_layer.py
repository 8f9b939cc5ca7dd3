"""A recorded layer with random numbers, every size of which differs."""

from types import SimpleNamespace

import numpy as np
import torch

from deformviz.schema import AttentionTrace, Detections, ImageFrame, Trace

SHAPES = ((7, 11), (5, 6), (3, 2))
QUERIES, HEADS, POINTS = 9, 4, 2


def trace_of_boxes(seed=0, boxes=True):
    """An AttentionTrace [9 query, 4 head, 3 level, 2 point] with boxes or points as references."""
    rng = np.random.default_rng(seed)
    size = (QUERIES, HEADS, len(SHAPES), POINTS)
    references = np.broadcast_to(rng.uniform(0.2, 0.8, (QUERIES, 1, 4)), (QUERIES, 3, 4)).copy()
    weights = rng.random(size)
    weights /= weights.sum(axis=(2, 3), keepdims=True)
    fields = {
        "spatial_shapes": torch.tensor(SHAPES),
        "sampling_offsets": torch.zeros(*size, 2),
        "sampling_locations": torch.from_numpy(rng.uniform(-0.3, 1.3, (*size, 2))).float(),
        "attention_weights": torch.from_numpy(weights).float(),
    }
    kept = references if boxes else references[..., :2]
    name = "reference_boxes" if boxes else "reference_points"
    return AttentionTrace(**fields, **{name: torch.from_numpy(kept).float()})


def unequal(record):
    """The same samples, stored with the number of points of every level."""
    locations, weights = record.sampling_locations, record.attention_weights
    keep = torch.tensor([True, True, True, False, True, True])  # level 1 has one point only
    return SimpleNamespace(
        references=record.references,
        spatial_shapes=record.spatial_shapes,
        sampling_locations=locations.flatten(2, 3)[:, :, keep],
        attention_weights=weights.flatten(2, 3)[:, :, keep],
        points_per_level=(2, 1, 2),
    )


def a_trace(seed=0):
    """A whole Trace of a picture that was resized and padded: an encoder and a decoder layer."""
    frame = ImageFrame(original_hw=(50, 90), resized_hw=(100, 180), padded_hw=(120, 200))
    found = Detections(
        boxes_xyxy_px=torch.tensor([[9.0, 5, 45, 25], [0, 0, 20, 40], [50, 10, 60, 20]]),
        scores=torch.tensor([0.9, 0.6, 0.1]),
        labels=torch.tensor([1, 0, 1]),
        queries=torch.tensor([4, 2, 7]),
        class_names=("cat", "dog"),
    )
    layers = {"encoder.0": trace_of_boxes(seed, boxes=False), "decoder.0": trace_of_boxes(seed + 1)}
    return Trace(layers=layers, frame=frame, detections=found)
