"""What weights look like, as records of plain numbers: read without torch."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from deformviz.axes import axes, check_axes, record


@record
class OffsetStar:
    """Where a layer samples before it has seen a query: the bias of `sampling_offsets`.

    Feature pixels of each level where references are points; where they are boxes, half the box's
    side over `point`.
    """

    trained: np.ndarray = axes("head level point xy")
    initial: np.ndarray = axes("head level point xy")
    per_box: bool
    query_share: float  # root mean square of the learned offset rows against that of the bias

    def __post_init__(self):
        check_axes(self, unbatched=("trained", "initial"))

    @property
    def moved(self) -> np.ndarray:
        """Distance of every point from where it started [head level point]."""
        return np.linalg.norm(self.trained - self.initial, axis=-1)


@dataclass(frozen=True)
class TensorStatistics:
    """One tensor of weights in a few numbers."""

    name: str
    kind: str  # "linear", "convolution", "norm", "embedding" or "other"
    shape: tuple[int, ...]
    count: int
    mean: float
    deviation: float
    smallest: float
    largest: float
    near_zero: float  # share below NEAR_ZERO of the largest magnitude

    @property
    def rms(self) -> float:
        return (self.mean**2 + self.deviation**2) ** 0.5


@dataclass(frozen=True)
class HeadLikeness:
    """How alike the heads of one layer are: cosines, 1 = the same up to scale."""

    passes_on: np.ndarray  # [head head]: of the maps W_m W'_m from x to output
    looks: np.ndarray | None  # [head head]: of the offset stars; None without one

    @property
    def most_alike(self) -> tuple[int, int, float]:
        """The pair of heads that pass on the most similar things, and their cosine."""
        likeness = self.passes_on - 2 * np.eye(len(self.passes_on))
        first, second = np.unravel_index(likeness.argmax(), likeness.shape)
        return int(min(first, second)), int(max(first, second)), float(likeness.max())


@dataclass(frozen=True)
class LayerDifference:
    """How two versions of one layer differ."""

    layer: str
    parameters: int
    relative: float  # |b - a| / |a|, over all its numbers
    cosine: float  # of a and b as vectors
    largest: float  # change of a single number


@dataclass(frozen=True)
class Comparison:
    """Everything that tells two models apart."""

    settings: tuple[tuple[str, Any, Any], ...]  # of their configurations, where they differ
    layers: tuple[LayerDifference, ...]
    only_first: tuple[str, ...]  # keys, and those whose shapes differ
    only_second: tuple[str, ...]
    other_shape: tuple[str, ...]

    @property
    def relative(self) -> float:
        """The largest relative difference of any layer; 0 for equal weights."""
        return max((layer.relative for layer in self.layers), default=0.0)
