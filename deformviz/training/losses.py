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
    BatchTargets,
    LossWeights,
    Pairs,
    Targets,
    dense_candidates,
    generalised_iou,
    hungarian_pairs,
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


def _matched_loss(
    logits: Tensor,
    boxes_cxcywh: Tensor,
    pairs: Pairs,
    targets: BatchTargets,
    weights: LossWeights,
    count: float,
) -> dict[str, Tensor]:
    """Loss of predictions [image query ..] of which `pairs` are objects; `count` normalises."""
    wanted = torch.zeros_like(logits)
    wanted[pairs.image, pairs.query, targets.labels[pairs.image, pairs.object]] = 1
    predicted = boxes_cxcywh[pairs.image, pairs.query]
    truth = targets.boxes_cxcywh[pairs.image, pairs.object]
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
    layers = (*output.auxiliary, output)  # taken together as one batch of layers times images
    logits = torch.cat([layer.logits for layer in layers])
    boxes = torch.cat([layer.boxes_cxcywh for layer in layers])
    objects = BatchTargets.of(targets).repeated(len(layers))
    pairs = hungarian_pairs(logits, boxes, objects, weights)
    return _matched_loss(logits, boxes, pairs, objects, weights, count)


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
        centres_xy: [token xy], normalised to the images.
        per_object: tokens that answer for one object.
    """
    objects = BatchTargets.of(targets)
    logits, boxes = proposals.logits, proposals.boxes_cxcywh
    pairs = dense_candidates(logits, boxes, centres_xy, objects, weights, per_object)
    count = max(total(float(len(pairs.image))), 1.0)
    part = _matched_loss(logits, boxes, pairs, objects, weights, count)
    return {f"dense_{name}": value for name, value in part.items()}
