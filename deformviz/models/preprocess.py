"""From a picture to what a network reads: resized, normalised, channels first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deformviz.axes import ShapeError
from deformviz.schema import ImageFrame

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@dataclass(frozen=True)
class Preprocessing:
    """How a model was fed when it was trained; the defaults are Deformable DETR's on COCO."""

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)    # RGB, of values from 0 to 1
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    short_side: int | None = 800    # px; None: the longer side decides alone
    long_side: int = 1333           # px; never exceeded

    def __post_init__(self):
        for name in ("mean", "std"):
            values = tuple(float(value) for value in getattr(self, name))
            if len(values) != 3 or (name == "std" and min(values) <= 0):
                raise ValueError(f"{name} is {values}; it needs 3 numbers, std above 0.")
            object.__setattr__(self, name, values)
        if self.long_side < 1 or (self.short_side is not None and self.short_side < 1):
            raise ValueError(
                f"short_side {self.short_side} and long_side {self.long_side} must be at least 1."
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preprocessing":
        """From plain values, as JSON gives them; ValueError if a field is unknown."""
        if unknown := sorted(set(values) - set(cls.__dataclass_fields__)):
            raise ValueError(f"The preprocessing has unknown fields: {', '.join(unknown)}.")
        return cls(**values)


def resized_size(size_hw: tuple[int, int], preprocessing: Preprocessing) -> tuple[int, int]:
    """(height, width) in pixels a picture is resized to, its aspect kept up to rounding.

    Source: the evaluation transform of DETR (arXiv 2005.12872): the shorter side becomes
    `short_side` unless the longer one would exceed `long_side`; fractions are cut off.
    """
    short, long = min(size_hw), max(size_hw)
    side = preprocessing.short_side
    if side is None:
        return tuple(max(1, round(part * preprocessing.long_side / long)) for part in size_hw)
    if long / short * side > preprocessing.long_side:
        side = max(1, int(round(preprocessing.long_side * short / long)))
    if short == side:
        return tuple(size_hw)
    return tuple(side if part == short else int(side * part / short) for part in size_hw)


def preprocess(
    image: "np.ndarray", preprocessing: Preprocessing
) -> tuple["Tensor", ImageFrame]:
    """Resize (antialiased, bilinear) and normalise one picture.

    Args:
        image: HWC uint8 RGB.
        preprocessing: mean, spread and size the model was trained with.

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
    height, width = resized_size(original_hw, preprocessing)
    picture = Image.fromarray(image)
    if (height, width) != original_hw:
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    pixels = pixels.view(height, width, 3).movedim(-1, 0).float() / 255
    mean, std = torch.tensor(preprocessing.mean), torch.tensor(preprocessing.std)
    normalised = (pixels - mean[:, None, None]) / std[:, None, None]
    return normalised.contiguous(), ImageFrame(original_hw, (height, width), (height, width))
