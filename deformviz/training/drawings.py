"""Things that stand about, each in several styles: house, tree, flower, ball."""

import numpy as np
from numpy.random import Generator as Rng

from deformviz.training.colours import (
    AUTUMN,
    BARK,
    GLASS,
    GREENS,
    INK,
    LAMPLIGHT,
    PAINTS,
    PETALS,
    ROOFS,
    WALLS,
    WHITE,
    Colour,
    darker,
    lighter,
    mix,
    pick,
    pick_other,
)
from deformviz.training.shapes import (
    Points,
    bar,
    box,
    bricks,
    curve,
    dots,
    ellipse,
    path,
    planks,
    polygon,
    ribbon,
)
from deformviz.training.vector_art import Drawing


def _window(
    art: Drawing, x: float, y: float, width: float, height: float, lit: bool, arched: bool = False
) -> None:
    left, top, right, bottom = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    frame, rim = WHITE, width * 0.14
    pane = LAMPLIGHT if lit else GLASS
    if arched:
        art.detail(ellipse(x, top, width / 2 + rim, width / 2 + rim), frame)
    art.detail(box(left - rim, top - rim, right + rim, bottom + rim), frame)
    if arched:
        art.detail(ellipse(x, top, width / 2), pane, lamp=lit)
    art.detail(box(left, top, right, bottom), pane, lamp=lit)
    if not lit:
        art.detail(
            polygon(
                (left, bottom),
                (left, top + height * 0.45),
                (right - width * 0.35, top),
                (right, top),
            ),
            lighter(GLASS, 0.45),
        )
    art.detail(box(x - rim / 2.4, top, x + rim / 2.4, bottom), frame)
    art.detail(box(left, y - rim / 2.4, right, y + rim / 2.4), frame)
    art.detail(
        box(left - rim * 1.7, bottom + rim * 0.4, right + rim * 1.7, bottom + rim * 1.5),
        darker(frame, 0.28),
    )


def _door(art: Drawing, x: float, width: float, height: float, colour: Colour) -> None:
    arch = [ellipse(x, -height, width / 2 + grow) for grow in (0.025, 0)]
    for grow, top, tone in zip((0.025, 0), arch, (WHITE, colour), strict=True):
        art.detail(top, tone)
        art.detail(box(x - width / 2 - grow, -height, x + width / 2 + grow, 0), tone)
    art.detail(ellipse(x, -height, width * 0.28), LAMPLIGHT, lamp=True)
    art.detail(
        box(x - width * 0.34, -height * 0.55, x + width * 0.34, -height * 0.12),
        darker(colour, 0.25),
    )
    art.detail(ellipse(x + width * 0.34, -height * 0.62, width * 0.08), (250, 214, 110))


def house(rng: Rng) -> Drawing:
    """A cottage, a barn with a bent roof, or a narrow town house."""
    art = Drawing()
    wall, roof = pick(rng, WALLS), pick(rng, ROOFS)
    lit = rng.random() < 0.5
    style = rng.random()
    half = rng.uniform(0.42, 0.56) if style < 0.7 else rng.uniform(0.28, 0.36)
    tall = rng.uniform(0.5, 0.62) if style < 0.7 else rng.uniform(0.86, 1.0)
    peak = tall + rng.uniform(0.36, 0.5)
    if rng.random() < 0.7:
        x = half * rng.uniform(0.4, 0.6)
        art.outline(box(x - 0.065, -peak - 0.02, x + 0.065, -tall), darker(wall, 0.3))
        art.outline(box(x - 0.09, -peak - 0.07, x + 0.09, -peak), darker(roof, 0.3))
    art.outline(box(-half, -tall - 0.02, half, 0), wall)
    texture = rng.random()
    if texture < 0.3:
        art.inside(bricks(-half, -tall, half, 0, 0.075), darker(wall, 0.22), 0.75)
    elif texture < 0.6:
        art.inside(planks(-half, -tall, half, 0, 0.085), darker(wall, 0.3), 0.8)
    art.inside([box(half * 0.72, -tall, half, 0)], darker(wall, 0.5), 0.28)
    art.inside([box(-half, -0.055, half, 0)], darker(wall, 0.45))
    eave = half + 0.1
    if style < 0.45 or style >= 0.7:
        shape = polygon((-eave, -tall), (0, -peak), (eave, -tall))
    else:
        shape = polygon(
            (-eave, -tall),
            (-half * 0.86, -peak + 0.1),
            (-half * 0.45, -peak),
            (half * 0.45, -peak),
            (half * 0.86, -peak + 0.1),
            (eave, -tall),
        )
    art.detail(box(-half, -tall, half, -tall + 0.06), darker(wall, 0.4))
    art.outline(shape, roof)
    if rng.random() < 0.7:
        art.inside(planks(-eave, -peak, eave, -tall, 0.09), darker(roof, 0.3))
    art.inside([polygon((0, -peak), (eave, -tall), (eave, -peak))], darker(roof, 0.6), 0.3)
    art.inside([box(-eave, -tall - 0.035, eave, -tall)], darker(roof, 0.35))
    if style < 0.45 or style >= 0.7:
        centre = -tall - (peak - tall) * 0.36
        art.detail(ellipse(0, centre, 0.09), WHITE)
        art.detail(ellipse(0, centre, 0.065), LAMPLIGHT if lit else GLASS, lamp=lit)
    door = pick(rng, PAINTS)
    if style < 0.7:
        at = rng.uniform(-0.06, 0.06)
        _door(art, at, 0.18, 0.28, door)
        for x in (-half * 0.62, half * 0.62):
            _window(art, x, -tall * 0.55, 0.15, 0.17, lit, arched=style < 0.2)
    else:
        _door(art, -half * 0.42, 0.16, 0.24, door)
        _window(art, half * 0.45, -0.24, 0.15, 0.17, lit)
        for x in (-half * 0.45, half * 0.45):
            _window(art, x, -tall * 0.72, 0.15, 0.19, lit, arched=style < 0.85)
    return art


def tree(rng: Rng) -> Drawing:
    """A fir, a round tree with fruit, a poplar or a palm."""
    art = Drawing()
    style = rng.random()
    green = pick(rng, AUTUMN if 0.35 < style < 0.8 and rng.random() < 0.3 else GREENS)
    bark = pick(rng, [BARK, (96, 66, 52), (150, 110, 80)])
    if style < 0.35:
        _fir(art, rng, green, bark)
    elif style < 0.7:
        _round_tree(art, rng, green, bark)
    elif style < 0.85:
        art.outline(polygon((-0.05, 0), (-0.035, -0.4), (0.035, -0.4), (0.05, 0)), bark)
        art.outline(
            curve(
                (0, -1.08),
                (0.17, -0.72),
                (0.2, -0.4),
                (0.1, -0.17),
                (-0.1, -0.17),
                (-0.2, -0.4),
                (-0.17, -0.72),
            ),
            green,
        )
        art.inside([ellipse(0.2, -0.5, 0.15, 0.6)], darker(green, 0.5), 0.45)
        art.inside(
            [ellipse(-0.08, -0.62, 0.045, 0.2), ellipse(-0.02, -0.34, 0.03, 0.08)],
            lighter(green, 0.4),
            0.7,
        )
    else:
        _palm(art, rng, pick(rng, GREENS), bark)
    return art


def _fir(art: Drawing, rng: Rng, green: Colour, bark: Colour) -> None:
    layers = int(rng.integers(3, 5))
    art.outline(box(-0.055, -0.2, 0.055, 0), bark)
    for layer in range(layers):
        half = 0.36 - 0.25 * layer / layers
        low = -0.15 - 0.68 * layer / layers
        high = low - 0.98 / layers - 0.05
        tone = mix(darker(green, 0.3), green, layer / (layers - 1))
        art.outline(
            polygon(
                (0, high),
                (half, low),
                (half * 0.66, low - 0.035),
                (half * 0.33, low + 0.015),
                (0, low - 0.03),
                (-half * 0.33, low + 0.015),
                (-half * 0.66, low - 0.035),
                (-half, low),
            ),
            tone,
        )
        art.inside(
            [polygon((0, high), (half, low + 0.02), (half * 0.3, low + 0.02))],
            darker(tone, 0.6),
            0.4,
        )
    if rng.random() < 0.25:
        art.detail(ellipse(0, high + 0.075, 0.035), LAMPLIGHT, lamp=True)


def _round_tree(art: Drawing, rng: Rng, green: Colour, bark: Colour) -> None:
    art.outline(
        polygon((-0.09, 0), (-0.05, -0.2), (-0.05, -0.5), (0.05, -0.5), (0.05, -0.2), (0.09, 0)),
        bark,
    )
    art.inside([box(0.01, -0.5, 0.1, 0)], darker(bark, 0.5), 0.5)
    wide = rng.uniform(0.9, 1.12)
    for x, y, radius, tone in (
        (-0.24, -0.48, 0.2, darker(green, 0.22)),
        (0.24, -0.48, 0.2, darker(green, 0.34)),
        (0, -0.42, 0.2, darker(green, 0.28)),
        (0.15, -0.72, 0.21, darker(green, 0.14)),
        (-0.14, -0.7, 0.24, green),
    ):
        art.outline(ellipse(x * wide, y, radius * wide, radius), tone)
    art.detail(ellipse(-0.2 * wide, -0.76, 0.12, 0.1), lighter(green, 0.22))
    if rng.random() < 0.5:
        fruit = pick(rng, [(226, 58, 54), (255, 190, 210), (250, 160, 50), WHITE])
        for x, y in (
            (-0.28, -0.46),
            (-0.06, -0.56),
            (0.1, -0.78),
            (0.26, -0.52),
            (-0.22, -0.66),
            (0.06, -0.36),
            (-0.02, -0.84),
        ):
            art.detail(ellipse(x * wide, y, 0.036), fruit)


def _palm(art: Drawing, rng: Rng, green: Colour, bark: Colour) -> None:
    lean = rng.uniform(0.05, 0.2)
    trunk = path((0, 0), (lean * 0.3, -0.4), (lean, -0.8))
    art.outline(ribbon(trunk, 0.12, 0.07), bark)
    art.inside(
        [bar(x - 0.07, y, x + 0.07, y + 0.015, 0.02) for x, y in trunk[1:-1:2].tolist()],
        darker(bark, 0.4),
    )
    for number, angle in enumerate((3.5, 5.9, 2.9, 6.5, 4.2, 5.2)):
        reach = rng.uniform(0.38, 0.46)
        x, y = lean + reach * np.cos(angle), -0.8 + reach * 0.7 * np.sin(angle)
        droop = 0.12
        leaf = path((lean, -0.8), ((lean + x) / 2, (y - 0.8) / 2 - droop * 0.7), (x, y + droop))
        art.outline(ribbon(leaf, 0.15, 0.01), mix(green, darker(green, 0.35), number % 3 / 2))
    for x, y in ((-0.04, -0.75), (0.05, -0.74)):
        art.outline(ellipse(lean + x, y, 0.05), darker(BARK, 0.2))


def flower(rng: Rng) -> Drawing:
    """A daisy, a tulip or a sunflower, some in a pot."""
    art = Drawing()
    green, petal = pick(rng, GREENS), pick(rng, PETALS)
    style = rng.random()
    bend = rng.uniform(-0.06, 0.06)
    potted = rng.random() < 0.3
    ground = -0.24 if potted else 0.0
    art.outline(ribbon(path((0, ground), (bend, -0.35), (0, -0.75)), 0.055), darker(green, 0.15))
    for side in (-1, 1):
        low = ground - (0.04 if side < 0 else 0.1)
        art.outline(
            curve(
                (bend * 0.5, low),
                (side * 0.13, low - 0.17),
                (side * 0.28, low - 0.22),
                (side * 0.2, low - 0.05),
            ),
            green,
        )
        art.inside([bar(0, low - 0.02, side * 0.26, low - 0.2, 0.016)], lighter(green, 0.3))
    if style < 0.3:
        _tulip(art, petal)
    else:
        _daisy(art, rng, petal if style < 0.72 else (252, 192, 44), sunny=style >= 0.72)
    if potted:
        pot = pick(rng, [(206, 112, 72), (90, 130, 180), (236, 226, 206)])
        art.outline(polygon((-0.19, -0.22), (0.19, -0.22), (0.13, 0), (-0.13, 0)), pot)
        art.inside([polygon((0.07, -0.22), (0.19, -0.22), (0.13, 0), (0.05, 0))], darker(pot, 0.3))
        art.outline(box(-0.22, -0.3, 0.22, -0.22), lighter(pot, 0.12))
    return art


def _tulip(art: Drawing, petal: Colour) -> None:
    for side in (-1, 1):
        art.outline(
            curve(
                (0, -0.68),
                (side * 0.2, -0.76),
                (side * 0.24, -1.0),
                (side * 0.17, -1.13),
                (side * 0.05, -0.95),
            ),
            darker(petal, 0.16),
        )
    art.outline(
        curve((0, -0.66), (0.14, -0.75), (0.13, -0.97), (0, -1.12), (-0.13, -0.97), (-0.14, -0.75)),
        petal,
    )
    art.inside([ellipse(-0.05, -0.9, 0.03, 0.12)], lighter(petal, 0.4), 0.8)


def _daisy(art: Drawing, rng: Rng, petal: Colour, sunny: bool) -> None:
    count = int(rng.integers(11, 15)) if sunny else int(rng.integers(6, 10))
    turn = rng.random()
    slim = 0.062 if sunny else 0.62 / count
    for tone, shift, reach in ((darker(petal, 0.22), 0.5, 0.23), (petal, 0.0, 0.22)):
        for number in range(count):
            angle = 2 * np.pi * (number + shift + turn) / count
            art.outline(
                ellipse(reach * np.cos(angle), -0.82 + reach * np.sin(angle), 0.13, slim, angle),
                tone,
            )
    heart = (110, 70, 46) if sunny else (250, 200, 60) if petal[2] > 70 else (240, 240, 230)
    radius = 0.18 if sunny else 0.13
    art.outline(ellipse(0, -0.82, radius), darker(heart, 0.2))
    art.detail(ellipse(-0.012, -0.835, radius * 0.82), heart)
    if sunny:
        art.inside(dots(-0.18, -1.0, 0.18, -0.64, 0.08), darker(heart, 0.35))


def ball(rng: Rng) -> Drawing:
    """A beach ball, a football, a basketball, or one with dots or stripes."""
    art = Drawing()
    first = pick(rng, PAINTS)
    second = pick_other(rng, PAINTS, first)
    style = rng.random()
    base = WHITE if style < 0.5 else (236, 128, 56) if style < 0.65 else first
    art.outline(ellipse(0, 0, 0.5), base)
    if style < 0.3:
        colours = [first, second, pick(rng, PAINTS)]
        for number in range(3):
            art.inside([_gore(number * 2 * np.pi / 3 - 0.4)], colours[number])
        art.inside([ellipse(-0.08, -0.1, 0.09)], WHITE)
    elif style < 0.5:
        rays = _pentagon(0, 0, 1, 0.63)
        art.inside([bar(0, 0, 0.5 * x, 0.5 * y, 0.022) for x, y in rays.tolist()], (120, 120, 132))
        art.inside([_pentagon(0, 0, 0.16, 0.63)], INK)
        art.inside(
            [
                _pentagon(0.45 * x, 0.45 * y, 0.17, 0.63 + np.pi + 2 * np.pi * n / 5)
                for n, (x, y) in enumerate(rays.tolist())
            ],
            INK,
        )
    elif style < 0.65:
        for line in (
            path((-0.5, 0), (0, 0.06), (0.5, 0)),
            path((0, -0.5), (0.06, 0), (0, 0.5)),
            path((-0.4, -0.4), (-0.17, 0), (-0.4, 0.4)),
            path((0.4, -0.4), (0.2, 0), (0.4, 0.4)),
        ):
            art.inside([ribbon(line, 0.03)], (84, 48, 34))
    elif style < 0.85:
        art.inside([ribbon(path((-0.55, -0.06), (0, 0.05), (0.55, -0.06)), 0.24)], second)
        art.inside([ribbon(path((-0.55, -0.06), (0, 0.05), (0.55, -0.06)), 0.1)], WHITE)
    else:
        art.inside(dots(-0.5, -0.5, 0.5, 0.5, 0.22), second)
    crescent = np.concatenate([ellipse(0, 0, 0.54), ellipse(-0.1, -0.12, 0.52)[::-1]])
    art.inside([crescent], (30, 20, 70), 0.26)
    art.inside([ellipse(-0.2, -0.24, 0.11, 0.07, -0.7)], (255, 255, 255), 0.8)
    return art


def _pentagon(x: float, y: float, radius: float, angle: float) -> Points:
    turns = angle + np.arange(5) * (2 * np.pi / 5)
    return np.stack([x + radius * np.cos(turns), y + radius * np.sin(turns)], 1)


def _gore(angle: float) -> Points:
    """One sector of a beach ball, bent as if it ran round it."""
    spread = [0.3, 0.6, 0.9]
    far = [(0.62 * np.cos(angle + s), 0.62 * np.sin(angle + s)) for s in (0.15, 0.52, 0.9, 1.2)]
    return np.concatenate(
        [
            path(
                (-0.08, -0.1),
                (0.25 * np.cos(angle + spread[0] - 0.4), 0.25 * np.sin(angle + spread[0] - 0.4)),
                far[0],
            ),
            np.array(far[1:3]),
            path(
                far[3],
                (0.25 * np.cos(angle + spread[2]), 0.25 * np.sin(angle + spread[2])),
                (-0.08, -0.1),
            ),
        ]
    )
