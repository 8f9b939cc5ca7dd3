"""What one training run of the scenes detector does, as one frozen record."""

import math
from dataclasses import asdict, dataclass, field

from deformviz.models.detector_config import DeformableDETRConfig
from deformviz.training.matching import LossWeights
from deformviz.training.scenes import CLASSES

SNAPSHOTS = (0, 10, 30, 100, 178, 240, 316, 420, 562, 750, 1000, 1778, 3162, 5623, 10000, 17783,
             30000)


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
    offset_learning_rate: float = 1.0       # factor for `sampling_offsets`; the paper's is 0.1
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    warmup: int = 300                       # iterations
    constant_share: float = 0.6             # then cosine down to `last_rate`
    last_rate: float = 0.02
    average_decay: float = 0.999            # exponential moving average of the weights
    loss: LossWeights = LossWeights()
    dense_per_object: int = 3               # encoder tokens per object, 0 = no dense loss
    pixels_per_batch: int = 320_000
    most_images: int = 16
    sides_px: tuple[tuple[int, int], tuple[int, int]] = ((112, 192), (160, 288))
    growth_share: float = 0.6               # sides grow from the first range to the second
    square_share: float = 0.5               # other pictures have a ratio of 1:2 to 2:1
    snapshots: tuple[int, ...] = SNAPSHOTS

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

    def snapshot_iterations(self) -> tuple[int, ...]:
        """When raw weights are kept: the schedule up to the end, and the end."""
        early = (i for i in self.snapshots if i < self.iterations)
        return (*early, self.iterations)

    def to_dict(self) -> dict:
        """Plain values for a run folder's `run.json`."""
        return asdict(self)
