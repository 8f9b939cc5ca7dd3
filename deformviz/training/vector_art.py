"""Scale-free drawings: shapes are listed first, placed and rasterised later."""

from dataclasses import dataclass, field
from functools import cache

import cv2
import numpy as np

Colour = tuple[float, float, float]  # red green blue, 0 .. 255
Points = np.ndarray                  # [vertex xy], y grows downwards

SUPERSAMPLING = 2   # canvas pixels per image pixel, along each side
_SHIFT = 4          # OpenCV takes fixed-point coordinates with this many fractional bits
_OUTLINE, _DETAIL, _INSIDE = range(3)
_QUARTER_TURN = np.array([-1.0, 1.0])   # signs that turn swapped (x, y) by 90 degrees


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the second colour, the rest of the first."""
    return tuple(a + (b - a) * share for a, b in zip(first, second, strict=True))


def darker(colour: Colour, by: float = 0.2) -> Colour:
    """The colour in the shade; shades lean to blue, which looks livelier than to black."""
    return mix(colour, (24, 18, 60), by)


def lighter(colour: Colour, by: float = 0.3) -> Colour:
    """The colour in the light; lights lean to warm white."""
    return mix(colour, (255, 252, 240), by)


def pick(rng: np.random.Generator, colours: list[Colour]) -> Colour:
    """One of the colours, with a little variation of its own."""
    colour = colours[int(rng.random() * len(colours))]
    red, green, blue = rng.uniform(-14, 14, 3).tolist()
    return colour[0] + red, colour[1] + green, colour[2] + blue


def pick_other(rng: np.random.Generator, colours: list[Colour], than: Colour) -> Colour:
    """One of the colours that can be told from `than`."""
    far = [c for c in colours if sum(abs(a - b) for a, b in zip(c, than, strict=True)) > 110]
    return pick(rng, far)


def polygon(*vertices: tuple[float, float]) -> Points:
    """Straight-sided shape [vertex xy]."""
    return np.array(vertices, np.float64)


def box(left: float, top: float, right: float, bottom: float) -> Points:
    """Upright rectangle [4 xy]."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64)


@cache
def _unit_circle(count: int) -> Points:
    angle = np.arange(count) * (2 * np.pi / count)
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def ellipse(x: float, y: float, radius_x: float, radius_y: float | None = None,
            turn: float = 0.0) -> Points:
    """Ellipse [vertex xy] around (x, y), turned by `turn` radians; a circle without `radius_y`."""
    radius_y = radius_x if radius_y is None else radius_y
    largest = max(radius_x, radius_y)
    count = 16 if largest < 0.06 else 32 if largest < 0.2 else 64
    points = _unit_circle(count) * (radius_x, radius_y)
    if turn:
        cos, sin = np.cos(turn), np.sin(turn)
        points = points @ np.array([[cos, sin], [-sin, cos]])
    return points + (x, y)


@cache
def _spline_basis(steps: int) -> np.ndarray:
    """Catmull-Rom weights [step 4] of the neighbouring vertices."""
    t = np.arange(steps)[:, None] / steps
    return 0.5 * np.concatenate([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3,
                                 t + 4 * t**2 - 3 * t**3, -t**2 + t**3], 1)


def curve(*vertices: tuple[float, float], steps: int = 8) -> Points:
    """Smooth closed shape [vertex xy] through the vertices (Catmull-Rom spline)."""
    knots = np.array(vertices, np.float64)
    neighbours = np.stack([np.roll(knots, 1, 0), knots, np.roll(knots, -1, 0),
                           np.roll(knots, -2, 0)], 1)
    return (_spline_basis(steps) @ neighbours).reshape(-1, 2)


def path(*vertices: tuple[float, float], steps: int = 8) -> Points:
    """Smooth open line [vertex xy] through the vertices."""
    knots = np.array(vertices, np.float64)
    padded = np.concatenate([knots[:1], knots, knots[-1:]])
    neighbours = np.stack([padded[:-3], padded[1:-2], padded[2:-1], padded[3:]], 1)
    return np.concatenate([(_spline_basis(steps) @ neighbours).reshape(-1, 2), knots[-1:]])


@cache
def _ramp(count: int) -> np.ndarray:
    return np.arange(count)


def ribbon(line: Points, width: float, end_width: float | None = None) -> Points:
    """Outline [vertex xy] of a brush stroke along `line`, its width running to `end_width`."""
    count = len(line)
    along = np.empty((count, 2))
    along[1:-1] = line[2:] - line[:-2]
    along[0], along[-1] = line[1] - line[0], line[-1] - line[-2]
    half = 0.5 / np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)
    half *= width if end_width is None else width + (end_width - width) / (count - 1) * _ramp(count)
    aside = along[:, ::-1] * half[:, None] * _QUARTER_TURN
    return np.concatenate([line + aside, (line - aside)[::-1]])


def bar(x0: float, y0: float, x1: float, y1: float, width: float) -> Points:
    """Straight brush stroke [4 xy]."""
    return ribbon(np.array([(x0, y0), (x1, y1)], np.float64), width)


@dataclass(frozen=True)
class Light:
    """What the time of day does to colours: a factor per channel, and whether lamps are lit."""
    tint: Colour = (1.0, 1.0, 1.0)
    lamps: bool = False

    def on(self, colour: Colour) -> Colour:
        """The colour as seen in this light; OpenCV clips it to 0 .. 255."""
        (red, green, blue), (red_share, green_share, blue_share) = colour, self.tint
        return red * red_share, green * green_share, blue * blue_share


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
        solid = np.repeat([shape[2] == _OUTLINE for shape in self.shapes for _ in shape[0]],
                          [len(part) for part in parts])
        low, high = points[solid].min(0), points[solid].max(0)
        return Placed(self, points - low, tuple((high - low).tolist()))


@dataclass(frozen=True)
class Placed:
    """A drawing that knows its exact bounds: points [vertex xy] and size_xy in the same units."""
    drawing: Drawing
    points: Points
    size_xy: tuple[float, float]

    def paint(self, canvas: np.ndarray, numbers: np.ndarray | None, number: int,
              offset_xy_px: tuple[float, float], scale_px: float, light: Light) -> None:
        """Draw on `canvas` [height width rgb]; write `number` into `numbers` where it is solid.

        offset_xy_px, scale_px: image pixels (the canvas has SUPERSAMPLING times as many).
        """
        pixels = to_canvas(self.points * scale_px + offset_xy_px)
        start = 0
        last_outline = None
        for parts, colour, kind, alpha, lamp in self.drawing.shapes:
            polygons = []
            for part in parts:
                polygons.append(pixels[start:start + len(part)])
                start += len(part)
            colour = colour if lamp and light.lamps else light.on(colour)
            if kind == _INSIDE:
                _fill_inside(canvas, last_outline, polygons, colour, alpha)
                continue
            cv2.fillPoly(canvas, polygons, colour, cv2.LINE_AA, _SHIFT)
            if kind == _OUTLINE:
                last_outline = polygons[0]
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
    left, top = np.maximum((fixed.min(0) >> _SHIFT) - 1, 0).tolist()
    right, bottom = ((fixed.max(0) >> _SHIFT) + 3).tolist()
    right, bottom = min(right, width), min(bottom, height)
    if left >= right or top >= bottom:
        return None
    return canvas[top:bottom, left:right], np.array([left, top], np.int32) << _SHIFT


def _fill_inside(canvas: np.ndarray, outline: np.ndarray, polygons: list[np.ndarray],
                 colour: Colour, alpha: float) -> None:
    """Fill polygons where the outline covers whole pixels, so that its smooth edge stays."""
    window = _window(canvas, outline)
    if window is None:
        return
    patch, corner = window
    stencil = np.zeros(patch.shape[:2], np.uint8)
    cv2.fillPoly(stencil, [outline - corner], 255, cv2.LINE_AA, _SHIFT)
    painted = patch.copy()
    cv2.fillPoly(painted, [part - corner for part in polygons], colour, cv2.LINE_AA, _SHIFT)
    if alpha < 1:
        cv2.addWeighted(painted, alpha, patch, 1 - alpha, 0, dst=painted)
    cv2.copyTo(painted, cv2.compare(stencil, 255, cv2.CMP_EQ), patch)
