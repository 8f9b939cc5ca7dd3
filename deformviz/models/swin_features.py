"""A Swin backbone on its own, as files of backbones hold it: pictures in, feature maps out."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from torch import Tensor

from deformviz.attention.window import relative_position_index
from deformviz.models.padding import pad_images
from deformviz.models.plain_values import to_fields
from deformviz.models.swin_backbone import SwinBackbone, SwinShape
from deformviz.schema import LocalTrace

MOST_BLOCKS, MOST_CHANNELS = 100, 4096


@dataclass(frozen=True)
class SwinFeaturesConfig:
    """Sizes of a Swin without a head.

    Raises:
        ValueError: sizes that contradict each other.
    """

    channels: int = 96
    depths: tuple[int, ...] = (2, 2, 6, 2)
    heads: tuple[int, ...] = (3, 6, 12, 24)
    window: int = 7
    mlp_ratio: float = 4.0
    patch: int = 4
    stages: tuple[int, ...] = (1, 2, 3, 4)  # whose maps come out
    image_mean: tuple[float, ...] = (0.485, 0.456, 0.406)  # RGB, of values from 0 to 1
    image_std: tuple[float, ...] = (0.229, 0.224, 0.225)
    short_side: int | None = 800  # px
    long_side: int = 1333  # px

    def __post_init__(self):
        if len(self.depths) != 4 or len(self.heads) != 4:
            raise ValueError("depths and heads need 4 numbers each, one per stage.")
        small = min(self.channels, self.window, self.patch, *self.depths, *self.heads)
        if small < 1 or max(self.depths) > MOST_BLOCKS or self.channels > MOST_CHANNELS:
            raise ValueError(
                f"A Swin has 1 to {MOST_BLOCKS} blocks per stage and up to {MOST_CHANNELS} "
                f"channels; got depths={self.depths} and channels={self.channels}."
            )
        if any((self.channels << i) % heads for i, heads in enumerate(self.heads)):
            raise ValueError(f"channels {self.channels} do not divide among {self.heads} heads.")

    @property
    def variant(self) -> str:
        return f"window {self.window}, depths {'-'.join(map(str, self.depths))}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`, also after JSON has turned tuples into lists."""
        return cls(**to_fields(cls, values))


class SwinFeatures(SwinBackbone):
    """Feature maps and where each window looked."""

    def __init__(self, config: SwinFeaturesConfig):
        shape = SwinShape(
            config.channels,
            config.depths,
            config.heads,
            config.window,
            config.mlp_ratio,
            config.patch,
        )
        super().__init__(shape, config.stages)
        self.config = config

    def forward(
        self, images: Tensor | Sequence[Tensor]
    ) -> tuple[list[Tensor], dict[str, LocalTrace]]:
        """Maps [batch channel height width], one per stage, and a trace per block.

        images: [batch 3 height width], or a list of [3 height width] of any sizes, padded.
        """
        batch = images if isinstance(images, Tensor) else pad_images(images)[0]
        return self.traced(batch)


def computed_buffers(config: SwinFeaturesConfig) -> dict[str, Tensor]:
    """By key, what every block computes from its window."""
    index = relative_position_index((config.window, config.window))
    return {
        f"layers.{stage}.blocks.{block}.attn.relative_position_index": index
        for stage, depth in enumerate(config.depths)
        for block in range(depth)
    }
