"""From a picture to what a network reads: resized, normalised, channels first."""

from typing import TYPE_CHECKING, Protocol

from deformviz.axes import ShapeError
from deformviz.schema import ImageFrame

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class ImageFacts(Protocol):
    """How a model was fed when it was trained: part of every model's configuration."""

    @property
    def image_mean(self) -> tuple[float, ...]: ...  # RGB, of values from 0 to 1

    @property
    def image_std(self) -> tuple[float, ...]: ...

    @property
    def short_side(self) -> int | None: ...  # px; None: the longer side decides alone

    @property
    def long_side(self) -> int: ...  # px; never exceeded


def resized_size(size_hw: tuple[int, int], facts: ImageFacts) -> tuple[int, int]:
    """(height, width) in pixels a picture is resized to, its aspect kept up to rounding.

    Source: the evaluation transform of DETR (arXiv 2005.12872): the shorter side becomes
    `short_side` unless the longer one would exceed `long_side`; fractions are cut off.
    """
    height, width = size_hw
    short, long = min(size_hw), max(size_hw)
    side = facts.short_side
    if side is None:
        scale = facts.long_side
        return max(1, round(height * scale / long)), max(1, round(width * scale / long))
    if long / short * side > facts.long_side:
        side = max(1, int(round(facts.long_side * short / long)))
    if short == side:
        return height, width
    return (
        side if height == short else int(side * height / short),
        side if width == short else int(side * width / short),
    )


def preprocess(image: "np.ndarray", facts: ImageFacts) -> tuple["Tensor", ImageFrame]:
    """Resize (antialiased, bilinear) and normalise one picture.

    Args:
        image: HWC uint8 RGB.
        facts: mean, spread and size the model was trained with, e.g. `model.config`.

    Returns:
        float32 [3 H W], and the frame of sizes (not padded yet: padded = resized).

    Raises:
        ShapeError: the array is not HWC uint8 RGB.
    """
    import torch
    from PIL import Image

    if image.ndim != 3 or image.shape[-1] != 3 or str(image.dtype) != "uint8":
        raise ShapeError(
            f"image has shape {tuple(image.shape)} and type {image.dtype}, expected "
            f"[height width 3] of uint8, RGB."
        )
    original_hw = (int(image.shape[0]), int(image.shape[1]))
    height, width = resized_size(original_hw, facts)
    picture = Image.fromarray(image)
    if (height, width) != original_hw:
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    pixels = pixels.view(height, width, 3).movedim(-1, 0).float() / 255
    mean, std = torch.tensor(facts.image_mean), torch.tensor(facts.image_std)
    normalised = (pixels - mean[:, None, None]) / std[:, None, None]
    return normalised.contiguous(), ImageFrame(original_hw, (height, width), (height, width))
