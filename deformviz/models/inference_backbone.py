"""A ResNet for inference: frozen norms folded into the convolutions, activations in place."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deformviz.models.inference_fused import convolve, convolve_onto
from deformviz.models.resnet import EPSILON, BasicBlock, Bottleneck, FrozenBatchNorm2d, ResNet


def folded(convolution: nn.Conv2d, norm: FrozenBatchNorm2d) -> nn.Conv2d:
    """One convolution with a bias that does what the two did.

    The product is taken in double precision, so that folding rounds once.
    """
    scale = norm.weight.double() * (norm.running_var.double() + EPSILON).rsqrt()
    shift = norm.bias.double() - norm.running_mean.double() * scale
    like = convolution.weight
    weight = (like.double() * scale[:, None, None, None]).to(like.dtype)
    with torch.device("meta"):
        sizes: Any = (
            convolution.kernel_size,
            convolution.stride,
            convolution.padding,
            convolution.dilation,
        )
        one = nn.Conv2d(convolution.in_channels, convolution.out_channels, *sizes)
    one.weight = nn.Parameter(
        weight.detach().contiguous(memory_format=torch.channels_last), requires_grad=False
    )
    one.bias = nn.Parameter(shift.detach().to(like.dtype), requires_grad=False)
    return one.eval()


class FoldedBlock(nn.Module):
    """A residual block of any kind: convolutions with an activation after each but the last.

    It writes over what it reads, unless it has a projection of it: what the first block of a stage
    reads may be a map that the trunk hands out, and such a block has one.
    """

    def __init__(self, block: BasicBlock | Bottleneck):
        super().__init__()
        count = 3 if isinstance(block, Bottleneck) else 2
        pairs = [
            (getattr(block, f"conv{i}"), getattr(block, f"bn{i}")) for i in range(1, count + 1)
        ]
        self.inner = nn.ModuleList(folded(*pair) for pair in pairs[:-1])
        self.last = folded(*pairs[-1])
        projection: Any = block.downsample  # a convolution and its norm, where there is one
        self.downsample = None if projection is None else folded(*projection)
        self.eval()

    def forward(self, features: Tensor) -> Tensor:
        kept = features
        if self.downsample is not None:
            kept = convolve(self.downsample, features, "none")
        inner: Any = self.inner
        for convolution in inner:
            features = convolve(convolution, features)
        return convolve_onto(kept, self.last, features)


class LeanResNet(ResNet):
    """A ResNet whose blocks and stem are folded."""

    def stem(self, images: Tensor) -> Tensor:
        """As `ResNet`."""
        images = images.contiguous(memory_format=torch.channels_last)
        return F.max_pool2d(convolve(self.conv1, images), 3, 2, 1)
