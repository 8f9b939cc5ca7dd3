"""Scale-free drawings: shapes are listed first, placed and rasterised later."""

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

from deformviz.training.colours import Colour, Light
from deformviz.training.shapes import Points

SUPERSAMPLING = 2  # canvas pixels per image pixel, along each side
_SHIFT = 4  # OpenCV takes fixed-point coordinates with this many fractional bits
_OUTLINE, _DETAIL, _INSIDE = range(3)


@dataclass
class Drawing:
    """Shapes of one object in its own units, back to front; only `outline` grows its silhouette."""

    shapes: list[tuple[list[Points], Colour, int, float, bool]] = field(default_factory=list)

    def outline(self, points: Points, colour: Colour) -> None:
        """A shape that is part of the silhouette."""
        self.shapes.append(([points], colour, _OUTLINE, 1.0, False))

    def detail(self, points: Points, colour: Colour, lamp: bool = False) -> None:
        """A shape that must lie within the silhouette drawn so far; a lamp shines at night."""
        self.shapes.append(([points], colour, _DETAIL, 1.0, lamp))

    def inside(self, parts: list[Points], colour: Colour, alpha: float = 1.0) -> None:
        """Disjoint shapes, clipped to the latest outline."""
        self.shapes.append((parts, colour, _INSIDE, alpha, False))

    def place(self, turn: float = 0.0, flip: bool = False, stretch: float = 1.0) -> "Placed":
        """The drawing turned (radians), mirrored and stretched sideways; bounds start at (0, 0)."""
        parts = [part for shape in self.shapes for part in shape[0]]
        cos, sin = np.cos(turn), np.sin(turn)
        sideways = -stretch if flip else stretch
        matrix = np.array([[cos * sideways, sin * sideways], [-sin, cos]])
        points = np.concatenate(parts) @ matrix
        solid = np.repeat(
            [shape[2] == _OUTLINE for shape in self.shapes for _ in shape[0]],
            [len(part) for part in parts],
        )
        low, high = points[solid].min(0), points[solid].max(0)
        return Placed(self, points - low, tuple((high - low).tolist()))


@dataclass(frozen=True)
class Placed:
    """A drawing that knows its exact bounds: points [vertex xy] and size_xy in the same units."""

    drawing: Drawing
    points: Points
    size_xy: tuple[float, float]

    def paint(
        self,
        canvas: np.ndarray,
        numbers: np.ndarray | None,
        number: int,
        offset_xy_px: tuple[float, float],
        scale_px: float,
        light: Light,
    ) -> None:
        """Draw on `canvas` [height width rgb]; write `number` into `numbers` where it is solid.

        offset_xy_px, scale_px: image pixels (the canvas has SUPERSAMPLING times as many).
        """
        pixels = to_canvas(self.points * scale_px + offset_xy_px)
        start = 0
        stencil: _Stencil | None = None
        for parts, colour, kind, alpha, lamp in self.drawing.shapes:
            polygons = []
            for part in parts:
                polygons.append(pixels[start : start + len(part)])
                start += len(part)
            colour = colour if lamp and light.lamps else light.on(colour)
            if kind == _INSIDE and stencil is not None:  # an outline comes first
                stencil.fill(polygons, colour, alpha)
                continue
            cv2.fillPoly(canvas, polygons, colour, cv2.LINE_AA, _SHIFT)
            if kind == _OUTLINE:
                stencil = _Stencil(canvas, polygons[0])
                if numbers is not None:
                    cv2.fillPoly(numbers, polygons, number, cv2.LINE_8, _SHIFT)


def to_canvas(points_px: Points) -> np.ndarray:
    """Image pixels, measured from the image's outer corner, to OpenCV's fixed-point canvas pixels.

    OpenCV counts from the centre of the first pixel, hence the half.
    """
    return np.rint((points_px * SUPERSAMPLING - 0.5) * (1 << _SHIFT)).astype(np.int32)


def fill(canvas: np.ndarray, parts_px: list[Points], colour: Colour) -> None:
    """Fill disjoint polygons [vertex xy] given in image pixels."""
    cv2.fillPoly(canvas, [to_canvas(part) for part in parts_px], colour, cv2.LINE_AA, _SHIFT)


def fill_soft(canvas: np.ndarray, parts_px: list[Points], colour: Colour, alpha: float) -> None:
    """Fill polygons given in image pixels, `alpha` of the colour over what is there."""
    polygons = [to_canvas(part) for part in parts_px]
    window = _window(canvas, np.concatenate(polygons))
    if window is not None:
        patch, corner = window
        painted = patch.copy()
        cv2.fillPoly(painted, [part - corner for part in polygons], colour, cv2.LINE_AA, _SHIFT)
        cv2.addWeighted(painted, alpha, patch, 1 - alpha, 0, dst=patch)


def _window(canvas: np.ndarray, fixed: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The part of the canvas around fixed-point vertices, and its corner, or None if outside."""
    height, width = canvas.shape[:2]
    left, top = (max((low >> _SHIFT) - 1, 0) for low in fixed.min(0).tolist())
    right, bottom = ((high >> _SHIFT) + 3 for high in fixed.max(0).tolist())
    right, bottom = min(right, width), min(bottom, height)
    if left >= right or top >= bottom:
        return None
    return canvas[top:bottom, left:right], np.array([left << _SHIFT, top << _SHIFT], np.int32)


class _Stencil:
    """Lets paint through where an outline covers whole pixels, so that its smooth edge stays."""

    def __init__(self, canvas: np.ndarray, outline: np.ndarray):
        self.canvas, self.outline = canvas, outline

    @cached_property
    def _cut(self) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """The canvas around the outline, its corner, and where to paint; None if outside."""
        window = _window(self.canvas, self.outline)
        if window is None:
            return None
        patch, corner = window
        cover = np.zeros(patch.shape[:2], np.uint8)
        cv2.fillPoly(cover, [self.outline - corner], 255, cv2.LINE_AA, _SHIFT)
        return patch, corner, np.where(cover == 255, np.uint8(255), np.uint8(0))

    def fill(self, polygons: list[np.ndarray], colour: Colour, alpha: float) -> None:
        """Fill fixed-point polygons through the stencil."""
        if self._cut is None:
            return
        patch, corner, opening = self._cut
        painted = patch.copy()
        cv2.fillPoly(painted, [part - corner for part in polygons], colour, cv2.LINE_AA, _SHIFT)
        if alpha < 1:
            cv2.addWeighted(painted, alpha, patch, 1 - alpha, 0, dst=painted)
        cv2.copyTo(painted, opening, patch)
