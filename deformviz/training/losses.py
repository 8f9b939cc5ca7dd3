"""What the detector is trained on: set prediction, and a dense loss on the encoder's tokens."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from deformviz.geometry import cxcywh_to_xyxy
from deformviz.schema import DetectorOutput
from deformviz.training.matching import (
    FOCAL_ALPHA,
    FOCAL_GAMMA,
    LossWeights,
    Targets,
    dense_candidates,
    generalised_iou,
    hungarian,
)

Total = Callable[[float], float]


def own_count(count: float) -> float:
    """The number of boxes that normalises a loss where one process trains alone."""
    return count


def focal_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """Sigmoid focal loss, summed (Lin et al. 2017, alpha 0.25, gamma 2)."""
    chance = logits.sigmoid()
    plain = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    right = chance * wanted + (1 - chance) * (1 - wanted)
    balance = FOCAL_ALPHA * wanted + (1 - FOCAL_ALPHA) * (1 - wanted)
    return (balance * (1 - right) ** FOCAL_GAMMA * plain).sum()


def _matched_loss(logits, boxes_cxcywh, matches, targets, weights, count) -> dict[str, Tensor]:
    """Loss of one layer: `matches` holds (queries, objects) per image; `count` normalises."""
    wanted = torch.zeros_like(logits)
    predicted, truth = [], []
    for image, (queries, objects) in enumerate(matches):
        wanted[image, queries, targets[image].labels[objects]] = 1
        predicted.append(boxes_cxcywh[image, queries])
        truth.append(targets[image].boxes_cxcywh[objects])
    predicted, truth = torch.cat(predicted), torch.cat(truth)
    overlap = generalised_iou(cxcywh_to_xyxy(predicted), cxcywh_to_xyxy(truth))
    return {
        "classes": weights.classes * focal_loss(logits, wanted) / count,
        "boxes": weights.boxes * (predicted - truth).abs().sum() / count,
        "overlap": weights.overlap * (1 - overlap).sum() / count,
    }


def set_loss(
    output: DetectorOutput,
    targets: Sequence[Targets],
    weights: LossWeights,
    total: Total = own_count,
) -> dict[str, Tensor]:
    """Focal, L1 and GIoU loss of every decoder layer, each with its own Hungarian matching.

    Args:
        output: of a batch; the last layer and the auxiliary ones count alike.
        total: makes the box count of this process that of all processes that train together.
    """
    count = max(total(float(sum(len(target.labels) for target in targets))), 1.0)
    summed: dict[str, Tensor] = {}
    for layer in (*output.auxiliary, output):
        matches = [
            hungarian(layer.logits[i], layer.boxes_cxcywh[i], target, weights)
            for i, target in enumerate(targets)
        ]
        part = _matched_loss(layer.logits, layer.boxes_cxcywh, matches, targets, weights, count)
        summed = {name: summed.get(name, 0) + value for name, value in part.items()}
    return summed


def dense_loss(
    proposals: DetectorOutput,
    centres_xy: Tensor,
    targets: Sequence[Targets],
    weights: LossWeights,
    per_object: int,
    total: Total = own_count,
) -> dict[str, Tensor]:
    """The same terms on every encoder token, several tokens per object (one-to-many).

    Not in the paper: it teaches the encoder where objects are from the first iterations on, which
    a short training from scratch needs.

    Args:
        proposals: the encoder's guesses for a batch: logits [batch token class] and boxes.
        centres_xy: [batch token xy], normalised to the image.
        per_object: tokens that answer for one object.
    """
    matches = [
        dense_candidates(
            proposals.logits[i],
            proposals.boxes_cxcywh[i],
            centres_xy[i],
            target,
            weights,
            per_object,
        )
        for i, target in enumerate(targets)
    ]
    count = max(total(float(sum(len(tokens) for tokens, _ in matches))), 1.0)
    part = _matched_loss(proposals.logits, proposals.boxes_cxcywh, matches, targets, weights, count)
    return {f"dense_{name}": value for name, value in part.items()}
