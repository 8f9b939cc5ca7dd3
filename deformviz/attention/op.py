"""The public op: schema, fake, autograd and vmap, and the choice of a back end.

The operators are defined here, so they exist without any compiled library; a library only adds
kernels for its device (kernels/csrc/*/register.*).
"""

import functools
import math

import torch
from torch import Tensor

from deformviz.attention import reference
from deformviz.attention.backends import which_backend
from deformviz.attention.bags import ms_deform_attn_bags
from deformviz.attention.transforms import (
    Transformed,
    no_forward_mode,
    refuse_forward_mode,
    refuse_second_order,
    under_transform,
)
from deformviz.axes import ShapeError, check_shape

_LIBRARY = torch.library.Library("deformviz", "DEF")
_INPUTS = "Tensor value, Tensor spatial_shapes, Tensor sampling_locations, Tensor attention_weights"
_LIBRARY.define(f"ms_deform_attn({_INPUTS}) -> Tensor", tags=(torch.Tag.pt2_compliant_tag,))
_LIBRARY.define(
    "ms_deform_attn_fused(Tensor value, Tensor spatial_shapes, Tensor references, "
    "Tensor sampling_offsets, Tensor attention_logits) -> Tensor",
    tags=(torch.Tag.pt2_compliant_tag,),
)
_LIBRARY.define(
    f"ms_deform_attn_backward(Tensor grad_output, {_INPUTS}, bool for_value, bool for_locations, "
    "bool for_weights, Tensor? fixed_scale=None) -> (Tensor, Tensor, Tensor)",
    tags=(torch.Tag.pt2_compliant_tag,),
)


def ms_deform_attn(
    value: Tensor,
    spatial_shapes,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    *,
    backend: str = "auto",
) -> Tensor:
    """Multi-scale deformable attention before `output_proj` (Deformable DETR, Eq. 3 without W_m).

    value [batch pixel head channel], spatial_shapes [level hw] (tensor or list of pairs),
    sampling_locations [batch query head level point xy], normalised,
    attention_weights [batch query head level point] -> [batch query (head channel)]

    The output has the dtype of `value`; with 16-bit values, locations stay float32. A list (or a
    tensor on the CPU) for `spatial_shapes` saves a wait for the GPU.

    Raises ShapeError if sizes disagree, BackendError if `backend` cannot run here (and why).
    """
    if not torch.compiler.is_compiling() and not value.is_meta:
        reference.check_inputs(value, spatial_shapes, sampling_locations, attention_weights)
    tensors = (value, sampling_locations, attention_weights)
    refuse_forward_mode(tensors)
    transformed = under_transform()
    if _is_exported() or _runs_on(value.device.type, backend) == "reference":
        differentiable = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
        forward_only = backend == "auto" and not (differentiable or transformed or _is_exported())
        plain = ms_deform_attn_bags if forward_only else reference.ms_deform_attn_reference
        try:
            return plain(value, spatial_shapes, *tensors[1:])
        except NotImplementedError as problem:
            raise (no_forward_mode() if transformed else problem) from problem
    if transformed:
        shapes = torch.as_tensor(spatial_shapes)
        return Transformed.apply(value, shapes, *tensors[1:])  # type: ignore[return-value]
    if not torch.compiler.is_compiling():
        if _is_one_picture(value):
            return _asked_of_one(
                functools.partial(ms_deform_attn, backend=backend), spatial_shapes, *tensors
            )
    if not isinstance(spatial_shapes, Tensor):
        spatial_shapes = torch.tensor(spatial_shapes)
    return torch.ops.deformviz.ms_deform_attn(value, spatial_shapes, *tensors[1:])


def ms_deform_attn_fused(
    value: Tensor,
    spatial_shapes,
    references: Tensor,
    sampling_offsets: Tensor,
    attention_logits: Tensor,
    *,
    backend: str = "auto",
) -> Tensor:
    """`ms_deform_attn` straight from what a layer's projections give, without a trace.

    value [batch pixel head channel], spatial_shapes [level hw],
    references [batch query level xy] or [batch query level cxcywh], normalised,
    sampling_offsets [batch query head level point xy], in pixels of the level (boxes: in shares
    of the box), attention_logits [batch query head level point], before the softmax over level
    and point -> [batch query (head channel)]

    Sampling locations and attention weights are never written to memory, which costs more than
    the op itself. With gradients, or where no compiled kernel runs, it takes the steps one by one.

    Raises ShapeError if sizes disagree, BackendError if `backend` cannot run here (and why).
    """
    tensors = (value, references, sampling_offsets, attention_logits)
    differentiable = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
    in_steps = differentiable or under_transform() or _is_exported()
    if in_steps or _runs_on(value.device.type, backend) == "reference":
        locations = reference.sampling_locations(references, sampling_offsets, spatial_shapes)
        weights = attention_logits.flatten(-2).softmax(-1).view_as(attention_logits)
        return ms_deform_attn(value, spatial_shapes, locations, weights, backend=backend)
    if not torch.compiler.is_compiling() and not value.is_meta:
        reference.check_inputs(value, spatial_shapes, sampling_offsets, attention_logits)
        _check_references(references, sampling_offsets)
        if _is_one_picture(value):
            return _asked_of_one(
                functools.partial(ms_deform_attn_fused, backend=backend), spatial_shapes, *tensors
            )
    if not isinstance(spatial_shapes, Tensor):
        spatial_shapes = torch.tensor(spatial_shapes)
    return torch.ops.deformviz.ms_deform_attn_fused(value, spatial_shapes, *tensors[1:])


def _is_one_picture(value: Tensor) -> bool:
    """Whether a batch is one picture several times over (`expand`), and not copies of it."""
    return value.layout == torch.strided and value.shape[0] > 1 and value.stride(0) == 0


def _asked_of_one(op, spatial_shapes, value: Tensor, *per_query: Tensor) -> Tensor:
    """The op on one picture with the queries of the whole batch: the value is never copied."""
    batch = value.shape[0]
    queries = (tensor.flatten(0, 1)[None] for tensor in per_query)
    return op(value[:1], spatial_shapes, *queries).unflatten(1, (batch, -1))[0]


def _check_references(references: Tensor, offsets: Tensor) -> None:
    last = "xy" if references.shape[-1] == 2 else "cxcywh"
    sizes = dict(batch=offsets.shape[0], query=offsets.shape[1], level=offsets.shape[3])
    check_shape("references", references.shape, f"batch query level {last}", sizes)


def _runs_on(device: str, backend: str) -> str:
    """The name of the back end; a meta tensor needs none but the op itself."""
    return "meta" if device == "meta" else which_backend(device, backend).name


# The mark that torch.compiler.assume_constant_result leaves. Calling it would import the compiler,
# seconds and 60 MiB, for everyone who never compiles.
_runs_on._dynamo_marked_constant = True


def _is_exported() -> bool:
    """Whether the op becomes part of an ONNX file, which knows grid_sample, not us."""
    being_read = torch.compiler.is_exporting() or torch.jit.is_tracing()  # type: ignore
    return being_read and torch.onnx.is_in_onnx_export()


@torch.library.register_fake("deformviz::ms_deform_attn")
def _fake_forward(value, spatial_shapes, sampling_locations, attention_weights):
    batch, _, heads, channels = value.shape
    return value.new_empty((batch, sampling_locations.shape[1], heads * channels))


@torch.library.register_fake("deformviz::ms_deform_attn_fused")
def _fake_fused(value, spatial_shapes, references, sampling_offsets, attention_logits):
    return _fake_forward(value, spatial_shapes, sampling_offsets, attention_logits)


@torch.library.register_fake("deformviz::ms_deform_attn_backward")
def _fake_backward(
    grad_output,
    value,
    spatial_shapes,
    sampling_locations,
    attention_weights,
    for_value,
    for_locations,
    for_weights,
    fixed_scale=None,
):
    inputs = (value, sampling_locations, attention_weights)
    return tuple(
        torch.empty_like(tensor, memory_format=torch.contiguous_format)
        if wanted
        else tensor.new_empty((0,))
        for tensor, wanted in zip(inputs, (for_value, for_locations, for_weights), strict=True)
    )


def _save_inputs(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


def _backward(ctx, grad_output):
    for_value, _, for_locations, for_weights = ctx.needs_input_grad
    wanted = (for_value, for_locations, for_weights)
    saved = ctx.saved_tensors  # once: under checkpointing the first reading computes them again
    gradients = torch.ops.deformviz.ms_deform_attn_backward(
        grad_output, *saved, *wanted, _fixed_scale(grad_output, saved[3])
    )
    of_value, of_locations, of_weights = (
        gradient if want else None for gradient, want in zip(gradients, wanted, strict=True)
    )
    return of_value, None, of_locations, of_weights


def _fixed_scale(grad_output: Tensor, attention_weights: Tensor) -> Tensor | None:
    """What a gradient of 1 counts when GPU threads must add up in no particular order, but exactly.

    None unless deterministic algorithms are asked for: sums in fixed point cost twice the memory.
    No sum of grad_value can exceed the number of samples times the largest product.
    """
    if not (grad_output.is_cuda and torch.are_deterministic_algorithms_enabled()):
        return None
    samples = attention_weights[0, :, 0].numel()
    largest = grad_output.abs().amax().float() * attention_weights.abs().amax().float()
    bits = 62 - math.ceil(math.log2(max(samples, 1)))
    return torch.where(largest > 0, 2.0**bits / largest, 1.0).clamp_max(1e38)


torch.library.register_autograd("deformviz::ms_deform_attn", _backward, setup_context=_save_inputs)
torch.library.register_autograd(
    "deformviz::ms_deform_attn_backward",
    refuse_second_order,
    setup_context=lambda ctx, inputs, output: None,
)


def _fold(tensors: tuple[Tensor, ...], in_dims: tuple[int | None, ...], size: int) -> list[Tensor]:
    """vmap's axis folded into `batch`, the first axis of every tensor."""
    folded = []
    for tensor, dim in zip(tensors, in_dims, strict=True):
        first = tensor.expand(size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
        folded.append(first.flatten(0, 1))
    return folded


def _check_shared_shapes(dim: int | None) -> None:
    if dim is not None:
        raise ShapeError("spatial_shapes cannot be mapped over by vmap; all must share one.")


def _register_forward_vmap(name: str) -> None:
    def mapped(info, in_dims, value, spatial_shapes, *rest):
        _check_shared_shapes(in_dims[1])
        folded = _fold((value, *rest), (in_dims[0], *in_dims[2:]), info.batch_size)
        output = getattr(torch.ops.deformviz, name)(folded[0], spatial_shapes, *folded[1:])
        return output.unflatten(0, (info.batch_size, -1)), 0

    torch.library.register_vmap(f"deformviz::{name}", mapped)


_register_forward_vmap("ms_deform_attn")
_register_forward_vmap("ms_deform_attn_fused")


def _vmap_backward(
    info,
    in_dims,
    grad_output,
    value,
    spatial_shapes,
    locations,
    weights,
    for_value,
    for_locations,
    for_weights,
    fixed_scale=None,
):
    wanted = for_value, for_locations, for_weights
    _check_shared_shapes(in_dims[2])
    folded = _fold(
        (grad_output, value, locations, weights), (*in_dims[:2], *in_dims[3:5]), info.batch_size
    )
    if fixed_scale is not None and in_dims[-1] is not None:
        fixed_scale = fixed_scale.amin(in_dims[-1])
    gradients = torch.ops.deformviz.ms_deform_attn_backward(
        *folded[:2], spatial_shapes, *folded[2:], *wanted, fixed_scale
    )
    unfolded = tuple(
        gradient.unflatten(0, (info.batch_size, -1)) if want else gradient
        for gradient, want in zip(gradients, wanted, strict=True)
    )
    return unfolded, tuple(0 if want else None for want in wanted)


torch.library.register_vmap("deformviz::ms_deform_attn_backward", _vmap_backward)
