"""What lies behind the objects: sky, land or sea or town, and things that are no objects."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator as Rng

from deformviz.training.colours import (
    GREENS,
    LAMPLIGHT,
    WALLS,
    Colour,
    Light,
    darker,
    lighter,
    mix,
    pick,
)
from deformviz.training.shapes import Points, bar, box, curve, ellipse, path, polygon
from deformviz.training.vector_art import SUPERSAMPLING, fill, fill_soft

HILLS, MEADOW, SEA, CITY = "hills", "meadow", "sea", "city"
PLACES = (HILLS, MEADOW, SEA, CITY)
DAY, DUSK, NIGHT = "day", "dusk", "night"

SKIES: dict[str, list[tuple[Colour, Colour]]] = {
    DAY: [
        ((92, 170, 232), (206, 234, 246)),
        ((130, 196, 230), (250, 240, 214)),
        ((160, 200, 220), (232, 236, 232)),
        ((110, 150, 220), (214, 214, 244)),
        ((150, 214, 214), (248, 244, 220)),
    ],
    DUSK: [
        ((96, 82, 150), (252, 170, 112)),
        ((60, 90, 150), (250, 196, 150)),
        ((150, 84, 130), (255, 206, 130)),
        ((214, 120, 130), (255, 226, 170)),
    ],
    NIGHT: [
        ((16, 22, 56), (52, 70, 120)),
        ((26, 20, 58), (86, 66, 120)),
        ((12, 32, 60), (40, 88, 120)),
    ],
}
LIGHTS = {
    DAY: Light(),
    DUSK: Light((1.0, 0.86, 0.84), lamps=True),
    NIGHT: Light((0.5, 0.55, 0.78), lamps=True),
}
LAND = [
    (124, 184, 92),
    (160, 196, 96),
    (98, 166, 104),
    (196, 196, 108),
    (140, 176, 124),
    (212, 178, 118),
]
SNOWY_LAND = [(236, 242, 250), (220, 230, 242), (244, 244, 246)]
WATERS = [(54, 140, 190), (70, 170, 190), (44, 110, 160), (96, 180, 200)]
SANDS = [(242, 218, 164), (232, 200, 140), (246, 230, 190)]
STREETS = [(150, 152, 160), (176, 168, 160), (130, 134, 148)]


@dataclass(frozen=True)
class Backdrop:
    """Where things may stand: heights as shares of the picture, from its upper edge."""

    place: str
    light: Light
    horizon: float
    shore: float  # ground reaches from here to the lower edge; water from the horizon to here


class Stage:
    """A canvas with its size in image pixels and its light; lengths in shares of its short side."""

    def __init__(self, canvas: np.ndarray, light: Light):
        self.canvas, self.light = canvas, light
        self.height, self.width = (side / SUPERSAMPLING for side in canvas.shape[:2])
        self.unit = min(self.height, self.width)

    def fill(self, points_px: Points, colour: Colour, lamp: bool = False) -> None:
        """One shape in image pixels."""
        self.fill_all([points_px], colour, lamp)

    def fill_all(self, parts_px: list[Points], colour: Colour, lamp: bool = False) -> None:
        """Disjoint shapes in image pixels; a lamp keeps its colour in the dark."""
        fill(self.canvas, parts_px, colour if lamp and self.light.lamps else self.light.on(colour))

    def soft(self, parts_px: list[Points], colour: Colour, alpha: float) -> None:
        """Shapes in image pixels, see-through; their colour is taken as it is."""
        fill_soft(self.canvas, parts_px, colour, alpha)

    def at(self, points: Points, x: float, y: float) -> Points:
        """Shape in shares of the short side, moved to (x, y) in shares of width and height."""
        return points * self.unit + (x * self.width, y * self.height)


def paint_backdrop(
    canvas: np.ndarray, rng: Rng, place: str, time: str, snowy: bool, clutter: float
) -> Backdrop:
    """Fill the canvas [height width rgb] and say where things may stand.

    clutter: probability that stones, bushes, fences, lamps and clouds are there at all.
    """
    stage = Stage(canvas, LIGHTS[time])
    _sky(stage, rng, time, snowy)
    horizon = rng.uniform(0.38, 0.66)
    if rng.random() < clutter:
        _clouds(stage, rng, horizon, time)
    shore = horizon
    if place == SEA:
        shore = horizon + (1 - horizon) * rng.uniform(0.45, 0.8)
        _sea(stage, rng, horizon, shore, snowy)
    elif place == CITY:
        _city(stage, rng, horizon, snowy)
    elif place == HILLS:
        _hills(stage, rng, horizon, snowy)
    else:
        _meadow(stage, rng, horizon, snowy)
    if rng.random() < clutter:
        _litter(stage, rng, place, shore, snowy)
    return Backdrop(place, stage.light, horizon, shore)


def _sky(stage: Stage, rng: Rng, time: str, snowy: bool) -> None:
    skies = SKIES[time]
    high, low = skies[int(rng.random() * len(skies))]
    if snowy:
        high, low = (mix(c, (150, 160, 180) if time != NIGHT else c, 0.5) for c in (high, low))
    rows = np.linspace(0, 1, stage.canvas.shape[0], dtype=np.float32)[:, None] ** 0.8
    ramp = np.asarray(high, np.float32) * (1 - rows) + np.asarray(low, np.float32) * rows
    stage.canvas[:, :1] = ramp.astype(np.uint8)[:, None]
    filled, width = 1, stage.canvas.shape[1]
    while filled < width:  # doubling is ten times as fast as broadcasting three bytes
        more = min(filled, width - filled)
        stage.canvas[:, filled : filled + more] = stage.canvas[:, :more]
        filled += more
    if time == NIGHT:
        places, sizes = rng.random((40, 2)), rng.uniform(0.0015, 0.005, 40)
        fill(
            stage.canvas,
            [
                stage.at(ellipse(0, 0, size), x, y * 0.6)
                for (x, y), size in zip(places.tolist(), sizes.tolist(), strict=True)
            ],
            (240, 240, 220),
        )
    if rng.random() < 0.55:
        x, y, size = rng.uniform(0.08, 0.92), rng.uniform(0.08, 0.3), rng.uniform(0.05, 0.1)
        colour = (
            (255, 236, 150) if time == DAY else (255, 200, 120) if time == DUSK else (244, 240, 214)
        )
        for glow in (2.2, 1.5):
            stage.soft([stage.at(ellipse(0, 0, size * glow), x, y)], colour, 0.16)
        fill(stage.canvas, [stage.at(ellipse(0, 0, size), x, y)], colour)
        if time == NIGHT:
            for dx, dy, share in ((-0.3, -0.2, 0.24), (0.3, 0.3, 0.17), (0.2, -0.45, 0.12)):
                fill(
                    stage.canvas,
                    [stage.at(ellipse(dx * size, dy * size, share * size), x, y)],
                    (218, 212, 190),
                )


def _clouds(stage: Stage, rng: Rng, horizon: float, time: str) -> None:
    tone = {DAY: (255, 255, 255), DUSK: (255, 214, 196), NIGHT: (90, 100, 150)}[time]
    for _ in range(int(rng.integers(1, 5))):
        x, y = rng.uniform(0, 1), rng.uniform(0.04, horizon * 0.8)
        size = rng.uniform(0.04, 0.1)
        alpha = 0.9 if time == DAY else 0.55
        outline = np.concatenate(
            [
                ellipse(0, 0, 1.9, 0.1)[:33] + (0, 0.75),
                path(
                    (-1.9, 0.7),
                    (-1.6, 0.1),
                    (-0.9, -0.1),
                    (-0.4, -0.75),
                    (0.4, -0.85),
                    (0.9, -0.3),
                    (1.5, -0.1),
                    (1.9, 0.7),
                ),
            ]
        )
        stage.soft([stage.at(outline * size, x, y)], tone, alpha)


def _ridge(stage: Stage, rng: Rng, base: float, height: float, waves: float) -> Points:
    """Land below a wavy line at `base`, in image pixels."""
    x = np.linspace(0, 1, 33)
    phases, strengths = rng.uniform(0, 6.28, 3), rng.uniform(0.4, 1, 3)
    aspect = stage.width / stage.unit
    y = sum(
        s * np.sin(x * aspect * waves * k + p)
        for k, p, s in zip((1, 1.7, 2.9), phases, strengths / (1, 2, 4), strict=True)
    )
    y = base + height * y / 1.6
    line = np.stack([x * (stage.width + 4) - 2, y * stage.height], 1)
    return np.concatenate([line, [(stage.width + 2, stage.height + 2), (-2, stage.height + 2)]])


def _hills(stage: Stage, rng: Rng, horizon: float, snowy: bool) -> None:
    near = pick(rng, SNOWY_LAND if snowy else LAND)
    far = mix(near, (150, 180, 214), 0.6)
    if rng.random() < 0.5:
        _mountains(stage, rng, horizon, mix((120, 130, 160), far, 0.4))
    layers = int(rng.integers(2, 4))
    for layer in range(layers):
        share = layer / (layers - 1)
        land = _ridge(stage, rng, horizon + (1 - horizon) * 0.5 * share, 0.07, rng.uniform(3, 7))
        stage.fill(land, mix(far, near, share))


def _mountains(stage: Stage, rng: Rng, horizon: float, rock: Colour) -> None:
    for _ in range(int(rng.integers(2, 4))):
        x, wide, tall = rng.uniform(0, 1), rng.uniform(0.25, 0.5), rng.uniform(0.18, 0.36)
        peak = polygon((-wide, 0.25), (0, -tall), (wide, 0.25))
        stage.fill(stage.at(peak, x, horizon), rock)
        stage.fill(
            stage.at(polygon((0, -tall), (wide, 0.25), (wide * 0.2, 0.25)), x, horizon),
            darker(rock, 0.18),
        )
        cap = polygon(
            (0, -tall),
            (wide * 0.26, -tall * 0.62),
            (wide * 0.1, -tall * 0.7),
            (0, -tall * 0.58),
            (-wide * 0.1, -tall * 0.7),
            (-wide * 0.26, -tall * 0.62),
        )
        stage.fill(stage.at(cap * (0.9, 1), x, horizon), (246, 248, 252))
        rock = lighter(rock, 0.1)


def _meadow(stage: Stage, rng: Rng, horizon: float, snowy: bool) -> None:
    near = pick(rng, SNOWY_LAND if snowy else LAND)
    stage.fill(_ridge(stage, rng, horizon, 0.02, 3), mix(near, (190, 206, 190), 0.35))
    stage.fill(_ridge(stage, rng, horizon + 0.08, 0.03, 4), near)
    if rng.random() < 0.5:
        x, bend = rng.uniform(0.2, 0.8), rng.uniform(-0.3, 0.3)
        road = np.concatenate(
            [
                path((x, horizon + 0.08), (x + bend * 0.6, horizon + 0.2), (x + bend - 0.25, 1.02)),
                path(
                    (x + bend + 0.15, 1.02),
                    (x + bend * 0.6 + 0.08, horizon + 0.2),
                    (x + 0.015, horizon + 0.08),
                ),
            ]
        )
        stage.fill(road * (stage.width, stage.height), mix(near, (236, 216, 176), 0.7))
    tufts = rng.uniform(0, 1, (14, 2)).tolist()
    for x, y in tufts:
        y = horizon + 0.12 + y * (0.9 - horizon)
        tuft = polygon(
            (-0.012, 0),
            (-0.016, -0.025),
            (-0.003, -0.01),
            (0, -0.032),
            (0.004, -0.01),
            (0.016, -0.025),
            (0.012, 0),
        )
        stage.fill(stage.at(tuft, x, y), darker(near, 0.22))


def _sea(stage: Stage, rng: Rng, horizon: float, shore: float, snowy: bool) -> None:
    water = pick(rng, WATERS)
    if rng.random() < 0.5:
        x, wide = rng.uniform(0, 1), rng.uniform(0.15, 0.4)
        island = curve((-wide, 0.02), (-wide * 0.4, -0.06), (wide * 0.2, -0.1), (wide, 0.02))
        stage.fill(stage.at(island, x, horizon), mix((96, 140, 110), (150, 180, 214), 0.4))
    stage.fill(box(-2, horizon * stage.height, stage.width + 2, stage.height + 2), water)
    depth = shore - horizon
    for share in (0.35, 0.7):
        stage.soft(
            [_ridge(stage, rng, horizon + depth * share, 0.012, 9)],
            stage.light.on(darker(water, 0.3)),
            0.35,
        )
    glints = [
        stage.at(ellipse(0, 0, 0.03 + 0.04 * y, 0.0035), x, horizon + 0.02 + y * depth * 0.9)
        for x, y in rng.uniform(0, 1, (12, 2)).tolist()
    ]
    stage.soft(glints, stage.light.on((250, 252, 255)), 0.5)
    sand = pick(rng, SNOWY_LAND if snowy else SANDS)
    beach = _ridge(stage, rng, shore, 0.02, 4)
    stage.fill(beach - (0, 0.022 * stage.unit), mix(water, (255, 255, 255), 0.75))
    stage.fill(beach, sand)


def _city(stage: Stage, rng: Rng, horizon: float, snowy: bool) -> None:
    far = mix(pick(rng, WALLS), (150, 160, 196), 0.7)
    x = -0.05
    while x < stage.width / stage.unit:
        wide, tall = rng.uniform(0.09, 0.2), rng.uniform(0.1, 0.34)
        colour = mix(far, pick(rng, WALLS), 0.2)
        at = x * stage.unit / stage.width
        stage.fill(stage.at(box(0, -tall, wide, 0.1), at, horizon), colour)
        if rng.random() < 0.3:
            stage.fill(
                stage.at(polygon((0, -tall), (wide / 2, -tall - 0.08), (wide, -tall)), at, horizon),
                darker(colour, 0.2),
            )
        lit = rng.random() < 0.7
        pane = LAMPLIGHT if lit else darker(colour, 0.2)
        pane = pane if stage.light.lamps else darker(colour, 0.16)
        columns = np.arange(0.025, wide - 0.03, 0.04).tolist()
        rows = np.arange(-tall + 0.03, -0.02, 0.055).tolist()
        seen = rng.random((len(columns), len(rows))) < 0.75
        stage.fill_all(
            [
                stage.at(box(x, y, x + 0.018, y + 0.026), at, horizon)
                for x, bright in zip(columns, seen, strict=True)
                for y, there in zip(rows, bright, strict=True)
                if there
            ],
            pane,
            lamp=lit,
        )
        x += wide + rng.uniform(-0.01, 0.03)
    pavement = pick(rng, SNOWY_LAND if snowy else STREETS)
    stage.fill(
        box(-2, horizon * stage.height, stage.width + 2, stage.height + 2), lighter(pavement, 0.35)
    )
    top = horizon + (1 - horizon) * rng.uniform(0.3, 0.5)
    stage.fill(box(-2, top * stage.height, stage.width + 2, stage.height + 2), pavement)
    middle = (top + 1) / 2
    for x in np.arange(rng.uniform(-0.1, 0), 1.0, 0.16).tolist():
        stage.fill(stage.at(box(0, -0.008, 0.08, 0.008), x, middle), (244, 240, 226))


def _litter(stage: Stage, rng: Rng, place: str, shore: float, snowy: bool) -> None:
    """Stones, bushes, a fence or lamps: seen, but not to be found."""
    if rng.random() < 0.3 and place != SEA:
        _fence(stage, rng, shore)
    for _ in range(int(rng.integers(1, 6))):
        x, y = rng.uniform(0, 1), rng.uniform(shore + 0.03, 1.0)
        size = rng.uniform(0.012, 0.04) * (0.6 + y)
        kind = rng.random()
        if kind < 0.5:
            stone = pick(rng, [(150, 146, 148), (120, 116, 124), (186, 176, 164)])
            shape = curve((-1, 0.3), (-0.7, -0.5), (0.1, -0.8), (0.8, -0.3), (1, 0.35))
            stage.fill(stage.at(shape * size, x, y), stone)
            shine = curve((-0.5, -0.2), (0, -0.6), (0.4, -0.4), (0, -0.2))
            stage.fill(stage.at(shine * size, x, y), lighter(stone, 0.35))
        elif kind < 0.8:
            leaf = pick(rng, SNOWY_LAND if snowy else GREENS)
            for dx, dy, radius, tone in (
                (-0.8, 0, 0.7, 0.2),
                (0.8, 0, 0.75, 0.3),
                (0, -0.4, 0.9, 0.1),
            ):
                stage.fill(stage.at(ellipse(dx, dy, radius) * size * 1.3, x, y), darker(leaf, tone))
        else:
            tall = rng.uniform(0.16, 0.3)
            stage.fill(stage.at(bar(0, 0, 0, -tall, 0.012), x, y), (70, 74, 90))
            if stage.light.lamps:
                stage.soft([stage.at(ellipse(0, -tall, 0.07), x, y)], LAMPLIGHT, 0.25)
            stage.fill(stage.at(ellipse(0, -tall, 0.024), x, y), (250, 236, 190), lamp=True)


def _fence(stage: Stage, rng: Rng, shore: float) -> None:
    y, wood = rng.uniform(shore + 0.04, 0.9), pick(rng, [(244, 240, 230), (170, 124, 84)])
    left = rng.uniform(-0.2, 0.7)
    right = left + rng.uniform(0.3, 0.7)
    tall = rng.uniform(0.05, 0.09)
    for rail in (0.35, 0.75):
        stage.fill(
            stage.at(
                box(
                    0,
                    -tall * rail - 0.008,
                    (right - left) * stage.width / stage.unit,
                    -tall * rail + 0.004,
                ),
                left,
                y,
            ),
            darker(wood, 0.12),
        )
    step = 0.035 * stage.unit / stage.width
    for x in np.arange(left, right, step).tolist():
        stage.fill(
            stage.at(
                polygon(
                    (-0.009, 0), (-0.009, -tall), (0, -tall - 0.012), (0.009, -tall), (0.009, 0)
                ),
                x,
                y,
            ),
            wood,
        )
