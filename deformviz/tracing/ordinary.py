"""Tensors that outlive the pass that made them: ordinary ones, for gradients, pickling, NumPy."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

LOW = (torch.float16, torch.bfloat16)


def on_cpu(tensor: Tensor) -> Tensor:
    """A copy on the CPU that belongs to no graph and to no inference mode."""
    with torch.inference_mode(False):
        return tensor.detach().to("cpu", copy=True)


def readable(tensor: Tensor) -> Tensor:
    """`on_cpu`, and 16-bit numbers as float32."""
    copied = on_cpu(tensor)
    return copied.float() if copied.dtype in LOW else copied


def as_in_model(tensor: Tensor) -> Tensor:
    """A copy in the model's own dtype, on its device."""
    with torch.inference_mode(False):
        return tensor.detach().clone()


def precision_of(model: Any) -> AbstractContextManager:
    """What a model's weights need around a pass: 16-bit ones meet float32 positions by autocast."""
    parameter = next(model.parameters())
    if parameter.dtype in LOW:
        return torch.autocast(parameter.device.type, parameter.dtype)
    return nullcontext()
