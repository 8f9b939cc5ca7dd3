"""Which prediction answers for which object: costs, the Hungarian matching, dense candidates.

Everything works on a whole batch at once: a loop over pictures costs as much as the backbone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from deformviz.geometry import cxcywh_to_xyxy

FOCAL_ALPHA, FOCAL_GAMMA = 0.25, 2.0


@dataclass(frozen=True)
class Targets:
    """The objects of one image."""

    labels: Tensor  # int64 [object]
    boxes_cxcywh: Tensor  # [object cxcywh], normalised to the image


@dataclass(frozen=True)
class BatchTargets:
    """The objects of several images side by side, filled up where an image has fewer."""

    labels: Tensor  # int64 [image object]
    boxes_cxcywh: Tensor  # [image object cxcywh]
    exists: Tensor  # bool [image object]

    @classmethod
    def of(cls, targets: Sequence[Targets]) -> "BatchTargets":
        """One row per image."""
        labels = pad_sequence([target.labels for target in targets], batch_first=True)
        boxes = pad_sequence([target.boxes_cxcywh for target in targets], batch_first=True)
        counts = torch.tensor([len(target.labels) for target in targets], device=labels.device)
        places = torch.arange(labels.shape[1], device=labels.device)
        return cls(labels, boxes, places < counts[:, None])

    def repeated(self, times: int) -> "BatchTargets":
        """The same images several times over, one whole batch after another."""
        return BatchTargets(
            self.labels.repeat(times, 1),
            self.boxes_cxcywh.repeat(times, 1, 1),
            self.exists.repeat(times, 1),
        )


@dataclass(frozen=True)
class Pairs:
    """Predictions and the objects they answer for: three int64 tensors [pair]."""

    image: Tensor
    query: Tensor
    object: Tensor


@dataclass(frozen=True)
class LossWeights:
    """How much each term counts, in the loss and, with the same numbers, in the matching cost.

    Source: Deformable DETR Sec. 5 (focal 2, L1 5, GIoU 2).
    """

    classes: float = 2.0
    boxes: float = 5.0
    overlap: float = 2.0


def generalised_iou(first_xyxy: Tensor, second_xyxy: Tensor) -> Tensor:
    """GIoU of boxes [... xyxy], broadcast against each other (Rezatofighi et al. 2019)."""

    def area(left, top, right, bottom):
        return (right - left).clamp(min=0) * (bottom - top).clamp(min=0)

    first, second = first_xyxy.unbind(-1), second_xyxy.unbind(-1)
    lows = [torch.minimum(a, b) for a, b in zip(first, second, strict=True)]
    highs = [torch.maximum(a, b) for a, b in zip(first, second, strict=True)]
    shared = area(*highs[:2], *lows[2:])
    enclosing = area(*lows[:2], *highs[2:])
    union = area(*first) + area(*second) - shared
    tiny = 1e-7
    return shared / (union + tiny) - (enclosing - union) / (enclosing + tiny)


def pair_costs(
    logits: Tensor, boxes_cxcywh: Tensor, targets: BatchTargets, weights: LossWeights
) -> Tensor:
    """Cost of giving each query to each object: [image query object].

    logits [image query class], boxes_cxcywh [image query cxcywh].
    """
    queries = logits.shape[1]
    chance = logits.gather(2, targets.labels[:, None].expand(-1, queries, -1)).sigmoid()
    as_object = FOCAL_ALPHA * (1 - chance) ** FOCAL_GAMMA * -(chance + 1e-8).log()
    as_nothing = (1 - FOCAL_ALPHA) * chance**FOCAL_GAMMA * -(1 - chance + 1e-8).log()
    predicted, wanted = boxes_cxcywh[:, :, None], targets.boxes_cxcywh[:, None]
    steps = zip(predicted.unbind(-1), wanted.unbind(-1), strict=True)
    box_cost = sum((a - b).abs() for a, b in steps)
    overlap = generalised_iou(cxcywh_to_xyxy(predicted), cxcywh_to_xyxy(wanted))
    class_cost = as_object - as_nothing
    return weights.classes * class_cost + weights.boxes * box_cost - weights.overlap * overlap


@torch.no_grad()
def hungarian_pairs(
    logits: Tensor, boxes_cxcywh: Tensor, targets: BatchTargets, weights: LossWeights
) -> Pairs:
    """The cheapest one-to-one assignment of objects to queries, image by image.

    logits [image query class], boxes_cxcywh [image query cxcywh].
    """
    costs = pair_costs(logits, boxes_cxcywh, targets, weights).nan_to_num(1e6).cpu().numpy()
    counts = targets.exists.sum(1).tolist()
    found = [
        np.stack([np.full(len(queries), image), queries, objects])
        for image, count in enumerate(counts)
        for queries, objects in [linear_sum_assignment(costs[image, :, :count])]
    ]
    return Pairs(*torch.from_numpy(np.concatenate(found, axis=1)).to(logits.device))


def hungarian(logits: Tensor, boxes_cxcywh: Tensor, targets: Targets, weights: LossWeights):
    """The cheapest one-to-one assignment for one image: logits [query class], boxes [query cxcywh].

    Returns:
        queries, objects: int64 tensors of equal length, min(query, object) pairs.
    """
    pairs = hungarian_pairs(logits[None], boxes_cxcywh[None], BatchTargets.of([targets]), weights)
    return pairs.query, pairs.object


@torch.no_grad()
def dense_candidates(
    logits: Tensor,
    boxes_cxcywh: Tensor,
    centres_xy: Tensor,
    targets: BatchTargets,
    weights: LossWeights,
    per_object: int,
) -> Pairs:
    """One-to-many: for each object the `per_object` cheapest tokens inside its box.

    A token wanted by several objects goes to the one it is cheapest for. Tokens outside the box
    are taken only where too few lie inside (very small objects).

    Args:
        logits, boxes_cxcywh: of the encoder's tokens [image token class], [image token cxcywh].
        centres_xy: where each token's cell lies [token xy], normalised.
    """
    costs = pair_costs(logits, boxes_cxcywh, targets, weights)
    reach = [
        (here[:, None] - middle[:, None]).abs() / (0.5 * size[:, None])
        for here, middle, size in zip(
            centres_xy.unbind(-1),
            targets.boxes_cxcywh[..., :2].unbind(-1),
            targets.boxes_cxcywh[..., 2:].unbind(-1),
            strict=True,
        )
    ]
    distance = torch.maximum(*reach)
    costs = costs + 100.0 * (distance > 1) + distance
    costs = costs.masked_fill(~targets.exists[:, None], torch.inf)
    count = min(per_object, costs.shape[1])
    cheapest = costs.topk(count, dim=1, largest=False).indices
    allowed = torch.full_like(costs, torch.inf).scatter_(1, cheapest, costs.gather(1, cheapest))
    if not costs.shape[2]:
        return Pairs(*torch.zeros(3, 0, dtype=torch.int64, device=costs.device))
    lowest, objects = allowed.min(dim=2)
    images, tokens = lowest.isfinite().nonzero(as_tuple=True)
    return Pairs(images, tokens, objects[images, tokens])
