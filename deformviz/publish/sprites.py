"""The parts of rendered scenes as pictures of their own, to be put together in a browser."""

from __future__ import annotations

import io
import math

import cv2
import numpy as np
from PIL import Image

from deformviz.training.backdrops import DAY, DUSK, LIGHTS, NIGHT, PLACES, paint_backdrop
from deformviz.training.scenes import CLASSES, DRAW
from deformviz.training.vector_art import SUPERSAMPLING, Placed

STAGE_HW = (384, 512)  # px; twice what the shipped detector reads, so that things stay sharp
SPRITE_PX = 220  # longer side
MARGIN_PX = 2
VARIANTS = 2
BACKDROPS = (*((place, DAY) for place in PLACES), (PLACES[0], DUSK), (PLACES[-1], NIGHT))
JPEG_QUALITY = 88


def backdrop(place: str, time: str) -> bytes:
    """A place without things, as a JPEG of `STAGE_HW`."""
    height, width = STAGE_HW
    canvas = np.empty((height * SUPERSAMPLING, width * SUPERSAMPLING, 3), np.uint8)
    rng = np.random.default_rng([PLACES.index(place), len(time)])
    paint_backdrop(canvas, rng, place, time, snowy=False, clutter=1.0)
    image = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def sprite(name: str, variant: int) -> bytes:
    """A thing of one class by daylight, cut out, as a PNG with transparency."""
    rng = np.random.default_rng([CLASSES.index(name), variant])
    drawn = cut_out(DRAW[name](rng).place(), SPRITE_PX)
    buffer = io.BytesIO()
    Image.fromarray(drawn, "RGBA").save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def cut_out(placed: Placed, longer_px: int) -> np.ndarray:
    """A drawing as [height width rgba] uint8.

    It is painted on black and on white: what differs between the two is what shines through.
    """
    wide, tall = placed.size_xy
    scale = longer_px / max(wide, tall)
    height, width = (math.ceil(side * scale) + 2 * MARGIN_PX for side in (tall, wide))
    black, white = (_painted(placed, (height, width), scale, tone) for tone in (0, 255))
    alpha = 255 - (white - black).max(-1, keepdims=True)
    colour = black * (255 / np.maximum(alpha, 1))
    return np.concatenate([colour, alpha], -1).round().clip(0, 255).astype(np.uint8)


def _painted(placed: Placed, size_hw: tuple[int, int], scale: float, tone: int) -> np.ndarray:
    height, width = size_hw
    canvas = np.full((height * SUPERSAMPLING, width * SUPERSAMPLING, 3), tone, np.uint8)
    placed.paint(canvas, None, 0, (MARGIN_PX, MARGIN_PX), scale, LIGHTS[DAY])
    return cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
