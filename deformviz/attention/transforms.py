"""The compiled op under `torch.func`: grad, vjp, jacrev and vmap work, the others name a cure.

What torch.library.register_autograd makes of an operator is refused there, because it hands its
context to the forward pass; these functions keep both apart.
"""

import torch
from torch import Tensor
from torch.autograd import Function, forward_ad

from deformviz.attention.backends import BackendError


def under_transform() -> bool:
    """Whether one of torch.func's transforms is at work."""
    if torch.compiler.is_compiling():
        return False
    return torch._C._functorch.peek_interpreter_stack() is not None  # type: ignore


def refuse_forward_mode(tensors: tuple[Tensor, ...]) -> None:
    """Forward-mode derivatives would silently come out as zero, or end somewhere inside torch.

    Raises BackendError where one of the tensors carries a tangent.
    """
    if torch.compiler.is_compiling() or forward_ad._current_level < 0:
        return
    if any(forward_ad.unpack_dual(tensor).tangent is not None for tensor in tensors):
        raise no_forward_mode()


def no_forward_mode() -> BackendError:
    """What there is to say to whoever asks for it."""
    return BackendError(
        "Deformable attention has no forward-mode derivative (jvp, jacfwd, hessian, linearize), "
        "for grid_sample has none. Use reverse mode: grad, vjp or jacrev; for second derivatives "
        "jacrev twice with backend='reference'."
    )


class Transformed(Function):
    """value, spatial_shapes, locations, weights -> output; its gradients are `_Gradients`."""

    generate_vmap_rule = True

    @staticmethod
    def forward(value, spatial_shapes, locations, weights):
        return torch.ops.deformviz.ms_deform_attn(value, spatial_shapes, locations, weights)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        of_value, of_locations, of_weights = _Gradients.apply(grad_output, *ctx.saved_tensors)
        return of_value, None, of_locations, of_weights

    @staticmethod
    def jvp(ctx, *tangents):
        raise no_forward_mode()


class _Gradients(Function):
    """All three gradients of the op, for they are asked for together here."""

    generate_vmap_rule = True

    @staticmethod
    def forward(grad_output, value, spatial_shapes, locations, weights):
        return torch.ops.deformviz.ms_deform_attn_backward(
            grad_output, value, spatial_shapes, locations, weights, True, True, True, None
        )

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, *gradients):
        refuse_second_order(ctx, *gradients)


def refuse_second_order(ctx, *gradients):
    """The compiled op is differentiable once. Raises BackendError."""
    raise BackendError(
        "The compiled op has no second derivative. Choose backend='reference' to differentiate "
        "twice."
    )
