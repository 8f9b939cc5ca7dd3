"""Fish of every colour, drawn."""

import numpy as np
from numpy.random import Generator as Rng

from deformviz.training.colours import INK, WHITE, darker, lighter, pick
from deformviz.training.eyes import eye
from deformviz.training.shapes import curve, dots, ellipse, path, ribbon
from deformviz.training.vector_art import Drawing

SCALES = [
    (250, 140, 50),
    (60, 150, 220),
    (250, 200, 60),
    (230, 80, 90),
    (70, 190, 170),
    (150, 110, 210),
    (240, 130, 170),
]


def fish(rng: Rng) -> Drawing:
    """A fish with stripes, scales or spots."""
    art = Drawing()
    skin, second = pick(rng, SCALES), pick(rng, [*SCALES, WHITE, INK])
    deep = rng.uniform(0.24, 0.36)
    fin = darker(skin, 0.22)
    art.outline(
        curve((-0.3, 0), (-0.64, -0.28), (-0.74, -0.24), (-0.62, 0), (-0.74, 0.24), (-0.64, 0.28)),
        fin,
    )
    art.outline(
        curve(
            (-0.22, -deep * 0.7),
            (-0.08, -deep - 0.2),
            (0.14, -deep - 0.14),
            (0.26, -deep * 0.7),
            (0, -deep * 0.4),
        ),
        fin,
    )
    art.outline(
        curve((-0.05, deep * 0.7), (-0.12, deep + 0.14), (0.06, deep + 0.08), (0.14, deep * 0.7)),
        fin,
    )
    art.outline(
        curve(
            (0.52, 0.02),
            (0.36, -deep * 0.74),
            (0.04, -deep),
            (-0.26, -deep * 0.62),
            (-0.5, 0),
            (-0.26, deep * 0.62),
            (0.04, deep),
            (0.36, deep * 0.74),
        ),
        skin,
    )
    kind = rng.random()
    if kind < 0.4:
        art.inside(
            [ribbon(path((x, -0.5), (x + 0.06, 0), (x, 0.5)), 0.1) for x in (-0.28, -0.06, 0.14)],
            second,
        )
    elif kind < 0.7:
        art.inside(
            [
                ribbon(ellipse(x, y, 0.07)[22:43], 0.02)
                for row, y in enumerate(np.arange(-0.3, 0.31, 0.1).tolist())
                for x in np.arange(-0.36 + 0.06 * (row % 2), 0.12, 0.12).tolist()
            ],
            darker(skin, 0.3),
        )
    else:
        art.inside(dots(-0.4, -deep, 0.16, 0.05, 0.15), second)
    art.inside([ellipse(0.02, deep * 1.05, 0.5, deep * 0.75)], lighter(skin, 0.7), 0.55)
    art.detail(curve((0.12, 0.05), (-0.08, 0.0), (-0.1, 0.13), (0.02, 0.15)), fin)
    art.detail(ribbon(path((0.2, -deep * 0.62), (0.13, 0), (0.2, deep * 0.62)), 0.02), fin)
    art.detail(ellipse(0.31, -0.06, 0.07), WHITE)
    eye(art, 0.325, -0.06, 0.045)
    art.detail(
        ribbon(path((0.38, 0.1), (0.42, 0.09), (0.46, 0.05), steps=4), 0.018), darker(skin, 0.55)
    )
    return art
