"""What comes between the objects and the eye: rain, snow, and an imperfect camera."""

from functools import lru_cache

import cv2
import numpy as np

from deformviz.training.backdrops import Stage
from deformviz.training.shapes import ellipse, polygon

_GRAIN_SIDE = 512


def rain(stage: Stage, rng: np.random.Generator) -> None:
    """Slanting streaks over everything."""
    slant, length = rng.uniform(-0.03, 0.03), rng.uniform(0.04, 0.09)
    streak = polygon((0, 0), (slant, length), (slant + 0.004, length), (0.004, 0))
    count = int(rng.integers(30, 80))
    stage.soft(
        [stage.at(streak, x, y) for x, y in rng.uniform(-0.05, 1, (count, 2)).tolist()],
        stage.light.on((225, 235, 250)),
        rng.uniform(0.3, 0.55),
    )


def snow(stage: Stage, rng: np.random.Generator) -> None:
    """Flakes of different sizes over everything."""
    count = int(rng.integers(30, 80))
    places, sizes = rng.random((count, 2)).tolist(), (0.003 + 0.008 * rng.random(count) ** 2)
    stage.soft(
        [
            stage.at(ellipse(0, 0, size), x, y)
            for (x, y), size in zip(places, sizes.tolist(), strict=True)
        ],
        (252, 253, 255),
        0.85,
    )


@lru_cache(maxsize=1)
def _grain() -> np.ndarray:
    """Fixed normal noise, two periods along each side; each picture shows another part of it."""
    grain = np.random.default_rng(7).normal(0, 1, (_GRAIN_SIDE, _GRAIN_SIDE, 3))
    return np.tile(grain.astype(np.float32), (2, 2, 1))


def _grain_from(top: int, left: int, height: int, width: int) -> np.ndarray:
    """Noise [height width rgb]; a view where one period is large enough."""
    if max(height, width) <= _GRAIN_SIDE:
        return _grain()[top : top + height, left : left + width]
    rows, columns = (top + np.arange(height)) % _GRAIN_SIDE, (left + np.arange(width)) % _GRAIN_SIDE
    return _grain().take(rows, 0).take(columns, 1)


def expose(
    image: np.ndarray, rng: np.random.Generator, noise: float, gain: float, blur: float
) -> np.ndarray:
    """The picture as a camera gives it: uint8 in, uint8 out.

    noise: standard deviation in grey levels; gain: factor; blur: standard deviation in pixels.
    """
    top, left = rng.integers(0, _GRAIN_SIDE, 2).tolist()
    if blur:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    if not noise:
        return image if gain == 1 else cv2.convertScaleAbs(image, alpha=gain)
    grain = _grain_from(top, left, *image.shape[:2])
    return cv2.addWeighted(image, gain, grain, noise, 0, dtype=cv2.CV_8U)
