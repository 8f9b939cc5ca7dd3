"""Classifiers with tables for one size see every picture on a square of that size."""

from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor

from deformviz.axes import ShapeError
from deformviz.schema import ImageFrame


def pad_to_square(pixels: Tensor, side: int) -> Tensor:
    """A normalised picture [3 height width] at the top left of [3 side side], zeros around it.

    Raises:
        ShapeError: the picture is larger than the square.
    """
    height, width = pixels.shape[-2:]
    if max(height, width) > side:
        raise ShapeError(f"A picture of {height}x{width} does not fit into {side}x{side}.")
    return F.pad(pixels, (0, side - width, 0, side - height))


def framed_in_square(frame: ImageFrame, side: int) -> ImageFrame:
    """The frame of a picture after `pad_to_square`."""
    return replace(frame, padded_hw=(side, side))
