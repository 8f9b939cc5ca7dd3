"""The only place where one coordinate frame becomes another.

Frames: normalised (0 and 1 are the outer corners of the padded image) -> pixels of the padded
image -> pixels of the resized image -> pixels of the original image; and pixels of a feature
level. Points are (x, y), sizes (height, width); pixel centres are whole numbers.
Every function takes NumPy arrays or torch tensors and returns the same kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from deformviz.axes import ShapeError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from deformviz.schema import ImageFrame

    Array = Tensor | np.ndarray

A = TypeVar("A", bound="Array")  # NumPy in, NumPy out; torch in, torch out


def stack_last(parts: list[Any]) -> Any:
    """Stack arrays of either library on a new last axis."""
    if hasattr(parts[0], "new_tensor"):
        import torch

        return torch.stack(parts, dim=-1)
    import numpy as np

    return np.stack(parts, axis=-1)


def to_pixel_index(points_xy: A, size_hw: tuple[int, int]) -> A:
    """Where normalised points fall on an array of `size_hw`, as Plotly and the kernels index it.

    Args:
        points_xy: [... xy], normalised: (0, 0) is the outer corner of the top-left pixel,
            (1, 1) that of the bottom-right one. Points outside [0, 1] stay outside.
        size_hw: height and width of the array in pixels.

    Returns:
        [... xy] in pixels; pixel centres are whole numbers, so the image spans -0.5 .. W - 0.5.

    Source: `align_corners=False` of torch.nn.functional.grid_sample.
    """
    height, width = size_hw
    return stack_last([points_xy[..., 0] * width - 0.5, points_xy[..., 1] * height - 0.5])


def from_pixel_index(points_xy_px: A, size_hw: tuple[int, int]) -> A:
    """The inverse of `to_pixel_index`: pixel indices [... xy] to normalised points."""
    height, width = size_hw
    return stack_last([(points_xy_px[..., 0] + 0.5) / width, (points_xy_px[..., 1] + 0.5) / height])


@dataclass(frozen=True)
class Affine:
    """x' = scale_x * x + shift_x, y' = scale_y * y + shift_y; how frame changes reach a browser."""

    scale_x: float
    shift_x: float
    scale_y: float
    shift_y: float

    def __call__(self, points_xy: A) -> A:
        """Apply to points [... xy]."""
        x = points_xy[..., 0] * self.scale_x + self.shift_x
        y = points_xy[..., 1] * self.scale_y + self.shift_y
        return stack_last([x, y])

    def then(self, other: Affine) -> Affine:
        """The affine that does this one first and `other` after it."""
        return Affine(
            self.scale_x * other.scale_x,
            self.shift_x * other.scale_x + other.shift_x,
            self.scale_y * other.scale_y,
            self.shift_y * other.scale_y + other.shift_y,
        )

    def inverse(self) -> Affine:
        """The affine that undoes this one."""
        return Affine(
            1 / self.scale_x,
            -self.shift_x / self.scale_x,
            1 / self.scale_y,
            -self.shift_y / self.scale_y,
        )


def normalised_to_pixels(size_hw: tuple[int, int]) -> Affine:
    """`to_pixel_index` as coefficients: normalised points to pixel indices of `size_hw`."""
    height, width = size_hw
    return Affine(width, -0.5, height, -0.5)


def resized_to_original(frame: ImageFrame) -> Affine:
    """Pixel indices of the resized image to those of the original one.

    Both grids share their outer corners, so centres move by half a pixel of each:
    original = (resized + 0.5) * scale - 0.5.
    """
    scale_y = frame.original_hw[0] / frame.resized_hw[0]
    scale_x = frame.original_hw[1] / frame.resized_hw[1]
    return Affine(scale_x, 0.5 * scale_x - 0.5, scale_y, 0.5 * scale_y - 0.5)


def normalised_to_original(frame: ImageFrame) -> Affine:
    """Normalised points of the padded image to pixel indices of the original image.

    Padding lies at the bottom and right, so padded and resized pixels have the same index.
    """
    return normalised_to_pixels(frame.padded_hw).then(resized_to_original(frame))


def valid_to_padded(frame: ImageFrame) -> Affine:
    """Points relative to the un-padded image (a detector's boxes) to the padded image."""
    return Affine(
        frame.resized_hw[1] / frame.padded_hw[1],
        0.0,
        frame.resized_hw[0] / frame.padded_hw[0],
        0.0,
    )


def cell_centres(size_hw: tuple[int, int]) -> Any:
    """Normalised centres of the cells of a feature level, row by row: NumPy [pixel xy]."""
    import numpy as np

    height, width = size_hw
    y, x = np.meshgrid(
        (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width, indexing="ij"
    )
    return np.stack([x, y], axis=-1).reshape(-1, 2)


def cxcywh_to_xyxy(boxes_cxcywh: A) -> A:
    """Boxes as centre and size [... cxcywh] to corners [... xyxy], same units."""
    cx, cy, w, h = (boxes_cxcywh[..., i] for i in range(4))
    return stack_last([cx - 0.5 * w, cy - 0.5 * h, cx + 0.5 * w, cy + 0.5 * h])


def xyxy_to_cxcywh(boxes_xyxy: A) -> A:
    """Boxes as corners [... xyxy] to centre and size [... cxcywh], same units."""
    x0, y0, x1, y1 = (boxes_xyxy[..., i] for i in range(4))
    return stack_last([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0])


def scale_boxes(boxes_xyxy: A, size_hw: tuple[int, int]) -> A:
    """Normalised boxes [... xyxy] in pixels of `size_hw`, edges measured from the outer corner.

    Box edges are not pixel indices: the box of a whole picture is 0, 0, W, H.
    """
    height, width = size_hw
    return stack_last(
        [
            boxes_xyxy[..., 0] * width,
            boxes_xyxy[..., 1] * height,
            boxes_xyxy[..., 2] * width,
            boxes_xyxy[..., 3] * height,
        ]
    )


def level_starts(spatial_shapes: Any) -> list[int]:
    """Index of the first pixel of each level in the flattened value: [0, H_0 W_0, ...]."""
    starts, total = [], 0
    for height, width in shapes_list(spatial_shapes):
        starts.append(total)
        total += height * width
    return starts


def shapes_list(spatial_shapes: Any) -> list[tuple[int, int]]:
    """`spatial_shapes` [level hw] of any kind as plain integer pairs.

    Raises ShapeError for what is no list of pairs.
    """
    pairs = spatial_shapes.tolist() if hasattr(spatial_shapes, "tolist") else spatial_shapes
    try:
        return [(int(height), int(width)) for height, width in pairs]
    except (TypeError, ValueError, OverflowError):
        raise ShapeError(
            f"spatial_shapes must be pairs (H, W), one per level; this is {str(pairs)[:80]}."
        ) from None


def grid_to_normalised_affine(size_hw: tuple[int, int], *, align_corners: bool) -> Affine:
    """Grid coordinates (x and y in [-1, 1]) over a map of `size_hw` to normalised points.

    With `align_corners` -1 and 1 are the centres of the outermost pixels, so that
    pixel = (grid + 1) / 2 * (size - 1); without, they are the outer corners of the map.
    Either way 0 is the middle of the map. A map one pixel wide has all its points at 0.5.

    Source: torch.nn.functional.grid_sample; DAT samples with True, lucidrains with False.
    """
    scale_y, scale_x = ((size - 1) / (2 * size) if align_corners else 0.5 for size in size_hw)
    return Affine(scale_x, 0.5, scale_y, 0.5)


def grid_to_normalised(grid_yx: A, size_hw: tuple[int, int], *, align_corners: bool = True) -> A:
    """Where grid coordinates lie in the house frame: (y, x) in [-1, 1] to normalised (x, y).

    Args:
        grid_yx: [... yx] as a GridTrace keeps them; 1 is no bound, points may lie outside.
        size_hw: the map that was sampled, in feature pixels (`GridTrace.query_hw`).
        align_corners: as the layer sampled (`GridTrace.align_corners`).

    Returns:
        [... xy], normalised.
    """
    grid_xy = stack_last([grid_yx[..., 1], grid_yx[..., 0]])
    return grid_to_normalised_affine(size_hw, align_corners=align_corners)(grid_xy)


def normalised_to_grid(points_xy: A, size_hw: tuple[int, int], *, align_corners: bool = True) -> A:
    """The inverse of `grid_to_normalised`: normalised [... xy] to grid coordinates [... yx]."""
    to_grid = grid_to_normalised_affine(size_hw, align_corners=align_corners).inverse()
    grid_xy = to_grid(points_xy)
    return stack_last([grid_xy[..., 1], grid_xy[..., 0]])
