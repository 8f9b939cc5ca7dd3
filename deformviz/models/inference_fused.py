"""Convolutions and linear layers that add and activate while they compute, for inference on a CPU.

oneDNN has them; PyTorch's own compiler reaches them by the operators used here. Where a release, a
device or a precision lacks them, plain operators give the same.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

OPERATORS = ("_convolution_pointwise", "_convolution_pointwise_", "_linear_pointwise")


def fuses(features: Tensor) -> bool:
    """Whether oneDNN can take them."""
    return (
        features.device.type == "cpu"
        and features.dtype == torch.float32
        and torch.backends.mkldnn.enabled
        and all(hasattr(torch.ops.mkldnn, name) for name in OPERATORS)
    )


def convolve(convolution: nn.Conv2d, features: Tensor, activation: str = "relu") -> Tensor:
    """The convolution, then the activation ("relu" or "none")."""
    if fuses(features):
        return torch.ops.mkldnn._convolution_pointwise(
            features, *_arguments(convolution), activation, [], ""
        )
    convolved = nn.Conv2d.forward(convolution, features)  # of any kind
    return F.relu(convolved, inplace=True) if activation == "relu" else convolved


def convolve_onto(kept: Tensor, convolution: nn.Conv2d, features: Tensor) -> Tensor:
    """ReLU of the convolution added to `kept`, which is written over."""
    if fuses(features):
        return torch.ops.mkldnn._convolution_pointwise_.binary(
            kept, features, *_arguments(convolution), "add", 1.0, "relu", [], ""
        )
    return F.relu(kept.add_(convolution(features)), inplace=True)


def _arguments(convolution: nn.Conv2d) -> tuple:
    return (
        convolution.weight,
        convolution.bias,
        convolution.padding,
        convolution.stride,
        convolution.dilation,
        convolution.groups,
    )


def project(linear: nn.Linear, features: Tensor, activation: str = "none") -> Tensor:
    """The linear layer, then the activation ("relu" or "none")."""
    if fuses(features):
        return torch.ops.mkldnn._linear_pointwise(
            features, linear.weight, linear.bias, activation, [], ""
        )
    projected = nn.Linear.forward(linear, features)
    return F.relu(projected, inplace=True) if activation == "relu" else projected


def project_onto(kept: Tensor, linear: nn.Linear, features: Tensor) -> Tensor:
    """The linear layer added to `kept`."""
    if fuses(features):
        return torch.ops.mkldnn._linear_pointwise.binary(
            features, kept, linear.weight, linear.bias, "add"
        )
    return nn.Linear.forward(linear, features).add_(kept)


class LeanConv2d(nn.Conv2d):
    """A convolution by oneDNN also where PyTorch would take its own slow one."""

    def forward(self, features: Tensor) -> Tensor:
        return convolve(self, features, "none")


class LeanLinear(nn.Linear):
    """A linear layer by oneDNN, whatever library PyTorch takes its matrix products from."""

    def forward(self, features: Tensor) -> Tensor:
        return project(self, features)
