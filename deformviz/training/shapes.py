"""Outlines of shapes as points [vertex xy]; y grows downwards, units are free."""

from functools import cache, lru_cache

import numpy as np

Points = np.ndarray  # [vertex xy]
_QUARTER_TURN = np.array([-1.0, 1.0])  # signs that turn swapped (x, y) by 90 degrees


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


def ellipse(
    x: float, y: float, radius_x: float, radius_y: float | None = None, turn: float = 0.0
) -> Points:
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
    return 0.5 * np.concatenate(
        [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3], 1
    )


@cache
def _neighbours(count: int) -> np.ndarray:
    """Indices [vertex 4]: the vertex before, the vertex, and the two after, in a circle."""
    return (np.arange(count)[:, None] + np.arange(-1, 3)) % count


@lru_cache(maxsize=1024)  # most curves are constants of a drawing
def curve(*vertices: tuple[float, float], steps: int = 8) -> Points:
    """Smooth closed shape [vertex xy] through the vertices (Catmull-Rom spline)."""
    knots = np.array(vertices, np.float64)
    points = (_spline_basis(steps) @ knots[_neighbours(len(knots))]).reshape(-1, 2)
    points.flags.writeable = False
    return points


@lru_cache(maxsize=1024)
def path(*vertices: tuple[float, float], steps: int = 8) -> Points:
    """Smooth open line [vertex xy] through the vertices."""
    knots = np.array(vertices, np.float64)
    padded = np.concatenate([knots[:1], knots, knots[-1:]])
    neighbours = np.stack([padded[:-3], padded[1:-2], padded[2:-1], padded[3:]], 1)
    points = np.concatenate([(_spline_basis(steps) @ neighbours).reshape(-1, 2), knots[-1:]])
    points.flags.writeable = False
    return points


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


def bricks(left: float, top: float, right: float, bottom: float, height: float) -> list[Points]:
    """Some bricks of a wall, as a builder would leave them unplastered."""
    rows = np.arange(top + height / 2, bottom, height).tolist()
    return [
        box(x, y, x + height * 1.5, y + height * 0.62)
        for row, y in enumerate(rows)
        for x in np.arange(left + (row % 2) * height * 1.6, right, height * 3.2).tolist()
    ]


def planks(left: float, top: float, right: float, bottom: float, height: float) -> list[Points]:
    """Thin joints between horizontal boards."""
    return [
        box(left, y, right, y + height * 0.13)
        for y in np.arange(top + height, bottom, height).tolist()
    ]


def dots(left: float, top: float, right: float, bottom: float, step: float) -> list[Points]:
    """Dots in staggered rows."""
    return [
        ellipse(x, y, step * 0.24)
        for row, y in enumerate(np.arange(top + step / 2, bottom, step).tolist())
        for x in np.arange(left + step * (0.3 + 0.5 * (row % 2)), right, step).tolist()
    ]


def stripes(left: float, top: float, right: float, bottom: float, width: float) -> list[Points]:
    """Upright stripes."""
    return [
        box(x, top, x + width, bottom)
        for x in np.arange(left + width / 2, right, 2 * width).tolist()
    ]
