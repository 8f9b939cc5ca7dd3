"""Scenes rendered from a seed: the data that the shipped models were trained and judged on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from deformviz.training import creatures, drawings, fish, people, vehicles
from deformviz.training.backdrops import (
    DAY,
    DUSK,
    NIGHT,
    PLACES,
    SEA,
    Backdrop,
    Stage,
    paint_backdrop,
)
from deformviz.training.shapes import ellipse
from deformviz.training.vector_art import SUPERSAMPLING, Drawing, Placed
from deformviz.training.weather import expose, rain, snow

DRAW: dict[str, Callable[[np.random.Generator], Drawing]] = {
    "house": drawings.house,
    "tree": drawings.tree,
    "car": vehicles.car,
    "boat": vehicles.boat,
    "person": people.person,
    "bird": creatures.bird,
    "ball": drawings.ball,
    "flower": drawings.flower,
    "cat": creatures.cat,
    "fish": fish.fish,
    "balloon": vehicles.balloon,
    "umbrella": vehicles.umbrella,
}
CLASSES: tuple[str, ...] = tuple(DRAW)
SKY_DWELLERS = {"bird", "balloon"}
WATER_DWELLERS = {"boat", "fish"}
MIN_VISIBLE = 0.18  # objects of which less of their box can be seen are not annotated
MAX_OVERLAP = 0.45  # share of the smaller box that may lie in another one
SINGLE_SIZES = (0.32, 0.75)  # of an object that is alone, as SceneConfig counts sizes


@dataclass(frozen=True)
class SceneConfig:
    """What scenes look like. Sizes are square roots of box areas, as shares of the shorter side.

    `classes` may name one twice, which makes it likelier. Probabilities: `cut` per object to
    cross the picture's edge; `dusk` to `blur` per scene.
    """

    classes: tuple[str, ...] = CLASSES
    places: tuple[str, ...] = PLACES
    min_objects: int = 1
    max_objects: int = 10
    min_size: float = 0.07
    max_size: float = 0.70
    arranged: float = 0.6  # things stand where they belong, else anywhere
    cut: float = 0.12
    turn: float = 0.12  # standard deviation of the rotation, radians
    dusk: float = 0.18
    night: float = 0.16
    rain: float = 0.12
    snow: float = 0.12
    clutter: float = 0.75
    noise: float = 0.6
    max_noise: float = 7.0  # grey levels
    blur: float = 0.15
    max_gain: float = 0.18  # exposure varies by this share

    def __post_init__(self):
        unknown = sorted({*self.classes} - {*CLASSES})
        if unknown or not self.classes:
            raise ValueError(f"SceneConfig.classes must be some of {CLASSES}, got {self.classes}.")
        if {*self.places} - {*PLACES} or not self.places:
            raise ValueError(f"SceneConfig.places must be some of {PLACES}, got {self.places}.")
        if not 0 < self.min_size <= self.max_size <= 1:
            raise ValueError(
                f"SceneConfig needs 0 < min_size <= max_size <= 1, "
                f"got {self.min_size} and {self.max_size}."
            )
        if not 1 <= self.min_objects <= self.max_objects <= 255:
            raise ValueError(
                f"SceneConfig needs 1 <= min_objects <= max_objects <= 255, "
                f"got {self.min_objects} and {self.max_objects}."
            )


# The distribution every published figure refers to. Training has started: neither these values
# nor anything that alters the picture of a given seed may change any more.
EVALUATION = SceneConfig()
TRAINING = SceneConfig(
    min_size=0.05, max_size=0.90, arranged=0.5, turn=0.14, cut=0.15, max_gain=0.22
)


@dataclass(frozen=True)
class Scene:
    """A picture and what is to be found on it.

    A box is the exact bounds of the whole drawn silhouette, as if nothing stood in front of it,
    clipped to the picture; a mask is what can be seen. Objects follow the order of painting.
    """

    image: np.ndarray  # [height width rgb] uint8
    boxes_cxcywh: np.ndarray  # [object cxcywh] float32, normalised to the image
    labels: np.ndarray  # [object] int64, indices of CLASSES
    masks: np.ndarray  # [object height width] bool


@dataclass(frozen=True)
class _Actor:
    """One placed object; place and size in shares of the shorter side."""

    label: int
    drawing: Placed
    scale: float
    left: float
    top: float
    rests: bool

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        width, height = self.drawing.size_xy
        return (self.left, self.top, self.left + width * self.scale, self.top + height * self.scale)


def render(
    rng: np.random.Generator, size_hw: tuple[int, int], config: SceneConfig = EVALUATION
) -> Scene:
    """A scene of `size_hw` pixels; the same generator state gives the same scene at any scale.

    Raises ValueError if a side is below 16 pixels.
    """
    height, width = size_hw
    if min(height, width) < 16:
        raise ValueError(f"size_hw must be at least 16 pixels on each side, got {size_hw}.")
    canvas = np.empty((height * SUPERSAMPLING, width * SUPERSAMPLING, 3), np.uint8)
    numbers = np.zeros(canvas.shape[:2], np.uint8)
    place = config.places[int(rng.random() * len(config.places))]
    hour, wet = rng.random(), rng.random()
    time = NIGHT if hour < config.night else DUSK if hour < config.night + config.dusk else DAY
    snowy = wet < config.snow
    backdrop = paint_backdrop(canvas, rng, place, time, snowy, config.clutter)
    stage = Stage(canvas, backdrop.light)
    actors = _cast(rng, config, backdrop, (height / stage.unit, width / stage.unit))
    for number, actor in enumerate(actors, start=1):
        if actor.rests:
            _contact_shadow(stage, actor)
        offset = actor.left * stage.unit, actor.top * stage.unit
        actor.drawing.paint(
            canvas, numbers, number, offset, actor.scale * stage.unit, backdrop.light
        )
    if snowy:
        snow(stage, rng)
    elif wet < config.snow + config.rain:
        rain(stage, rng)
    image = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    numbers = cv2.resize(numbers, (width, height), interpolation=cv2.INTER_NEAREST)
    image = _photograph(image, rng, config)
    scene = _annotate(image, numbers, actors, stage.unit)
    return scene if len(scene.labels) else render(rng, size_hw, config)


def render_many(
    seed: int, count: int, size_hw: tuple[int, int], config: SceneConfig = EVALUATION
) -> Iterator[Scene]:
    """Scenes 0 .. count - 1; scene i depends on `seed` and i alone."""
    for index in range(count):
        yield render(scene_generator(seed, index), size_hw, config)


def scene_generator(seed: int, index: int) -> np.random.Generator:
    """The generator of scene `index` of a series, so that any part can be rendered anywhere."""
    return np.random.default_rng(np.random.SeedSequence([seed, index]))


def render_single(
    rng: np.random.Generator,
    size_hw: tuple[int, int],
    config: SceneConfig = EVALUATION,
    sizes: tuple[float, float] = SINGLE_SIZES,
) -> Scene:
    """A scene with exactly one object, whole and of a size within `sizes`, for classification."""
    values = vars(config) | {
        "min_objects": 1,
        "max_objects": 1,
        "min_size": sizes[0],
        "max_size": sizes[1],
        "cut": 0.0,
    }
    return render(rng, size_hw, SceneConfig(**values))


def _cast(
    rng: np.random.Generator, config: SceneConfig, backdrop: Backdrop, size_hw: tuple[float, float]
) -> list[_Actor]:
    """Objects with their places, in the order in which they are painted."""
    arranged = rng.random() < config.arranged
    count = int(rng.integers(config.min_objects, config.max_objects + 1))
    sizes = np.exp(rng.uniform(np.log(config.min_size), np.log(config.max_size), count))
    actors: list[_Actor] = []
    for size in np.sort(sizes)[::-1].tolist():
        name = config.classes[int(rng.random() * len(config.classes))]
        if arranged and backdrop.place != SEA and name in WATER_DWELLERS and rng.random() < 0.5:
            name = config.classes[int(rng.random() * len(config.classes))]
        turn = float(rng.normal()) * config.turn * (0.5 if arranged else 1.0)
        placed = DRAW[name](rng).place(turn, rng.random() < 0.5, rng.uniform(0.9, 1.1))
        wide, tall = placed.size_xy
        scale = min(size / np.sqrt(wide * tall), 0.97 * size_hw[1] / wide, 0.97 * size_hw[0] / tall)
        home = _home(name, backdrop) if arranged else None
        for _ in range(10):
            left, top = _spot(rng, config, size_hw, (wide * scale, tall * scale), home)
            rests = arranged and name not in SKY_DWELLERS | WATER_DWELLERS
            actor = _Actor(CLASSES.index(name), placed, scale, left, top, rests)
            if all(_overlap(actor.xyxy, other.xyxy) < MAX_OVERLAP for other in actors):
                actors.append(actor)
                break
    if arranged:
        actors.sort(key=lambda actor: (actor.rests, actor.xyxy[3]))
    return actors


def _home(name: str, backdrop: Backdrop) -> tuple[float, float] | None:
    """Between which shares of the height the lower edge of such a thing belongs, None: anywhere."""
    if name in SKY_DWELLERS:
        return 0.05, backdrop.horizon
    if name in WATER_DWELLERS:
        if backdrop.place == SEA:
            return backdrop.horizon + 0.02, backdrop.shore
        return None
    return backdrop.shore + 0.03, 0.99


def _spot(
    rng: np.random.Generator,
    config: SceneConfig,
    size_hw: tuple[float, float],
    own_xy: tuple[float, float],
    home: tuple[float, float] | None,
) -> tuple[float, float]:
    """Left and top of a box of size `own_xy`; all lengths in shares of the shorter side."""
    height, width = size_hw
    wide, tall = own_xy
    out = 0.4 if rng.random() < config.cut else 0.0
    left = rng.uniform(-out * wide, width - (1 - out) * wide)
    low, high = (
        (tall - out * tall, height + out * tall)
        if home is None
        else (home[0] * height, home[1] * height + out * tall * 0.6)
    )
    bottom = rng.uniform(low, max(high, low))
    if not out:
        bottom = min(max(bottom, tall), height)
    return left, max(bottom, tall * 0.6) - tall


def _overlap(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    """Share of the smaller box that lies in the other one."""
    wide = min(first[2], second[2]) - max(first[0], second[0])
    tall = min(first[3], second[3]) - max(first[1], second[1])
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in (first, second)]
    return max(wide, 0.0) * max(tall, 0.0) / min(areas)


def _contact_shadow(stage: Stage, actor: _Actor) -> None:
    left, _, right, bottom = actor.xyxy
    shadow = ellipse(
        (left + right) / 2, bottom - 0.004, (right - left) * 0.46, min((right - left) * 0.07, 0.03)
    )
    stage.soft([shadow * stage.unit], stage.light.on((30, 30, 60)), 0.25)


def _photograph(image: np.ndarray, rng: np.random.Generator, config: SceneConfig) -> np.ndarray:
    noise = rng.uniform(0.5, 1) * config.max_noise if rng.random() < config.noise else 0.0
    blur = rng.uniform(0.3, 0.8) if rng.random() < config.blur else 0.0
    return expose(image, rng, noise, 1 + rng.uniform(-1, 1) * config.max_gain, blur)


def _annotate(
    image: np.ndarray, numbers: np.ndarray, actors: list[_Actor], unit_px: float
) -> Scene:
    """Boxes, labels and masks of the objects that can be seen well enough."""
    height, width = image.shape[:2]
    seen_px = np.bincount(numbers.ravel(), minlength=len(actors) + 1)
    kept, boxes = [], []
    for number, actor in enumerate(actors, start=1):
        left, top, right, bottom = (edge * unit_px for edge in actor.xyxy)
        left, right = max(left, 0.0), min(right, float(width))
        top, bottom = max(top, 0.0), min(bottom, float(height))
        if seen_px[number] >= MIN_VISIBLE * (right - left) * (bottom - top):
            kept.append(number)
            boxes.append(
                (
                    (left + right) / 2 / width,
                    (top + bottom) / 2 / height,
                    (right - left) / width,
                    (bottom - top) / height,
                )
            )
    return Scene(
        image=image,
        boxes_cxcywh=np.array(boxes, np.float32).reshape(-1, 4),
        labels=np.array([actors[number - 1].label for number in kept], np.int64),
        masks=numbers[None] == np.array(kept, np.uint8)[:, None, None],
    )
