"""Images of different sizes in one batch: padding, its masks, and where tokens lie.

Padding is at the bottom and right; in masks True means padding.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from deformviz.axes import ShapeError


def pad_images(images: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Images [3 H W] of any sizes -> zero-padded [batch 3 H W] and its mask [batch H W].

    Images that are one tensor already are taken as they are, memory format included.
    """
    if len(images) == 0:
        raise ShapeError("images is empty; a batch needs at least one image [3 height width].")
    for image in images:
        if image.ndim != 3 or image.shape[0] != 3:
            raise ShapeError(f"An image has shape {tuple(image.shape)}, expected [3 height width].")
    height = max(image.shape[1] for image in images)
    width = max(image.shape[2] for image in images)
    padded = (
        images
        if isinstance(images, Tensor)
        else torch.stack(
            [
                F.pad(image, (0, width - image.shape[2], 0, height - image.shape[1]))
                for image in images
            ]
        )
    )
    sizes_hw = [(image.shape[1], image.shape[2]) for image in images]
    return padded, padding_mask(sizes_hw, (height, width)).to(padded.device)


def padding_mask(sizes_hw: Sequence[tuple[int, int]], padded_hw: tuple[int, int]) -> Tensor:
    """[batch H W], True where an image of the given size does not reach."""
    mask = torch.ones(len(sizes_hw), *padded_hw, dtype=torch.bool)
    for row, (height, width) in zip(mask, sizes_hw, strict=True):
        row[:height, :width] = False
    return mask


def mask_at(mask: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """The mask [batch H W] at a feature level's size, by nearest neighbour as published."""
    if not mask.any():
        return mask.new_zeros(len(mask), *size_hw)
    return F.interpolate(mask[None].float(), size=size_hw).bool()[0]


def valid_ratios(masks: Sequence[Tensor]) -> Tensor:
    """Which share of each level is picture: [batch level xy], float32.

    Source: Deformable DETR counts the first column and the first row only.
    """
    ratios = []
    for mask in masks:
        _, height, width = mask.shape
        valid_height = (~mask[:, :, 0]).sum(1).float() / height
        valid_width = (~mask[:, 0, :]).sum(1).float() / width
        ratios.append(torch.stack([valid_width, valid_height], dim=-1))
    return torch.stack(ratios, dim=1)


def token_references(masks: Sequence[Tensor], ratios: Tensor) -> Tensor:
    """Where encoder queries stand: [batch pixel level xy], each token's centre on every level.

    A token's centre counts as a share of the *valid* picture of its own level, then as a share
    of each padded level; ratios differ between levels by rounding, so the two do not cancel.
    """
    centres = []
    for level, mask in enumerate(masks):
        _, height, width = mask.shape
        like = {"dtype": torch.float32, "device": mask.device}
        y, x = torch.meshgrid(
            torch.arange(height, **like) + 0.5,
            torch.arange(width, **like) + 0.5,
            indexing="ij",
        )
        x = x.flatten() / (ratios[:, None, level, 0] * width)
        y = y.flatten() / (ratios[:, None, level, 1] * height)
        centres.append(torch.stack([x, y], dim=-1))
    return torch.cat(centres, dim=1)[:, :, None] * ratios[:, None]
