"""Which prediction answers for which object: costs, the Hungarian matching, dense candidates."""

from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from deformviz.geometry import cxcywh_to_xyxy

FOCAL_ALPHA, FOCAL_GAMMA = 0.25, 2.0


@dataclass(frozen=True)
class Targets:
    """The objects of one image."""

    labels: Tensor  # int64 [object]
    boxes_cxcywh: Tensor  # [object cxcywh], normalised to the image


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

    def area(corners):
        return (corners[..., 2:] - corners[..., :2]).clamp(min=0).prod(-1)

    low = torch.maximum(first_xyxy[..., :2], second_xyxy[..., :2])
    high = torch.minimum(first_xyxy[..., 2:], second_xyxy[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    union = area(first_xyxy) + area(second_xyxy) - shared
    hull = torch.cat(
        [
            torch.minimum(first_xyxy[..., :2], second_xyxy[..., :2]),
            torch.maximum(first_xyxy[..., 2:], second_xyxy[..., 2:]),
        ],
        dim=-1,
    )
    enclosing = area(hull)
    tiny = 1e-7
    return shared / (union + tiny) - (enclosing - union) / (enclosing + tiny)


def pair_costs(logits: Tensor, boxes_cxcywh: Tensor, targets: Targets, weights: LossWeights):
    """Cost of giving each query to each object: [.. query object].

    logits [.. query class], boxes_cxcywh [.. query cxcywh] of one image, any leading axes.
    """
    chance = logits.sigmoid()
    as_object = FOCAL_ALPHA * (1 - chance) ** FOCAL_GAMMA * -(chance + 1e-8).log()
    as_nothing = (1 - FOCAL_ALPHA) * chance**FOCAL_GAMMA * -(1 - chance + 1e-8).log()
    class_cost = (as_object - as_nothing)[..., targets.labels]
    predicted, wanted = boxes_cxcywh[..., :, None, :], targets.boxes_cxcywh
    box_cost = (predicted - wanted).abs().sum(-1)
    overlap = generalised_iou(cxcywh_to_xyxy(predicted), cxcywh_to_xyxy(wanted))
    return weights.classes * class_cost + weights.boxes * box_cost - weights.overlap * overlap


@torch.no_grad()
def hungarian(logits: Tensor, boxes_cxcywh: Tensor, targets: Targets, weights: LossWeights):
    """The one-to-one assignment of least total cost for one image and one layer.

    Returns:
        queries, objects: int64 arrays of equal length, min(query, object) pairs.
    """
    costs = pair_costs(logits, boxes_cxcywh, targets, weights)
    queries, objects = linear_sum_assignment(costs.nan_to_num(1e6).cpu().numpy())
    return torch.as_tensor(queries), torch.as_tensor(objects)


@torch.no_grad()
def dense_candidates(
    logits: Tensor,
    boxes_cxcywh: Tensor,
    centres_xy: Tensor,
    targets: Targets,
    weights: LossWeights,
    per_object: int,
):
    """One-to-many: for each object the `per_object` cheapest tokens inside its box.

    A token wanted by several objects goes to the one it is cheapest for. Tokens outside the box
    are taken only where too few lie inside (very small objects).

    Args:
        logits, boxes_cxcywh: one image's encoder tokens [token class], [token cxcywh].
        centres_xy: where each token's cell lies [token xy], normalised.

    Returns:
        tokens, objects: int64, pairs.
    """
    costs = pair_costs(logits, boxes_cxcywh, targets, weights)
    reach = (centres_xy[:, None] - targets.boxes_cxcywh[:, :2]).abs()
    distance = (reach / (0.5 * targets.boxes_cxcywh[:, 2:])).amax(-1)
    costs = costs + 100.0 * (distance > 1) + distance
    count = min(per_object, costs.shape[0])
    cheapest = costs.topk(count, dim=0, largest=False).indices
    allowed = torch.full_like(costs, torch.inf).scatter_(0, cheapest, costs.gather(0, cheapest))
    lowest, objects = allowed.min(dim=1)
    tokens = lowest.isfinite().nonzero()[:, 0]
    return tokens, objects[tokens]
