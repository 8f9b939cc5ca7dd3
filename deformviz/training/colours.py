"""Colours, how light changes them, and the palettes of the scenes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]  # red green blue, 0 .. 255

WALLS = [
    (247, 236, 212),
    (214, 104, 84),
    (250, 250, 246),
    (150, 190, 216),
    (240, 196, 92),
    (240, 172, 170),
    (164, 208, 178),
    (196, 190, 182),
    (176, 132, 96),
    (120, 140, 190),
]
ROOFS = [(196, 84, 58), (92, 100, 122), (128, 78, 58), (70, 116, 92), (120, 66, 104), (60, 84, 140)]
PAINTS = [
    (226, 62, 56),
    (38, 120, 200),
    (248, 190, 52),
    (54, 160, 110),
    (240, 130, 50),
    (246, 244, 238),
    (126, 84, 176),
    (40, 172, 184),
    (236, 116, 156),
    (64, 70, 90),
    (150, 196, 70),
]
GREENS = [(74, 152, 72), (46, 124, 82), (122, 176, 66), (36, 104, 70), (96, 168, 110)]
AUTUMN = [(232, 150, 48), (214, 92, 46), (240, 190, 70), (176, 60, 50)]
PETALS = [
    (240, 84, 110),
    (252, 250, 246),
    (250, 196, 50),
    (160, 110, 220),
    (246, 140, 60),
    (250, 150, 190),
    (90, 130, 230),
    (214, 44, 56),
]
BARK: Colour = (124, 84, 56)
INK: Colour = (44, 38, 52)
GLASS: Colour = (172, 218, 240)
LAMPLIGHT: Colour = (255, 222, 120)
WHITE: Colour = (252, 250, 246)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the second colour, the rest of the first."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def darker(colour: Colour, by: float = 0.2) -> Colour:
    """The colour in the shade; shades lean to blue, which looks livelier than to black."""
    return mix(colour, (24, 18, 60), by)


def lighter(colour: Colour, by: float = 0.3) -> Colour:
    """The colour in the light; lights lean to warm white."""
    return mix(colour, (255, 252, 240), by)


def pick(rng: np.random.Generator, colours: Sequence[Colour]) -> Colour:
    """One of the colours, with a little variation of its own."""
    colour = colours[int(rng.random() * len(colours))]
    red, green, blue = rng.uniform(-14, 14, 3).tolist()
    return colour[0] + red, colour[1] + green, colour[2] + blue


def pick_other(rng: np.random.Generator, colours: Sequence[Colour], than: Colour) -> Colour:
    """One of the colours that can be told from `than`."""
    far = [c for c in colours if sum(abs(a - b) for a, b in zip(c, than, strict=True)) > 110]
    return pick(rng, far)


@dataclass(frozen=True)
class Light:
    """What the time of day does to colours: a factor per channel, and whether lamps are lit."""

    tint: Colour = (1.0, 1.0, 1.0)
    lamps: bool = False

    def on(self, colour: Colour) -> Colour:
        """The colour as seen in this light; OpenCV clips it to 0 .. 255."""
        (red, green, blue), (red_share, green_share, blue_share) = colour, self.tint
        return red * red_share, green * green_share, blue * blue_share
