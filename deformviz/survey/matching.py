"""Which detection found which annotated object: greedy by score, as COCO counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST_IOU = 0.5


@dataclass(frozen=True)
class Match:
    """What a detection was found to be."""

    object: int  # number of the true box, -1: none left that fits
    iou: float  # with the object, else the best IoU with any true box
    right: bool  # same class, IoU at least 0.5, and nobody better had it


def box_ious(first_xyxy: np.ndarray, second_xyxy: np.ndarray) -> np.ndarray:
    """Intersection over union of every pair: [first second]; 0 for empty boxes."""
    first, second = np.asarray(first_xyxy, float), np.asarray(second_xyxy, float)
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(-1)
    areas = [np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(-1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None] - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def match(
    boxes_xyxy: np.ndarray,
    names: Sequence[str],
    true_xyxy: np.ndarray,
    true_names: Sequence[str],
) -> list[Match]:
    """A Match for every detection; detections come best first, and the better one chooses first."""
    ious = box_ious(boxes_xyxy, true_xyxy) if len(true_xyxy) else np.zeros((len(boxes_xyxy), 0))
    taken: set[int] = set()
    found = []
    for row, name in zip(ious, names, strict=True):
        fitting = [
            number
            for number in np.argsort(-row, kind="stable")
            if row[number] >= LEAST_IOU and true_names[number] == name and number not in taken
        ]
        if fitting:
            taken.add(int(fitting[0]))
            found.append(Match(int(fitting[0]), float(row[fitting[0]]), True))
        else:
            found.append(Match(-1, float(row.max()) if len(row) else 0.0, False))
    return found
