"""A small residual trunk with GroupNorm, for detectors trained from scratch on a CPU."""

import torch.nn.functional as F
from torch import Tensor, nn

from deformviz.models.group_norm import GroupNorm

NORM_GROUPS = 8


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut, normalised by groups of channels."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = GroupNorm(NORM_GROUPS, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = GroupNorm(NORM_GROUPS, outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                GroupNorm(NORM_GROUPS, outputs),
            )

    def forward(self, features: Tensor) -> Tensor:
        kept = features if self.downsample is None else self.downsample(features)
        inner = F.relu(self.norm1(self.conv1(features)), inplace=True)
        return F.relu(self.norm2(self.conv2(inner)).add_(kept), inplace=True)


class CompactBackbone(nn.Module):
    """Stem of stride 2 and four stages of stride 2 each; stages 2 to 4 have strides 8, 16, 32."""

    def __init__(
        self,
        stages: tuple[int, ...],
        channels: tuple[int, ...] = (16, 32, 64, 96, 128),
        blocks: tuple[int, ...] = (1, 2, 2, 1),
    ):
        """
        Args:
            stages: which of the stages 1 to 4 to return, in rising order.
            channels: of the stem and of each stage, multiples of 8.
            blocks: residual blocks per stage.
        """
        super().__init__()
        self.stages = stages
        self.conv1 = nn.Conv2d(3, channels[0], 5, 2, 2, bias=False)
        self.norm1 = GroupNorm(NORM_GROUPS, channels[0])
        for stage, count in enumerate(blocks, start=1):
            inputs, outputs = channels[stage - 1], channels[stage]
            first = ResidualBlock(inputs, outputs, stride=2)
            rest = [ResidualBlock(outputs, outputs, stride=1) for _ in range(count - 1)]
            self.add_module(f"layer{stage}", nn.Sequential(first, *rest))
        self.out_channels = tuple(channels[stage] for stage in stages)

    def forward(self, images: Tensor) -> list[Tensor]:
        """[batch 3 height width] -> one [batch channel height width] per stage asked for."""
        features = F.relu(self.norm1(self.conv1(images)), inplace=True)
        maps = []
        for stage in range(1, max(self.stages) + 1):
            features = getattr(self, f"layer{stage}")(features)
            if stage in self.stages:
                maps.append(features)
        return maps
