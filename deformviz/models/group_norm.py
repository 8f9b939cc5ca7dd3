"""GroupNorm for feature maps of any size."""

import torch
from torch import Tensor, nn


class GroupNorm(nn.GroupNorm):
    """`torch.nn.GroupNorm` without its refusal of a single image whose map is one pixel.

    There a group has no spread over space, but it has over its channels, and a detector must not
    fail because a picture is small.
    """

    def forward(self, features: Tensor) -> Tensor:
        return torch.group_norm(features, self.num_groups, self.weight, self.bias, self.eps)
