"""The op where PyTorch has corners: checkpointing, torch.func, odd inputs, export to ONNX."""

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from deformviz.attention import backends
from deformviz.attention.op import ms_deform_attn, ms_deform_attn_fused
from deformviz.attention.reference import ms_deform_attn_reference
from deformviz.axes import ShapeError
from tests.attention.op_cases import SHAPES, inputs, relative

BOTH = pytest.mark.parametrize("backend", ["cpu", "reference"])


@pytest.fixture(autouse=True)
def cpu_kernels(compiler):
    found = backends.load_cpu()
    assert found.runs, found.detail


def of_value(backend, shapes=SHAPES):
    """The op as a function of its value alone, and a value."""
    value, locations, weights = inputs(shapes, batch=1, dtype=torch.float64)
    return lambda v: ms_deform_attn(v, shapes, locations, weights, backend=backend), value


@pytest.mark.parametrize("use_reentrant", [True, False])
@BOTH
def test_checkpointing_gives_the_same_gradients(backend, use_reentrant):
    op, value = of_value(backend)
    value.requires_grad_()
    (truth,) = torch.autograd.grad(op(value).square().sum(), value)
    checkpoint(op, value, use_reentrant=use_reentrant).square().sum().backward()
    assert torch.equal(value.grad, truth)


def test_reverse_mode_transforms_equal_those_of_the_reference():
    (fast, value), (plain, _) = of_value("cpu"), of_value("reference")
    several = torch.stack([value, 2 * value, -value])
    for transform in (
        lambda op: torch.func.grad(lambda v: op(v).sin().sum())(value),
        lambda op: torch.func.vjp(op, value)[1](torch.ones_like(op(value)))[0],
        lambda op: torch.func.jacrev(op)(value),
        lambda op: torch.func.vmap(op)(several),
        lambda op: torch.func.vmap(torch.func.grad(lambda v: op(v).sin().sum()))(several),
    ):
        torch.testing.assert_close(transform(fast), transform(plain), rtol=1e-9, atol=1e-11)


@BOTH
def test_forward_mode_is_refused_with_a_cure_that_is_true(backend):
    op, value = of_value(backend, [(2, 3)])
    for transform in (
        lambda: torch.func.jvp(op, (value,), (value,)),
        lambda: torch.func.jacfwd(op)(value),
        lambda: torch.func.hessian(lambda v: op(v).sin().sum())(value),
    ):
        with pytest.raises(backends.BackendError, match="jacrev twice with backend='reference'"):
            transform()


def test_the_cure_for_second_derivatives_is_true():
    fast, value = of_value("cpu", [(2, 3)])
    plain, _ = of_value("reference", [(2, 3)])
    with pytest.raises(backends.BackendError, match="backend='reference' to differentiate twice"):
        torch.func.jacrev(torch.func.jacrev(lambda v: fast(v).sin().sum()))(value)
    second = torch.func.jacrev(torch.func.jacrev(lambda v: plain(v).sin().sum()))(value)
    assert second.shape == (*value.shape, *value.shape) and second.abs().max() > 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("grad", [False, True])
def test_the_reference_takes_values_and_locations_of_different_types(dtype, grad):
    value, locations, weights = inputs()
    truth = ms_deform_attn_reference(value, SHAPES, locations, weights)
    for others in (torch.float32, torch.float64):
        given = value.to(dtype).requires_grad_(grad)
        output = ms_deform_attn(
            given, SHAPES, locations.to(others), weights.to(others), backend="reference"
        )
        assert output.dtype == dtype and relative(output, truth) < 2e-2
        if grad:
            output.float().sum().backward()
            assert given.grad.dtype == dtype and torch.isfinite(given.grad).all()


@BOTH
def test_a_level_of_size_0_gives_nothing_and_takes_no_gradient(backend):
    shapes = [(4, 5), (0, 3)]
    value, locations, weights = inputs(shapes)
    leaves = [tensor.requires_grad_() for tensor in (value, locations, weights)]
    output = ms_deform_attn(value, shapes, locations, weights, backend=backend)
    alone = ms_deform_attn_reference(
        value, shapes[:1], locations[:, :, :, :1], weights[:, :, :, :1]
    )
    assert relative(output, alone) < 1e-5
    gradients = torch.autograd.grad(output.sum(), leaves)
    assert gradients[1][:, :, :, 1].abs().max() == 0 == gradients[2][:, :, :, 1].abs().max()


@BOTH
@pytest.mark.parametrize("dtype", [torch.int32, torch.bool, torch.complex64, torch.float8_e5m2])
def test_numbers_that_cannot_be_interpolated_are_refused(backend, dtype):
    names = "value", "sampling_locations", "attention_weights"
    for place, name in enumerate(names):
        given = list(inputs())
        given[place] = given[place].to(dtype)
        with pytest.raises(TypeError, match=rf"{name} has dtype {dtype}.*{name}\.float\(\)"):
            ms_deform_attn(given[0], SHAPES, *given[1:], backend=backend)


@BOTH
@pytest.mark.parametrize(
    "shapes",
    [[(6, 7, 1)], [6, 7], 42, None, "67", torch.tensor([6, 7]), [(-6, -7)], [], [(6, "b")]],
)
def test_malformed_shapes_are_shape_errors(backend, shapes):
    value, locations, weights = inputs([(6, 7)])
    with pytest.raises(ShapeError, match="spatial_shapes"):
        ms_deform_attn(value, shapes, locations, weights, backend=backend)


class Fixed(torch.nn.Module):
    """The op with its shapes fixed, as an exported model has them."""

    def __init__(self, op):
        super().__init__()
        self.op = op

    def forward(self, value, *per_query):
        return self.op(value, SHAPES, *per_query)


@pytest.mark.parametrize("op", [ms_deform_attn, ms_deform_attn_fused])
def test_what_is_read_for_onnx_is_grid_sample_and_no_op_of_ours(op, monkeypatch):
    monkeypatch.setattr(torch.onnx, "is_in_onnx_export", lambda: True)
    value, locations, weights = inputs()
    references = (locations[:, :, 0, :, 0],) if op is ms_deform_attn_fused else ()
    read = torch.export.export(Fixed(op), (value, *references, locations, weights)).graph
    kinds = [str(node.target) for node in read.nodes]
    assert any("grid_sampler" in kind for kind in kinds)
    assert not any("deformviz" in kind for kind in kinds)
