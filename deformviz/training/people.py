"""Persons of every skin, hair and dress, drawn."""

from numpy.random import Generator as Rng

from deformviz.training.colours import INK, PAINTS, Colour, darker, lighter, mix, pick
from deformviz.training.eyes import eye
from deformviz.training.shapes import box, curve, dots, ellipse, path, polygon, ribbon
from deformviz.training.vector_art import Drawing

SKINS = [(255, 220, 190), (240, 190, 150), (206, 150, 108), (160, 106, 74), (112, 74, 54)]
HAIRS = [(60, 42, 36), (30, 26, 34), (140, 86, 46), (226, 180, 96), (190, 84, 48), (190, 186, 190)]


def person(rng: Rng) -> Drawing:
    """Somebody in trousers, a dress or a coat; hair, hat and arms vary."""
    art = Drawing()
    skin, hair = pick(rng, SKINS), pick(rng, HAIRS)
    top, bottom = pick(rng, PAINTS), pick(rng, PAINTS)
    clothes, hairdo = rng.random(), rng.random()
    if hairdo < 0.3:
        art.outline(
            curve(
                (-0.19, -0.86),
                (0, -1.06),
                (0.19, -0.86),
                (0.21, -0.62),
                (0.1, -0.56),
                (-0.1, -0.56),
                (-0.21, -0.62),
            ),
            darker(hair, 0.15),
        )
    step = rng.uniform(0.0, 0.05)
    for side in (-1, 1):
        leg = darker(bottom, 0.1 if side < 0 else 0.25) if clothes < 0.55 else skin
        x = side * (0.075 + step)
        hip = side * 0.0725
        art.outline(
            polygon(
                (hip - 0.0675, -0.36), (hip + 0.0675, -0.36), (x + 0.055, -0.04), (x - 0.055, -0.04)
            ),
            leg,
        )
        art.outline(
            curve(
                (x - 0.07, -0.005),
                (x - 0.06, -0.07),
                (x + 0.05, -0.07),
                (x + 0.09, -0.03),
                (x + 0.08, 0),
            ),
            INK,
        )
    _arms(art, rng, skin, top)
    if clothes < 0.55:
        body = curve(
            (-0.14, -0.63),
            (0, -0.66),
            (0.14, -0.63),
            (0.15, -0.45),
            (0.145, -0.31),
            (0, -0.3),
            (-0.145, -0.31),
            (-0.15, -0.45),
        )
    elif clothes < 0.8:
        body = polygon(
            (-0.12, -0.64),
            (0.12, -0.64),
            (0.12, -0.48),
            (0.24, -0.2),
            (-0.24, -0.2),
            (-0.12, -0.48),
        )
    else:
        body = polygon((-0.14, -0.65), (0.14, -0.65), (0.19, -0.16), (-0.19, -0.16))
    art.outline(body, top)
    _pattern(art, rng, top, clothes)
    _head(art, rng, skin, hair, hairdo)
    return art


def _arms(art: Drawing, rng: Rng, skin: Colour, top: Colour) -> None:
    for side, lift in zip((-1, 1), rng.uniform(-0.25, 0.2, 2).tolist(), strict=True):
        if rng.random() < 0.25:
            lift = -0.75
        elbow = (side * 0.21, -0.52 + lift * 0.25)
        hand = (side * 0.285, -0.36 + lift * 0.5)
        arm = path((side * 0.11, -0.6), elbow, hand)
        art.outline(ellipse(hand[0], hand[1], 0.042), skin)
        art.outline(ribbon(arm, 0.085, 0.07), darker(top, 0.16))


def _pattern(art: Drawing, rng: Rng, top: Colour, clothes: float) -> None:
    second = pick(rng, PAINTS)
    kind = rng.random()
    if clothes >= 0.8:
        art.inside([box(-0.012, -0.7, 0.012, 0)], darker(top, 0.4))
        art.inside([ellipse(0.045, y, 0.014) for y in (-0.55, -0.44, -0.33)], lighter(top, 0.6))
    elif kind < 0.3:
        art.inside([box(-0.3, y, 0.3, y + 0.045) for y in (-0.58, -0.48, -0.38, -0.28)], second)
    elif kind < 0.45:
        art.inside(dots(-0.24, -0.64, 0.24, -0.2, 0.09), second)
    elif kind < 0.6:
        art.inside([ellipse(0, -0.5, 0.06)], second)
    art.inside([box(0.07, -0.7, 0.3, 0)], darker(top, 0.6), 0.25)


def _head(art: Drawing, rng: Rng, skin: Colour, hair: Colour, hairdo: float) -> None:
    art.outline(box(-0.045, -0.7, 0.045, -0.62), darker(skin, 0.18))
    art.outline(ellipse(0, -0.83, 0.165, 0.17), skin)
    art.inside(
        [
            curve(
                (-0.2, -0.78),
                (-0.15, -0.88),
                (-0.04, -0.92),
                (0.08, -0.9),
                (0.15, -0.86),
                (0.2, -0.78),
                (0.25, -1.1),
                (-0.25, -1.1),
            )
        ],
        hair,
    )
    for side in (-1, 1):
        eye(art, side * 0.062, -0.815, 0.021)
        art.detail(ellipse(side * 0.1, -0.765, 0.026, 0.018), mix(skin, (240, 90, 90), 0.4))
    smile = path((-0.045, -0.755), (0, -0.728), (0.045, -0.755), steps=4)
    art.detail(ribbon(smile, 0.014), (150, 50, 50))
    if hairdo > 0.75:
        hat = pick(rng, PAINTS)
        if hairdo > 0.87:
            art.outline(
                curve(
                    (-0.17, -0.89),
                    (-0.14, -1.03),
                    (0, -1.09),
                    (0.14, -1.03),
                    (0.17, -0.89),
                    (0, -0.87),
                ),
                hat,
            )
            art.inside([box(-0.2, -0.935, 0.2, -0.8)], lighter(hat, 0.4))
            art.outline(ellipse(0, -1.09, 0.045), lighter(hat, 0.4))
        else:
            art.outline(box(-0.125, -1.1, 0.125, -0.92), hat)
            art.inside([box(-0.2, -0.98, 0.2, -0.9)], darker(hat, 0.5))
            art.outline(ellipse(0, -0.92, 0.25, 0.035), darker(hat, 0.15))
    elif hairdo > 0.6:
        art.outline(ellipse(0, -1.04, 0.075), hair)
