"""A picture as it looks to a model inside a batch with a larger one: with padding."""

from dataclasses import replace

from torch import Tensor

from deformviz.schema import ImageFrame

SHARE = (0.3, 0.5)  # padding at the bottom and at the right, as shares of the picture


def beside_a_larger(pixels: Tensor, frame: ImageFrame) -> tuple[list[Tensor], ImageFrame]:
    """The picture [3 H W] and a larger blank one, and the frame that says how much is padding."""
    height, width = (
        round(side * (1 + share)) for side, share in zip(pixels.shape[1:], SHARE, strict=True)
    )
    images = [pixels, pixels.new_zeros(3, height, width)]
    return images, replace(frame, padded_hw=(height, width))
