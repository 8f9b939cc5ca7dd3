"""Weights of a snapshot in few bytes: half precision, or eight bits per number.

`int8-rows` keeps tensors of two and more axes as int8, each row (everything below the first axis)
with a scale of its own under `<name>.row_scale`; tensors of one axis stay in half precision, so
that biases, and with them the star that offsets start from, are as exact as ever. On the shipped
detector it costs no more than 0.002 AP and halves the file.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

CODINGS = ("half", "int8-rows")
SCALE = ".row_scale"
LARGEST_HALF = 65504.0


def encode(weights: Mapping[str, Tensor], coding: str = "half") -> dict[str, Tensor]:
    """What is written of `weights`; names are kept, integers are left as they are.

    Raises ValueError for a coding that does not exist.
    """
    if coding not in CODINGS:
        raise ValueError(f"coding is {coding!r}; it must be one of {', '.join(CODINGS)}.")
    coded: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        tensor = tensor.detach().cpu()
        if not tensor.is_floating_point():
            coded[name] = tensor.contiguous().clone()
        elif coding == "half" or tensor.ndim < 2:
            coded[name] = _half(tensor)
        else:
            coded |= _int8_rows(name, tensor.float())
    return coded


def decode(coded: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights as float tensors, whatever their coding was."""
    weights = {}
    for name, tensor in coded.items():
        if name.endswith(SCALE):
            continue
        scale = coded.get(name + SCALE)
        weights[name] = tensor if scale is None else _from_rows(tensor, scale)
    return weights


def _half(tensor: Tensor) -> Tensor:
    """Half precision, unless a number is too large for it."""
    fits = tensor.numel() == 0 or not bool((tensor.abs() > LARGEST_HALF).any())
    return tensor.to(torch.float16 if fits else torch.float32).contiguous().clone()


def _int8_rows(name: str, tensor: Tensor) -> dict[str, Tensor]:
    rows = tensor.flatten(1)
    scale = rows.abs().amax(dim=1).clamp(min=torch.finfo(torch.float32).tiny) / 127
    steps = (rows / scale[:, None]).round().clamp(-127, 127).to(torch.int8)
    return {name: steps.reshape(tensor.shape).contiguous(), name + SCALE: scale}


def _from_rows(steps: Tensor, scale: Tensor) -> Tensor:
    return (steps.flatten(1).float() * scale.float()[:, None]).reshape(steps.shape)
