"""Birds and cats, drawn in several poses."""

from numpy.random import Generator as Rng

from deformviz.training.colours import INK, WHITE, Colour, darker, lighter, pick
from deformviz.training.eyes import eye
from deformviz.training.shapes import bar, box, curve, ellipse, path, polygon, ribbon
from deformviz.training.vector_art import Drawing

FURS = [
    (240, 160, 80),
    (120, 122, 134),
    (62, 58, 70),
    (250, 246, 238),
    (222, 190, 150),
    (160, 110, 76),
]
PLUMAGE = [
    (70, 140, 220),
    (226, 84, 70),
    (250, 196, 60),
    (60, 160, 130),
    (140, 100, 190),
    (150, 110, 84),
    (90, 96, 116),
    (244, 244, 240),
    (240, 130, 160),
]
BEAK: Colour = (250, 170, 50)


def bird(rng: Rng) -> Drawing:
    """A songbird, a duck, a bird on the wing or an owl."""
    art = Drawing()
    feathers = pick(rng, PLUMAGE)
    style = rng.random()
    build = (
        _songbird if style < 0.4 else _duck if style < 0.6 else _flying if style < 0.85 else _owl
    )
    build(art, rng, feathers)
    return art


def _songbird(art: Drawing, rng: Rng, feathers: Colour) -> None:
    for x in (-0.03, 0.1):
        art.outline(bar(x, -0.2, x + 0.02, -0.01, 0.026), (220, 130, 50))
        art.outline(bar(x - 0.03, -0.012, x + 0.1, -0.012, 0.024), (220, 130, 50))
    art.outline(
        polygon((-0.3, -0.3), (-0.72, -0.46), (-0.68, -0.3), (-0.3, -0.18)), darker(feathers, 0.35)
    )
    art.outline(polygon((0.38, -0.62), (0.6, -0.55), (0.38, -0.47)), BEAK)
    art.outline(
        curve(
            (-0.42, -0.32),
            (-0.2, -0.44),
            (0.04, -0.56),
            (0.13, -0.72),
            (0.3, -0.74),
            (0.43, -0.6),
            (0.4, -0.42),
            (0.3, -0.22),
            (0.05, -0.11),
            (-0.22, -0.16),
        ),
        feathers,
    )
    art.inside([ellipse(0.25, -0.22, 0.26, 0.19, -0.5)], lighter(feathers, 0.65))
    art.detail(
        curve((0.1, -0.44), (0.12, -0.28), (-0.08, -0.2), (-0.36, -0.26), (-0.14, -0.42)),
        darker(feathers, 0.28),
    )
    art.detail(
        ribbon(path((-0.26, -0.27), (-0.06, -0.26), (0.08, -0.34)), 0.025), lighter(feathers, 0.3)
    )
    eye(art, 0.3, -0.6, 0.042)
    if rng.random() < 0.35:
        art.outline(
            curve((0.14, -0.7), (0.02, -0.88), (0.16, -0.84), (0.22, -0.94), (0.28, -0.72)),
            darker(feathers, 0.2),
        )


def _duck(art: Drawing, rng: Rng, feathers: Colour) -> None:
    head = (40, 130, 90) if rng.random() < 0.5 else feathers
    art.outline(curve((0.36, -0.56), (0.6, -0.55), (0.64, -0.48), (0.36, -0.44)), BEAK)
    art.outline(
        curve(
            (-0.66, -0.36),
            (-0.46, -0.32),
            (-0.1, -0.36),
            (0.14, -0.36),
            (0.4, -0.3),
            (0.42, -0.14),
            (0.2, 0),
            (-0.28, 0),
            (-0.52, -0.14),
        ),
        feathers,
    )
    art.inside([box(-0.7, -0.07, 0.6, 0.1)], darker(feathers, 0.3))
    art.outline(
        curve(
            (0.1, -0.28),
            (0.12, -0.5),
            (0.1, -0.62),
            (0.25, -0.74),
            (0.42, -0.62),
            (0.4, -0.46),
            (0.36, -0.28),
            (0.22, -0.2),
        ),
        head,
    )
    art.inside([box(0, -0.345, 0.6, -0.3)], WHITE)
    art.detail(
        curve((0.1, -0.26), (-0.06, -0.1), (-0.34, -0.12), (-0.46, -0.24), (-0.2, -0.28)),
        darker(feathers, 0.3),
    )
    eye(art, 0.28, -0.58, 0.036)


def _flying(art: Drawing, rng: Rng, feathers: Colour) -> None:
    lift = rng.uniform(0.35, 0.55)
    art.outline(
        curve((0.05, -0.08), (-0.06, -lift), (-0.3, -lift - 0.2), (-0.24, -0.2), (-0.14, -0.04)),
        darker(feathers, 0.4),
    )
    art.outline(
        polygon((-0.38, -0.02), (-0.72, -0.12), (-0.62, 0), (-0.72, 0.1)), darker(feathers, 0.3)
    )
    art.outline(polygon((0.46, -0.13), (0.66, -0.05), (0.46, 0.0)), BEAK)
    art.outline(
        curve(
            (-0.5, 0.0),
            (-0.2, -0.1),
            (0.15, -0.13),
            (0.3, -0.22),
            (0.46, -0.18),
            (0.5, -0.06),
            (0.38, 0.06),
            (0.1, 0.14),
            (-0.22, 0.1),
        ),
        feathers,
    )
    art.inside([ellipse(0.14, 0.12, 0.32, 0.1, -0.3)], lighter(feathers, 0.65))
    art.outline(
        curve(
            (0.16, -0.04),
            (0.12, -lift),
            (-0.04, -lift - 0.28),
            (-0.12, -lift * 0.6),
            (-0.16, -0.04),
            (0, 0.03),
        ),
        darker(feathers, 0.16),
    )
    art.inside(
        [
            ribbon(path((0.0, -lift - 0.22), (0.02, -lift * 0.7), (0.0, -0.05)), 0.03),
            ribbon(path((-0.09, -lift * 0.8), (-0.05, -lift * 0.5), (-0.08, -0.05)), 0.03),
        ],
        lighter(feathers, 0.35),
    )
    eye(art, 0.37, -0.11, 0.036)


def _owl(art: Drawing, rng: Rng, feathers: Colour) -> None:
    for side in (-1, 1):
        art.outline(
            polygon((side * 0.3, -0.92), (side * 0.24, -0.66), (side * 0.05, -0.8)),
            darker(feathers, 0.2),
        )
        art.outline(ellipse(side * 0.1, -0.02, 0.07, 0.035), BEAK)
    art.outline(
        curve(
            (0, -0.84),
            (0.26, -0.78),
            (0.33, -0.5),
            (0.3, -0.16),
            (0, -0.02),
            (-0.3, -0.16),
            (-0.33, -0.5),
            (-0.26, -0.78),
        ),
        feathers,
    )
    art.inside([ellipse(0, -0.24, 0.19, 0.22)], lighter(feathers, 0.6))
    art.inside(
        [
            polygon((x - 0.03, y), (x + 0.03, y), (x, y + 0.04))
            for x, y in ((-0.08, -0.34), (0.08, -0.34), (0, -0.26), (-0.08, -0.18), (0.08, -0.18))
        ],
        darker(feathers, 0.1),
    )
    for side in (-1, 1):
        art.inside([ellipse(side * 0.32, -0.34, 0.1, 0.24, side * 0.15)], darker(feathers, 0.3))
        art.detail(ellipse(side * 0.13, -0.6, 0.125), WHITE)
        art.detail(ellipse(side * 0.13, -0.6, 0.085), (250, 190, 60), lamp=True)
        eye(art, side * 0.13, -0.6, 0.055)
    art.detail(polygon((-0.04, -0.53), (0.04, -0.53), (0, -0.43)), (220, 130, 40))


def cat(rng: Rng) -> Drawing:
    """A cat that sits and looks, or one that walks by."""
    art = Drawing()
    fur = pick(rng, FURS)
    marks = darker(fur, 0.35) if sum(fur) > 260 else lighter(fur, 0.2)
    if rng.random() < 0.55:
        _sitting(art, rng, fur, marks)
        _cat_head(art, rng, 0, -0.74, fur, marks)
    else:
        _walking(art, rng, fur, marks)
        _cat_head(art, rng, 0.42, -0.56, fur, marks)
    return art


def _sitting(art: Drawing, rng: Rng, fur: Colour, marks: Colour) -> None:
    art.outline(
        ribbon(path((0.16, -0.05), (0.36, -0.04), (0.44, -0.2), (0.38, -0.36)), 0.09, 0.07),
        darker(fur, 0.18),
    )
    art.outline(
        curve(
            (0, -0.62),
            (0.17, -0.5),
            (0.27, -0.2),
            (0.24, -0.02),
            (0, 0),
            (-0.24, -0.02),
            (-0.27, -0.2),
            (-0.17, -0.5),
        ),
        fur,
    )
    if rng.random() < 0.5:
        art.inside(
            [box(x, y, x + 0.16, y + 0.035) for y in (-0.44, -0.34, -0.24) for x in (-0.32, 0.16)],
            marks,
        )
    art.inside([ellipse(0, -0.42, 0.12, 0.16)], lighter(fur, 0.6))
    art.inside([bar(x, -0.24, x * 0.9, 0.02, 0.018) for x in (-0.11, 0.0, 0.11)], darker(fur, 0.35))
    art.inside([ellipse(0.3, -0.2, 0.1, 0.3)], darker(fur, 0.6), 0.25)


def _walking(art: Drawing, rng: Rng, fur: Colour, marks: Colour) -> None:
    lift = rng.uniform(0.0, 0.2)
    tail = path((-0.4, -0.36), (-0.56, -0.46), (-0.6, -0.66 - lift), (-0.5, -0.8 - lift))
    art.outline(ribbon(tail, 0.09, 0.06), fur)
    for x in (-0.2, 0.34):
        art.outline(
            polygon((x - 0.07, -0.3), (x + 0.07, -0.3), (x + 0.05, 0), (x - 0.05, 0)),
            darker(fur, 0.3),
        )
    art.outline(
        curve(
            (-0.47, -0.4),
            (-0.2, -0.48),
            (0.2, -0.47),
            (0.44, -0.44),
            (0.46, -0.24),
            (0.2, -0.16),
            (-0.2, -0.17),
            (-0.46, -0.2),
        ),
        fur,
    )
    art.inside([ellipse(0, -0.14, 0.34, 0.07)], lighter(fur, 0.4))
    if rng.random() < 0.6:
        art.inside(
            [
                curve((x, -0.52), (x + 0.06, -0.5), (x + 0.02, -0.28))
                for x in (-0.3, -0.16, -0.02, 0.12)
            ],
            marks,
        )
    for x in (-0.36, 0.2):
        art.outline(
            polygon((x - 0.075, -0.3), (x + 0.075, -0.3), (x + 0.06, 0), (x - 0.06, 0)), fur
        )
        art.inside([box(x - 0.1, -0.05, x + 0.1, 0)], lighter(fur, 0.6))


def _cat_head(art: Drawing, rng: Rng, x: float, y: float, fur: Colour, marks: Colour) -> None:
    iris = pick(rng, [(150, 200, 80), (250, 200, 70), (110, 180, 230)])
    for side in (-1, 1):
        art.outline(
            polygon(
                (x + side * 0.22, y - 0.06),
                (x + side * 0.21, y - 0.32),
                (x + side * 0.03, y - 0.16),
            ),
            fur,
        )
        art.detail(
            polygon(
                (x + side * 0.19, y - 0.12),
                (x + side * 0.18, y - 0.25),
                (x + side * 0.09, y - 0.16),
            ),
            (240, 160, 160),
        )
    art.outline(ellipse(x, y, 0.24, 0.2), fur)
    art.inside([ellipse(x - 0.055, y + 0.09, 0.085, 0.075)], lighter(fur, 0.6))
    art.inside([ellipse(x + 0.055, y + 0.09, 0.085, 0.075)], lighter(fur, 0.6))
    art.inside(
        [bar(x + dx, y - 0.22, x + dx * 0.6, y - 0.11, 0.026) for dx in (-0.07, 0.0, 0.07)], marks
    )
    for side in (-1, 1):
        art.detail(ellipse(x + side * 0.1, y - 0.02, 0.056, 0.06), iris, lamp=True)
        art.detail(ellipse(x + side * 0.1, y - 0.02, 0.028, 0.055), INK)
        art.detail(ellipse(x + side * 0.1 - 0.02, y - 0.045, 0.016), WHITE)
        for drop in (0.055, 0.1):
            art.detail(
                bar(x + side * 0.08, y + 0.07, x + side * 0.19, y + drop, 0.01), lighter(marks, 0.5)
            )
    art.detail(
        polygon((x - 0.032, y + 0.045), (x + 0.032, y + 0.045), (x, y + 0.08)), (232, 110, 120)
    )
    art.detail(
        ribbon(
            path(
                (x - 0.062, y + 0.09),
                (x - 0.034, y + 0.112),
                (x, y + 0.085),
                (x + 0.034, y + 0.112),
                (x + 0.062, y + 0.09),
                steps=4,
            ),
            0.014,
        ),
        INK,
    )
