"""Two-stage Deformable DETR: every encoder token proposes a box (Appendix A.4)."""

from collections.abc import Sequence

import torch
from torch import Tensor

LOWEST, HIGHEST = 0.01, 0.99


def anchor_boxes(masks: Sequence[Tensor], base_size: float) -> tuple[Tensor, Tensor]:
    """The box each token starts from, relative to the un-padded picture.

    Args:
        masks: per level [batch height width], True = padding.
        base_size: side of a box of level 0 as a share of the picture; doubles per level.

    Returns:
        anchors [batch pixel cxcywh], float32, and usable [batch pixel]: the token is picture and
        all four numbers lie between 0.01 and 0.99.
    """
    anchors = []
    for level, mask in enumerate(masks):
        batch, height, width = mask.shape
        like = {"dtype": torch.float32, "device": mask.device}
        y, x = torch.meshgrid(
            torch.arange(height, **like),
            torch.arange(width, **like),
            indexing="ij",
        )
        valid_hw = torch.stack([(~mask[:, 0, :]).sum(1), (~mask[:, :, 0]).sum(1)], dim=-1)
        centres = (torch.stack([x, y], dim=-1).flatten(0, 1) + 0.5) / valid_hw[:, None]
        sizes = torch.ones_like(centres) * base_size * 2.0**level
        anchors.append(torch.cat([centres, sizes], dim=-1))
    boxes = torch.cat(anchors, dim=1)
    padded = torch.cat([mask.flatten(1) for mask in masks], dim=1)
    return boxes, ((boxes > LOWEST) & (boxes < HIGHEST)).all(-1) & ~padded


def anchor_logits(anchors_cxcywh: Tensor, usable: Tensor) -> Tensor:
    """Anchors as logits; infinite where they are not usable, so that their box is (1, 1, 1, 1)."""
    logits = torch.log(anchors_cxcywh / (1 - anchors_cxcywh))
    return logits.masked_fill(~usable[..., None], float("inf"))


def best_tokens(logits: Tensor, count: int, score: str) -> Tensor:
    """Indices [batch query] of the tokens that become queries, best first.

    logits [batch pixel class]; score "first_class" (published: training labels every token's
    object with class 0) or "max_class".
    """
    scores = logits[..., 0] if score == "first_class" else logits.amax(-1)
    return scores.topk(count, dim=1).indices


def take_tokens(tokens: Tensor, indices: Tensor) -> Tensor:
    """tokens [batch pixel feature] at indices [batch query] -> [batch query feature]."""
    return tokens.gather(1, indices[..., None].expand(-1, -1, tokens.shape[-1]))
