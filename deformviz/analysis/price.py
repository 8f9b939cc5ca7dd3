"""What one picture will cost a model, from its configuration, before anything is computed.

The estimate counts what dominates: maps of the backbone, tokens of the encoder, and the record of
every layer that is traced. It is meant to tell 200 MB from 20 GB, not to replace a measurement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from deformviz.analysis.attribution_records import (
    MOST_AT_ONCE,
    NUMBERS_AT_ONCE,
    PIECE_STEPS,
    QUANTITIES,
)
from deformviz.models.preprocess import resized_size

BYTES = 4  # of a number
STRIDES = (8, 16, 32, 64, 128, 256)  # of a detector's levels, finest first
MAPS_AT_ONCE = 6  # of a backbone, or of a token's channels, that are alive together
MULTIPLY_ADDS_PER_S = 1.5e10  # of one slow core
COLOURS = 3
MOST_NUMBERS = 2**62
PASSES_OF_CURVES = 454  # of a layer: by its six attributions, by weight and at random, both ways
PASSES_OF_PIXELS = 237  # fifteen squares across and down, and a map of every level


@dataclass(frozen=True)
class Price:
    """What a run takes, roughly."""

    input_hw: tuple[int, int]
    tokens: int
    memory_bytes: int
    multiply_adds: int
    # Part that can be studied -> multiply-adds from it on, and numbers that go into a layer of it.
    behind: Mapping[str, int] = field(default_factory=dict)
    inputs: Mapping[str, int] = field(default_factory=dict)

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
    encoder = config.encoder_layers * (dense + attention)
    decoder = config.decoder_layers * _decoder_layer(config, tokens)
    return Price(
        (height, width),
        tokens,
        numbers * BYTES,
        backbone + encoder + decoder,
        {"decoder": decoder, "encoder": encoder + decoder},
        {
            "decoder": config.queries * config.heads * config.levels * max(1, points),
            "encoder": tokens * config.heads * config.levels * max(1, points),
        },
    )


def _decoder_layer(config: Any, tokens: int) -> int:
    """Multiply-adds of one decoder layer: its queries, and the values of all tokens."""
    queries, channels = config.queries, config.hidden_channels
    of_queries = queries * channels * (8 * channels + 2 * config.feedforward_channels + 2 * queries)
    return of_queries + tokens * channels * channels


def _level_sizes(height: int, width: int, count: int) -> Sequence[int]:
    strides = STRIDES[:count] if count > 1 else (32,)
    return [max(1, height // stride) * max(1, width // stride) for stride in strides]


def _price_of_grids(config: Any) -> Price:
    side, numbers, adds, tokens, smallest = config.long_side, 0, 0, 0, MOST_NUMBERS
    for index, stage in enumerate(config.stages):
        here = (side // (config.patch << index)) ** 2
        channels = config.stem_channels << index
        tokens += here
        numbers += here * channels * MAPS_AT_ONCE
        blocks = len(stage.blocks)
        numbers += here * here // 4 * blocks
        smallest = min(smallest, here * here // 4)
        adds += blocks * here * channels * (12 * channels + here // 4)
    return Price(
        (side, side), tokens, numbers * BYTES, adds, {"stages": adds}, {"stages": smallest}
    )


def times(price: Price, passes: int) -> Price:
    """The same picture several times over, one after the other: a replay."""
    return replace(price, multiply_adds=passes * price.multiply_adds)


def price_of_study(price: Price, *, part: str, layers: int) -> Price:
    """The least that tracing one number back will cost, from the price of one pass.

    A path ends as soon as it adds up; how many steps that takes, only the model can tell.

    Args:
        part: of the model, behind which it is run again; for pixels all of it is.
        layers: of that part; pixels count as one.
    """
    back_and_forth = 3 * (PIECE_STEPS + 1)  # of a path's first piece, and of gradient x input
    if part in price.behind:
        behind, numbers = price.behind[part], max(price.inputs[part], NUMBERS_AT_ONCE)
        passes = layers * (len(QUANTITIES) * back_and_forth + PASSES_OF_CURVES)
        memory = numbers * MAPS_AT_ONCE * layers * BYTES
    else:
        behind, passes = price.multiply_adds, back_and_forth + PASSES_OF_PIXELS
        at_once = NUMBERS_AT_ONCE // (COLOURS * price.input_hw[0] * price.input_hw[1])
        memory = price.memory_bytes * max(1, min(MOST_AT_ONCE, at_once))
    return replace(price, multiply_adds=passes * behind, memory_bytes=price.memory_bytes + memory)


def check(price: Price, *, memory_bytes: float, seconds: float, what: str = "a run") -> None:
    """Refuse a run that would take more than it may.

    Args:
        what: the sentence calls it: "a run", "a study", "a replay".

    Raises:
        TooLarge: names what is too large, and what is allowed.
    """
    height, width = price.input_hw
    at_least = "at least " if what == "a study" else ""
    here = f"At {height} × {width} pixels this model has {price.tokens:,} tokens"
    if price.memory_bytes > memory_bytes:
        raise TooLarge(
            f"{here} and needs about {price.memory_bytes / 2**30:.1f} GiB; {what} may take "
            f"{memory_bytes / 2**30:.3g} GiB here. Choose a model for smaller pictures."
        )
    if price.seconds > seconds:
        raise TooLarge(
            f"{here} and computes for {at_least}about {price.seconds:,.0f} s; {what} may take "
            f"{seconds:.0f} s here. Choose a smaller model."
        )
