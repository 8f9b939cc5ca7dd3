"""The visual language in Python: area of a weight, colour of a head, shape of a level."""

from __future__ import annotations

import math

from deformviz.figures.theme import LEVEL_MARKS, PETROFF_10, PLACES, SEQUENTIAL, level_colour

FULL, LEAST = 24.0, 1.3  # stage pixels: radius of weight 1 on 600 px, and of the lightest
WHITE, BLACK, EDGE, HALO = "#ffffff", "#000000", "#11131a", "#ffffff"
GROUND = "#20242e"
FONT = "system-ui, sans-serif"


def scale_of(width: float, height: float) -> float:
    """How much smaller or larger marks are on a stage of this size."""
    return min(1.25, max(0.65, min(width, height) / 600))


def radius_of(weight: float, width: float, height: float) -> float:
    """Radius of the disc whose area is proportional to a weight."""
    return max(LEAST, FULL * scale_of(width, height) * math.sqrt(weight))


def head_fill(head: int) -> str:
    return PETROFF_10[head % len(PETROFF_10)]


def level_fill(level: int, levels: int) -> str:
    return level_colour(level, levels)


def place_fill(x: float, y: float, picture_xy) -> str:
    """In the picture, in its padding, or outside of every map."""
    if not (0 <= x <= 1 and 0 <= y <= 1):
        return PLACES["outside"]
    inside = x <= picture_xy[0] and y <= picture_xy[1]
    return PLACES["picture" if inside else "padding"]


def amount_fill(share: float) -> str:
    """Colour of an amount between 0 and 1: one of 256 steps along the stops."""
    step = math.floor(min(1.0, max(0.0, share)) * 255 + 0.5)
    at = step / 255 * (len(SEQUENTIAL) - 1)
    first = min(len(SEQUENTIAL) - 2, int(at))
    low, high = (channels(SEQUENTIAL[first + each]) for each in (0, 1))
    mixed = (round(a + (at - first) * (b - a)) for a, b in zip(low, high, strict=True))
    return "rgb({}, {}, {})".format(*mixed)


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of #hex or rgb() text."""
    if colour.startswith("#"):
        red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
        return red, green, blue
    red, green, blue = (int(part) for part in colour[4:-1].split(","))
    return red, green, blue


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better (ITU-R BT.601 luma)."""
    red, green, blue = channels(colour)
    return BLACK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else WHITE


def shape_of(level: int) -> str:
    return LEVEL_MARKS[level % len(LEVEL_MARKS)][1]


def cross(x: float, y: float, arm: float) -> list[list[list[float]]]:
    """The two lines of an upright cross."""
    return [[[x - arm, y], [x + arm, y]], [[x, y - arm], [x, y + arm]]]
