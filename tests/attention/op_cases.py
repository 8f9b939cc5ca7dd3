"""Inputs of the op, and the comparison of an output and all gradients with the reference."""

import torch

from deformviz.attention.op import ms_deform_attn
from deformviz.attention.reference import ms_deform_attn_reference

SHAPES = [(5, 7), (3, 4), (1, 2)]
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}


def inputs(
    shapes=SHAPES, *, batch=2, heads=3, channels=8, queries=6, points=4, dtype=torch.float32, seed=0
):
    """value, locations (also outside) and weights; locations are never 16-bit."""
    generator = torch.Generator().manual_seed(seed)
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    pixels, levels = sum(height * width for height, width in shapes), len(shapes)
    value = torch.randn(batch, pixels, heads, channels, generator=generator, dtype=wide)
    locations = (
        torch.rand(batch, queries, heads, levels, points, 2, generator=generator, dtype=wide) * 1.4
        - 0.2
    )
    weights = torch.rand(batch, queries, heads, levels, points, generator=generator, dtype=wide)
    return value.to(dtype), locations, weights.to(dtype)


def relative(ours, truth):
    """Error relative to the largest entry."""
    if truth.numel() == 0:
        return 0.0
    scale = truth.double().abs().max().clamp_min(1e-6)
    return ((ours.double() - truth.double()).abs().max() / scale).item()


def with_gradients(function, tensors, seed=1):
    leaves = [tensor.detach().clone().requires_grad_() for tensor in tensors]
    output = function(*leaves)
    grad = torch.randn(
        output.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    ).to(output.dtype)
    return output.detach(), *torch.autograd.grad(output, leaves, grad)


def assert_equals_reference(tensors, shapes, *, backend="cpu", tolerance=None):
    """Output and all gradients, against the reference in float64 at the same (rounded) inputs."""
    ours = with_gradients(lambda v, x, a: ms_deform_attn(v, shapes, x, a, backend=backend), tensors)
    truth = with_gradients(
        lambda v, x, a: ms_deform_attn_reference(v, shapes, x, a),
        [tensor.double() for tensor in tensors],
    )
    tolerance = tolerance or TOLERANCE[tensors[0].dtype]
    names = ("output", "grad value", "grad locations", "grad weights")
    for name, mine, true in zip(names, ours, truth, strict=True):
        assert mine.shape == true.shape
        assert relative(mine, true) < tolerance, name


def away_from_cell_borders(locations, shapes, margin=1e-4):
    """Gradients jump where a sample crosses into the next cell, so rounding must not decide."""
    moved = locations.clone()
    for level, (height, width) in enumerate(shapes):
        size = locations.new_tensor([width, height])
        pixel = moved[:, :, :, level] * size - 0.5
        part = pixel - pixel.floor()
        pixel = pixel.floor() + part.clamp(margin, 1 - margin)
        moved[:, :, :, level] = (pixel + 0.5) / size
    return moved
