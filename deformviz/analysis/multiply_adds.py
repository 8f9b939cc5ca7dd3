"""Counts multiply-adds while something runs, in this thread only.

PyTorch's own `FlopCounterMode` hooks every module of the process while it counts, so that another
thread's forward pass would run into it; a dispatch mode alone belongs to one thread. The formulas
are PyTorch's, and those of what it does not know: bilinear samples and our op.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from deformviz.analysis.cost import BILINEAR, WEIGHTED
from deformviz.attention import op as _registers_our_op  # noqa: F401


def count_multiply_adds(compute: Callable[[], Any]) -> int:
    """Multiply-adds of the matrix products and bilinear samples while `compute()` runs."""
    return counted(compute)[1]


def counted(compute: Callable[[], Any]) -> tuple[Any, int]:
    """What `compute()` returns, and its multiply-adds."""
    with torch.no_grad(), _Counter() as counter:
        result = compute()
    return result, counter.floating_point_operations // 2


class _Counter(TorchDispatchMode):
    """Adds up what each operation of this thread costs, by the shapes it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.floating_point_operations = 0
        self._formulas = {**flop_registry, **_our_formulas()}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        arguments = kwargs or {}
        formula = self._formulas.get(func._overloadpacket)
        if formula is None and func is not torch.ops.prim.device.default:
            with self:  # it may consist of operations that have one
                parts = func.decompose(*args, **arguments)
            if parts is not NotImplemented:
                return parts
        result = func(*args, **arguments)
        if formula is not None:
            self.floating_point_operations += formula(*args, **arguments, out_val=result)
        return result


def _our_formulas() -> dict[Any, Callable[..., int]]:
    def attention(value: Tensor, shapes, locations, weights: Tensor, *rest, **_) -> int:
        return 2 * (BILINEAR + WEIGHTED) * prod(weights.shape) * value.shape[-1]

    def fused(value: Tensor, shapes, references, offsets, logits: Tensor, *rest, **_) -> int:
        return attention(value, shapes, offsets, logits)

    def samples(image, grid, *rest, out_val: Tensor, **_) -> int:
        return 2 * BILINEAR * prod(out_val.shape)

    return {
        torch.ops.deformviz.ms_deform_attn: attention,
        torch.ops.deformviz.ms_deform_attn_fused: fused,
        torch.ops.aten.grid_sampler_2d: samples,
    }
