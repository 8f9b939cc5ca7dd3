"""ResNet with frozen batch norm, under the parameter names of torchvision."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Blocks per stage, and whether a block is a bottleneck (1x1, 3x3, 1x1) or basic (3x3, 3x3).
TOPOLOGIES = {
    "resnet18": ((2, 2, 2, 2), False),
    "resnet34": ((3, 4, 6, 3), False),
    "resnet50": ((3, 4, 6, 3), True),
    "resnet101": ((3, 4, 23, 3), True),
}
EPSILON = 1e-5


class FrozenBatchNorm2d(nn.Module):
    """Batch norm whose statistics and affine are buffers: it never learns.

    Source: DETR (arXiv 2005.12872) A.4; epsilon 1e-5 is added before the square root.
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int):
        super().__init__()
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, features: Tensor) -> Tensor:
        scale = self.weight * (self.running_var + EPSILON).rsqrt()
        shift = self.bias - self.running_mean * scale
        return features * scale[:, None, None] + shift[:, None, None]


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1):
    """A convolution without bias that keeps the size, up to its stride."""
    padding = dilation * (kernel // 2)
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False)


def shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    """The projection a residual block needs when its input has another shape than its output."""
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(convolution(inputs, outputs, 1, stride), FrozenBatchNorm2d(outputs))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut (ResNet-18 and 34)."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int, dilation: int):
        super().__init__()
        self.conv1 = convolution(inputs, width, 3, stride, dilation)
        self.bn1 = FrozenBatchNorm2d(width)
        self.conv2 = convolution(width, width, 3, 1, dilation)
        self.bn2 = FrozenBatchNorm2d(width)
        self.downsample = shortcut(inputs, width, stride)

    def forward(self, features: Tensor) -> Tensor:
        kept = features if self.downsample is None else self.downsample(features)
        inner = F.relu(self.bn1(self.conv1(features)))
        return F.relu(self.bn2(self.conv2(inner)) + kept)


class Bottleneck(nn.Module):
    """1x1, 3x3 (with the stride), 1x1 around a shortcut (ResNet-50 and 101)."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, dilation: int):
        super().__init__()
        outputs = width * self.expansion
        self.conv1 = convolution(inputs, width, 1)
        self.bn1 = FrozenBatchNorm2d(width)
        self.conv2 = convolution(width, width, 3, stride, dilation)
        self.bn2 = FrozenBatchNorm2d(width)
        self.conv3 = convolution(width, outputs, 1)
        self.bn3 = FrozenBatchNorm2d(outputs)
        self.downsample = shortcut(inputs, outputs, stride)

    def forward(self, features: Tensor) -> Tensor:
        kept = features if self.downsample is None else self.downsample(features)
        inner = F.relu(self.bn1(self.conv1(features)))
        inner = F.relu(self.bn2(self.conv2(inner)))
        return F.relu(self.bn3(self.conv3(inner)) + kept)


class ResNet(nn.Module):
    """The convolutional trunk; returns the feature maps of the stages asked for."""

    def __init__(
        self,
        blocks: tuple[int, ...],
        bottleneck: bool,
        stages: tuple[int, ...],
        width: int = 64,
        stem: int | None = None,
        dilation: bool = False,
    ):
        """
        Args:
            blocks, bottleneck: blocks per stage and their kind, see `TOPOLOGIES`.
            stages: which of the stages 1 to 4 to return, in rising order.
            width: inner channels of the first stage, doubled by each next; 64 as published.
            stem: channels of the first convolution; `width` as published.
            dilation: DC5: the last stage keeps its resolution and dilates instead.
        """
        super().__init__()
        block = Bottleneck if bottleneck else BasicBlock
        self.stages = stages
        inputs = stem or width
        self.conv1 = nn.Conv2d(3, inputs, 7, 2, 3, bias=False)
        self.bn1 = FrozenBatchNorm2d(inputs)
        for stage, count in enumerate(blocks, start=1):
            dilated = dilation and stage == 4
            layers = []
            for index in range(count):
                stride = 2 if stage > 1 and index == 0 and not dilated else 1
                # The first block of DC5's last stage replaces its stride only: it stays undilated.
                rate = 2 if dilated and index > 0 else 1
                layers.append(block(inputs, width * 2 ** (stage - 1), stride, rate))
                inputs = width * 2 ** (stage - 1) * block.expansion
            self.add_module(f"layer{stage}", nn.Sequential(*layers))
        for frozen in (self.conv1, self.layer1):
            frozen.requires_grad_(False)  # as published: stem and first stage never train
        self.out_channels = tuple(width * 2 ** (stage - 1) * block.expansion for stage in stages)

    def stem(self, images: Tensor) -> Tensor:
        """What the first stage reads: [batch channel height/4 width/4]."""
        return F.max_pool2d(F.relu(self.bn1(self.conv1(images))), 3, 2, 1)

    def forward(self, images: Tensor) -> list[Tensor]:
        """[batch 3 height width] -> one [batch channel height width] per stage asked for."""
        features = self.stem(images)
        maps = []
        for stage in range(1, max(self.stages) + 1):
            features = getattr(self, f"layer{stage}")(features)
            if stage in self.stages:
                maps.append(features)
        return maps
