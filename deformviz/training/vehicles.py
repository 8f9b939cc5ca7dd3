"""Things that travel: car, boat, balloon and, for rainy days, umbrella."""

import numpy as np
from numpy.random import Generator as Rng

from deformviz.training.colours import (
    BARK,
    GLASS,
    INK,
    LAMPLIGHT,
    PAINTS,
    WHITE,
    Colour,
    darker,
    lighter,
    pick,
    pick_other,
)
from deformviz.training.shapes import (
    bar,
    box,
    curve,
    dots,
    ellipse,
    path,
    planks,
    polygon,
    ribbon,
    stripes,
)
from deformviz.training.vector_art import Drawing

SAILS = [WHITE, (250, 226, 180), (226, 70, 60), (60, 120, 190), (250, 190, 60), (120, 190, 180)]
HUBCAP: Colour = (206, 208, 214)


def _wheel(art: Drawing, x: float, radius: float) -> None:
    art.outline(ellipse(x, -radius, radius), INK)
    art.detail(ellipse(x, -radius, radius * 0.58), HUBCAP)
    art.detail(ellipse(x, -radius, radius * 0.22), darker(HUBCAP, 0.5))


def _pane(art: Drawing, *vertices: tuple[float, float]) -> None:
    """A car window with a slanting reflection."""
    shape = polygon(*vertices)
    art.detail(shape, darker(GLASS, 0.1))
    (left, top), (right, bottom) = shape.min(0), shape.max(0)
    x, width = left + (right - left) * 0.45, (right - left) * 0.2
    slant = (bottom - top) * 0.25
    art.detail(
        polygon(
            (x, top + 0.02),
            (x + width, top + 0.02),
            (x + width - slant, bottom - 0.015),
            (x - slant, bottom - 0.015),
        ),
        lighter(GLASS, 0.55),
    )


def car(rng: Rng) -> Drawing:
    """A saloon, a beetle, a van or a pick-up truck."""
    art = Drawing()
    paint = pick(rng, PAINTS)
    style = rng.random()
    build = (
        _saloon if style < 0.35 else _beetle if style < 0.6 else _van if style < 0.82 else _truck
    )
    build(art, rng, paint)
    art.outline(box(-0.98, -0.2, -0.86, -0.13), (150, 152, 160))
    art.outline(box(0.86, -0.2, 0.98, -0.13), (150, 152, 160))
    art.detail(ellipse(0.86, -0.3, 0.055, 0.065), (255, 240, 170), lamp=True)
    art.detail(box(-0.92, -0.35, -0.86, -0.24), (220, 40, 46), lamp=True)
    for x in (-0.54, 0.54):
        art.detail(ellipse(x, -0.18, 0.205)[32:], darker(paint, 0.55))
        _wheel(art, x, 0.17)
    return art


def _lower_side(art: Drawing, paint: Colour, top: float) -> None:
    art.inside([box(-1, -0.24, 1, 0)], darker(paint, 0.5), 0.4)
    art.inside([box(-1, top + 0.03, 1, top + 0.055)], lighter(paint, 0.55), 0.8)


def _saloon(art: Drawing, rng: Rng, paint: Colour) -> None:
    high = rng.uniform(-0.82, -0.74)
    roof = polygon(
        (-0.68, -0.42),
        (-0.42, high + 0.02),
        (-0.36, high),
        (0.2, high),
        (0.27, high + 0.03),
        (0.58, -0.42),
    )
    art.outline(roof, darker(paint, 0.12))
    _pane(art, (-0.55, -0.44), (-0.37, high + 0.07), (-0.09, high + 0.07), (-0.09, -0.44))
    _pane(art, (-0.02, -0.44), (-0.02, high + 0.07), (0.2, high + 0.07), (0.45, -0.44))
    art.outline(
        curve(
            (-0.93, -0.16),
            (-0.95, -0.38),
            (-0.7, -0.45),
            (0, -0.45),
            (0.6, -0.43),
            (0.9, -0.36),
            (0.94, -0.16),
            (0.5, -0.11),
            (-0.5, -0.11),
        ),
        paint,
    )
    _lower_side(art, paint, -0.45)
    art.detail(box(-0.06, -0.44, -0.045, -0.14), darker(paint, 0.3))
    art.detail(box(-0.2, -0.36, -0.1, -0.335), darker(paint, 0.45))


def _beetle(art: Drawing, rng: Rng, paint: Colour) -> None:
    art.outline(
        curve(
            (-0.66, -0.35), (-0.55, -0.68), (-0.12, -0.86), (0.32, -0.72), (0.52, -0.35), (0, -0.3)
        ),
        paint,
    )
    _pane(art, (-0.48, -0.46), (-0.4, -0.65), (-0.1, -0.75), (-0.1, -0.46))
    _pane(art, (-0.02, -0.46), (-0.02, -0.76), (0.22, -0.69), (0.37, -0.46))
    art.outline(
        curve(
            (-0.93, -0.14),
            (-0.9, -0.36),
            (-0.6, -0.46),
            (0, -0.42),
            (0.6, -0.46),
            (0.9, -0.36),
            (0.93, -0.14),
            (0.4, -0.1),
            (-0.4, -0.1),
        ),
        paint,
    )
    _lower_side(art, paint, -0.4)
    art.detail(box(-0.065, -0.4, -0.05, -0.14), darker(paint, 0.3))
    art.detail(ellipse(-0.15, -0.3, 0.045, 0.014), WHITE)
    if rng.random() < 0.5:
        art.detail(ellipse(0.2, -0.27, 0.085), WHITE)
        art.detail(ellipse(0.2, -0.27, 0.06), darker(paint, 0.2))


def _van(art: Drawing, rng: Rng, paint: Colour) -> None:
    art.outline(
        polygon(
            (-0.93, -0.12),
            (-0.93, -0.86),
            (-0.86, -0.92),
            (0.5, -0.92),
            (0.62, -0.84),
            (0.86, -0.46),
            (0.93, -0.4),
            (0.93, -0.12),
        ),
        WHITE,
    )
    art.inside([box(-1, -0.44, 1, 0)], paint)
    art.inside([box(-1, -0.93, 1, -0.86)], paint)
    art.inside([box(-1, -0.24, 1, 0)], darker(paint, 0.5), 0.4)
    for x in (-0.84, -0.5, -0.16):
        _pane(art, (x, -0.5), (x, -0.79), (x + 0.27, -0.79), (x + 0.27, -0.5))
    _pane(art, (0.24, -0.5), (0.24, -0.79), (0.53, -0.79), (0.73, -0.5))
    art.detail(box(0.16, -0.8, 0.175, -0.14), darker(WHITE, 0.3))
    if rng.random() < 0.5:
        art.outline(box(-0.6, -0.99, 0.3, -0.92), (150, 106, 70))
        art.inside(stripes(-0.6, -0.99, 0.3, -0.92, 0.09), (110, 74, 52))


def _truck(art: Drawing, rng: Rng, paint: Colour) -> None:
    load = pick(rng, [(236, 196, 90), (150, 106, 70), (110, 160, 80)])
    if rng.random() < 0.7:
        art.outline(
            curve((-0.85, -0.4), (-0.7, -0.66), (-0.45, -0.74), (-0.15, -0.68), (0, -0.4)), load
        )
        art.inside(dots(-0.9, -0.8, 0, -0.3, 0.13), darker(load, 0.25))
    art.outline(
        polygon(
            (0.06, -0.3),
            (0.06, -0.86),
            (0.12, -0.9),
            (0.42, -0.9),
            (0.5, -0.85),
            (0.64, -0.48),
            (0.66, -0.3),
        ),
        darker(paint, 0.08),
    )
    _pane(art, (0.15, -0.5), (0.15, -0.79), (0.4, -0.79), (0.53, -0.5))
    art.outline(
        polygon((-0.93, -0.12), (-0.93, -0.5), (0.9, -0.46), (0.94, -0.38), (0.94, -0.12)), paint
    )
    art.inside(planks(-0.93, -0.48, 0.02, -0.12, 0.1), darker(paint, 0.3))
    _lower_side(art, paint, -0.46)


def boat(rng: Rng) -> Drawing:
    """A sailing boat with one or two sails, or a little steamer."""
    art = Drawing()
    hull, second = pick(rng, PAINTS), pick(rng, PAINTS)
    style = rng.random()
    if style < 0.7:
        _sails(art, rng, two=style < 0.45)
    else:
        _steamer(art, rng, second)
    art.outline(
        curve(
            (-0.62, -0.3),
            (-0.3, -0.27),
            (0.3, -0.27),
            (0.66, -0.33),
            (0.56, -0.15),
            (0.4, -0.01),
            (0, 0.0),
            (-0.42, -0.01),
            (-0.58, -0.15),
        ),
        hull,
    )
    art.inside([box(-0.8, -0.08, 0.8, 0.1)], darker(hull, 0.45))
    art.inside([ribbon(path((-0.7, -0.25), (0, -0.2), (0.7, -0.27)), 0.045)], WHITE)
    if rng.random() < 0.4:
        art.inside(planks(-0.7, -0.2, 0.7, 0, 0.06), darker(hull, 0.35), 0.8)
    if rng.random() < 0.6:
        for x in (-0.3, 0.0, 0.3):
            art.detail(ellipse(x, -0.13, 0.045), WHITE)
            art.detail(ellipse(x, -0.13, 0.03), LAMPLIGHT, lamp=True)
    return art


def _sails(art: Drawing, rng: Rng, two: bool) -> None:
    sail = pick(rng, SAILS)
    top = -rng.uniform(1.12, 1.35)
    art.outline(box(-0.03, top, 0.02, -0.2), BARK)
    art.outline(polygon((0.02, top), (0.24, top + 0.05), (0.02, top + 0.11)), pick(rng, PAINTS))
    art.outline(
        curve(
            (0.05, top + 0.16),
            (0.3, -0.75),
            (0.52, -0.4),
            (0.28, -0.37),
            (0.05, -0.36),
            (0.05, -0.7),
        ),
        sail,
    )
    pattern = rng.random()
    if pattern < 0.4:
        art.inside(
            [box(0, y, 0.6, y + 0.09) for y in np.arange(top + 0.3, -0.36, 0.18).tolist()],
            pick(rng, PAINTS),
        )
    elif pattern < 0.6:
        art.inside([ellipse(0.2, -0.6, 0.09)], pick(rng, PAINTS))
    art.inside([polygon((0.05, top), (0.13, -0.3), (0, -0.3))], darker(sail, 0.4), 0.35)
    if two:
        art.outline(
            curve(
                (-0.07, top + 0.25), (-0.07, -0.37), (-0.3, -0.36), (-0.48, -0.38), (-0.27, -0.68)
            ),
            lighter(sail, 0.3),
        )
        art.inside([polygon((-0.07, top), (-0.02, -0.3), (-0.16, -0.3))], darker(sail, 0.4), 0.3)


def _steamer(art: Drawing, rng: Rng, second: Colour) -> None:
    high = -rng.uniform(0.95, 1.1)
    art.outline(polygon((0.02, -0.5), (0.04, high), (0.24, high), (0.26, -0.5)), second)
    art.inside([box(0, high + 0.12, 0.3, high + 0.22)], WHITE)
    art.inside([box(0, high, 0.3, high + 0.06)], INK)
    art.outline(box(-0.4, -0.7, 0.3, -0.28), WHITE)
    art.inside([box(0.18, -0.7, 0.3, -0.28)], darker(WHITE, 0.4), 0.4)
    art.outline(box(-0.46, -0.77, 0.35, -0.68), darker(second, 0.15))
    for x in (-0.28, -0.05, 0.18):
        art.detail(box(x - 0.07, -0.6, x + 0.07, -0.42), LAMPLIGHT, lamp=True)
        art.detail(
            polygon((x - 0.07, -0.42), (x - 0.07, -0.5), (x + 0.02, -0.6), (x + 0.07, -0.6)),
            lighter(GLASS, 0.2),
        )


def balloon(rng: Rng) -> Drawing:
    """A hot-air balloon with gores, bands or dots, and its basket."""
    art = Drawing()
    first = pick(rng, PAINTS)
    second = pick_other(rng, PAINTS, first)
    style = rng.random()
    for x in (-0.11, 0.11):
        art.outline(bar(x * 1.5, -0.42, x * 0.9, -0.13, 0.02), BARK)
    art.outline(box(-0.13, -0.17, 0.13, 0), (176, 124, 74))
    art.inside(planks(-0.13, -0.17, 0.13, 0, 0.04), (128, 84, 52))
    art.outline(box(-0.15, -0.19, 0.15, -0.15), (120, 78, 50))
    art.outline(
        curve(
            (-0.15, -0.4),
            (-0.36, -0.64),
            (-0.48, -0.94),
            (-0.34, -1.24),
            (0, -1.38),
            (0.34, -1.24),
            (0.48, -0.94),
            (0.36, -0.64),
            (0.15, -0.4),
            (0, -0.38),
        ),
        first,
    )
    if style < 0.6:
        for bulge in (0.47, 0.16):
            outer = path(
                (-0.04 - bulge * 0.2, -0.36),
                (-bulge, -0.94),
                (0, -1.4),
                (bulge, -0.94),
                (0.04 + bulge * 0.2, -0.36),
            )
            inner = path(
                (-0.02 - bulge * 0.1, -0.36),
                (-bulge * 0.6, -0.94),
                (0, -1.4),
                (bulge * 0.6, -0.94),
                (0.02 + bulge * 0.1, -0.36),
            )
            art.inside([np.concatenate([outer, inner[::-1]])], second)
    elif style < 0.8:
        teeth = [(-0.55 + 0.11 * n, -0.98 - 0.1 * (n % 2)) for n in range(11)]
        art.inside([polygon(*teeth, (0.55, -0.72), (-0.55, -0.72))], second)
        art.inside([box(-0.5, -0.8, 0.5, -0.74)], WHITE)
    else:
        art.inside(dots(-0.5, -1.4, 0.5, -0.45, 0.2), second)
    art.inside(
        [curve((0.2, -1.4), (0.33, -0.95), (0.08, -0.38), (0.5, -0.38), (0.6, -0.95))],
        (30, 20, 70),
        0.22,
    )
    art.inside([ellipse(-0.25, -1.08, 0.06, 0.14, 0.4)], (255, 255, 255), 0.6)
    return art


def umbrella(rng: Rng) -> Drawing:
    """An umbrella with a crook, or a parasol to stand on a beach."""
    art = Drawing()
    first = pick(rng, PAINTS)
    second = pick_other(rng, [*PAINTS, WHITE, WHITE], first)
    beach = rng.random() < 0.4
    pole = (238, 214, 170) if beach else (110, 74, 52)
    art.outline(box(-0.022, -0.78, 0.022, 0 if beach else -0.08), pole)
    if not beach:
        hook = path((0, -0.1), (0.02, -0.02), (0.085, 0.015), (0.15, -0.03), (0.15, -0.1))
        art.outline(ribbon(hook, 0.05), pole)
    art.outline(polygon((-0.02, -0.98), (0, -1.06), (0.02, -0.98)), pole)
    low = -0.56
    tips = np.linspace(-0.56, 0.56, 5)
    rim = [(x, low) for x in tips.tolist()]
    scallops = np.concatenate(
        [path(rim[n + 1], ((tips[n] + tips[n + 1]) / 2, low - 0.07), rim[n]) for n in (3, 2, 1, 0)]
    )
    dome = path(
        (-0.56, low),
        (-0.46, -0.78),
        (-0.25, -0.94),
        (0, -1.0),
        (0.25, -0.94),
        (0.46, -0.78),
        (0.56, low),
    )
    art.outline(np.concatenate([dome, scallops]), first)
    if rng.random() < 0.8:
        for left, right in ((-0.56, -0.28), (0, 0.28)):
            edges = [path((0, -1.02), (x * 0.95, -0.78), (x * 1.02, low)) for x in (left, right)]
            art.inside([np.concatenate([edges[0], edges[1][::-1]])], second)
    else:
        art.inside(dots(-0.56, -1.0, 0.56, low, 0.16), second)
    art.inside(
        [polygon((0.1, -1.0), (0.42, low - 0.1), (0.42, low), (0.6, low), (0.6, -1))],
        (30, 20, 70),
        0.2,
    )
    art.inside([ellipse(-0.26, -0.82, 0.1, 0.035, -0.7)], (255, 255, 255), 0.5)
    return art
