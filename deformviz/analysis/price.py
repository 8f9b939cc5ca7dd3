"""What one picture will cost a model, from its configuration, before anything is computed.

The estimate counts what dominates: maps of the backbone, tokens of the encoder, and the record of
every layer that is traced. It is meant to tell 200 MB from 20 GB, not to replace a measurement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deformviz.models.preprocess import resized_size

BYTES = 4  # of a number
STRIDES = (8, 16, 32, 64, 128, 256)  # of a detector's levels, finest first
MAPS_AT_ONCE = 6  # of a backbone, or of a token's channels, that are alive together
MULTIPLY_ADDS_PER_S = 1.5e10  # of one slow core


@dataclass(frozen=True)
class Price:
    """What a run takes, roughly."""

    input_hw: tuple[int, int]
    tokens: int
    memory_bytes: int
    multiply_adds: int

    @property
    def seconds(self) -> float:
        """On a slow core."""
        return self.multiply_adds / MULTIPLY_ADDS_PER_S


class TooLarge(ValueError):
    """A run would take more than it may; the message names the number that is too large."""


def price_of(config: Any, picture_hw: tuple[int, int]) -> Price:
    """The price of one picture for a model of this configuration.

    Args:
        config: of a detector or a DAT.
        picture_hw: height and width of the picture as it comes, in pixels.
    """
    if hasattr(config, "stages"):
        return _price_of_grids(config)
    height, width = resized_size(picture_hw, config)
    levels = _level_sizes(height, width, config.levels)
    tokens, channels = sum(levels), config.hidden_channels
    stem = config.backbone_width if config.backbone_stem is None else config.backbone_stem
    maps = height * width // 4 * (stem + 4 * config.backbone_width) * MAPS_AT_ONCE
    points = getattr(config, "encoder_points", 0)
    if points:
        keys = config.heads * config.levels * points
        record = tokens * keys * 5  # offsets, locations, weights
        attention = tokens * keys * channels // config.heads * 5
    else:
        record = tokens * tokens * config.heads
        attention = 2 * tokens * tokens * channels
    numbers = maps + tokens * channels * MAPS_AT_ONCE + record * config.encoder_layers
    dense = tokens * channels * (4 * channels + 2 * config.feedforward_channels)
    backbone = height * width * 20 * config.backbone_width**2 // 16
    return Price(
        (height, width),
        tokens,
        numbers * BYTES,
        backbone + config.encoder_layers * (dense + attention),
    )


def _level_sizes(height: int, width: int, count: int) -> Sequence[int]:
    strides = STRIDES[:count] if count > 1 else (32,)
    return [max(1, height // stride) * max(1, width // stride) for stride in strides]


def _price_of_grids(config: Any) -> Price:
    side, numbers, adds, tokens = config.long_side, 0, 0, 0
    for index, stage in enumerate(config.stages):
        here = (side // (config.patch << index)) ** 2
        channels = config.stem_channels << index
        tokens += here
        numbers += here * channels * MAPS_AT_ONCE
        blocks = len(stage.blocks)
        numbers += here * here // 4 * blocks
        adds += blocks * here * channels * (12 * channels + here // 4)
    return Price((side, side), tokens, numbers * BYTES, adds)


def check(price: Price, *, memory_bytes: float, seconds: float) -> None:
    """Refuse a run that would take more than it may.

    Raises:
        TooLarge: names what is too large, and what is allowed.
    """
    height, width = price.input_hw
    what = f"At {height} × {width} pixels this model has {price.tokens:,} tokens"
    if price.memory_bytes > memory_bytes:
        raise TooLarge(
            f"{what} and needs about {price.memory_bytes / 2**30:.1f} GiB; a run may take "
            f"{memory_bytes / 2**30:.3g} GiB here. Choose a model for smaller pictures."
        )
    if price.seconds > seconds:
        raise TooLarge(
            f"{what} and computes for about {price.seconds:,.0f} s; a run may take "
            f"{seconds:.0f} s here. Choose a smaller model."
        )
