"""What one training run of the scenes detector does, as one frozen record."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from deformviz.attention.deformable import OFFSET_STARTS
from deformviz.models.detector_config import DeformableDETRConfig
from deformviz.training.matching import LossWeights
from deformviz.training.recorder import SNAPSHOTS
from deformviz.training.scenes import CLASSES


def scenes_config() -> DeformableDETRConfig:
    """The compact two-stage detector of the shipped checkpoint, about 1.2 million parameters.

    It departs from the paper in named options, all off by default in the config: learned content
    queries, position frequencies in octaves, larger first boxes, ranking proposals by their best
    class, and a query position made from the current box.
    """
    return DeformableDETRConfig(
        backbone="compact",
        hidden_channels=64,
        heads=8,
        levels=4,
        encoder_layers=2,
        decoder_layers=3,
        encoder_points=4,
        decoder_points=4,
        feedforward_channels=192,
        queries=30,
        classes=len(CLASSES),
        class_names=CLASSES,
        dropout=0.0,
        refine=True,
        two_stage=True,
        content_queries="learned",
        position_frequencies="octaves",
        proposal_base_size=0.06,
        proposal_score="max_class",
        query_position="mlp",
        projection_groups=8,
        image_mean=(0.5, 0.5, 0.5),
        image_std=(0.5, 0.5, 0.5),
        short_side=None,
        long_side=256,
    )


@dataclass(frozen=True)
class DetectorRecipe:
    """How the detector is trained. Same recipe, same seed, same machine: same weights."""

    model: DeformableDETRConfig = field(default_factory=scenes_config)
    iterations: int = 8_000
    seed: int = 0
    learning_rate: float = 1e-3
    offset_learning_rate: float = 1.0  # factor for `sampling_offsets`; the paper's is 0.1
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    warmup: int = 300  # iterations
    constant_share: float = 0.6  # then cosine down to `last_rate`
    last_rate: float = 0.02
    average_decay: float = 0.999  # exponential moving average of the weights
    loss: LossWeights = LossWeights()
    dense_per_object: int = 3  # encoder tokens per object, 0 = no dense loss
    pixels_per_batch: int = 320_000
    most_images: int = 16
    sides_px: tuple[tuple[int, int], tuple[int, int]] = ((112, 192), (160, 288))
    growth_share: float = 0.6  # sides grow from the first range to the second
    square_share: float = 0.5  # other pictures have a ratio of 1:2 to 2:1
    snapshots: tuple[int, ...] = SNAPSHOTS
    offset_start: str = "star"  # the paper's; "zero" or "random" to compare with

    def __post_init__(self):
        if self.offset_start not in OFFSET_STARTS:
            raise ValueError(
                f"offset_start is {self.offset_start!r}; it must be one of "
                f"{', '.join(OFFSET_STARTS)}."
            )
        for name in ("iterations", "warmup", "most_images", "pixels_per_batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1.")

    def rate(self, iteration: int) -> float:
        """Learning rate of an iteration, as a factor of `learning_rate`."""
        done = iteration / self.iterations
        warm = min(1.0, (iteration + 1) / self.warmup)
        if done < self.constant_share:
            return warm
        fall = (done - self.constant_share) / (1 - self.constant_share)
        return warm * max(self.last_rate, 0.5 * (1 + math.cos(math.pi * fall)))

    def side_range_px(self, iteration: int) -> tuple[int, int]:
        """Shortest and longest allowed long side of the pictures of an iteration."""
        grown = min(1.0, iteration / (self.growth_share * self.iterations))
        (low, high), (last_low, last_high) = self.sides_px
        return round(low + grown * (last_low - low)), round(high + grown * (last_high - high))

    def images_per_batch(self, height: int, width: int) -> int:
        """How many pictures of a size make one batch."""
        return min(self.most_images, max(1, round(self.pixels_per_batch / (height * width))))

    def snapshot_iterations(self) -> tuple[int, ...]:
        """When raw weights are kept: the schedule up to the end, and the end."""
        early = (i for i in self.snapshots if i < self.iterations)
        return (*early, self.iterations)

    def to_dict(self) -> dict:
        """Plain values for a run folder's `run.json`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "DetectorRecipe":
        """The inverse of `to_dict`, also after JSON; what is not named keeps its default.

        Raises:
            ValueError: a name a recipe does not have, or a value it cannot take.
        """
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"The recipe has unknown entries: {', '.join(unknown)}.")
        given = dict(values)
        try:
            if "model" in given:
                given["model"] = DeformableDETRConfig.from_dict(given["model"])
            if "loss" in given:
                given["loss"] = LossWeights(**given["loss"])
            if "sides_px" in given:
                given["sides_px"] = tuple(tuple(pair) for pair in given["sides_px"])
            if "snapshots" in given:
                given["snapshots"] = tuple(given["snapshots"])
            return cls(**given)
        except TypeError as problem:
            raise ValueError(f"The recipe cannot be read: {problem}.") from None


def read_recipe(path: str | Path) -> DetectorRecipe:
    """A recipe from a JSON file, which names only what differs from the default.

    Raises ValueError if it is no JSON, or not of a recipe.
    """
    try:
        values = json.loads(Path(path).read_text())
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise ValueError(f"{Path(path).name} holds no recipe: it is not a JSON object.")
    model = values.get("model")
    if isinstance(model, dict):
        values["model"] = scenes_config().to_dict() | model
    return DetectorRecipe.from_dict(values)
