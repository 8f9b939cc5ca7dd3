"""The public op: the compiled kernels against the plain reference, in every way they are used."""

import math

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deformviz.attention import backends
from deformviz.attention.bags import ms_deform_attn_bags
from deformviz.attention.op import ms_deform_attn
from deformviz.attention.reference import ms_deform_attn_reference
from deformviz.axes import ShapeError
from tests.attention.op_cases import (
    SHAPES,
    TOLERANCE,
    assert_equals_reference,
    away_from_cell_borders,
    inputs,
    relative,
    with_gradients,
)

SPECIAL = [
    0.0,
    1.0,
    0.5,
    -0.001,
    1.001,
    0.5 / 7,
    6.5 / 7,
    1 / 7,
    -0.5 / 7,
    7.5 / 7,
    7.3,
    -1e3,
    1e30,
]


@pytest.fixture(autouse=True)
def cpu_kernels(compiler):
    found = backends.load_cpu()
    assert found.runs, found.detail
    yield
    backends.instruction_set("")


sizes = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=5)


@settings(
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    shapes=sizes,
    batch=st.integers(1, 3),
    heads=st.integers(1, 9),
    points=st.integers(1, 9),
    channels=st.sampled_from([1, 2, 3, 4, 5, 8, 12, 16, 20, 32, 40, 64, 100]),
    queries=st.sampled_from([0, 1, 2, 7, 40]),
    dtype=st.sampled_from(list(TOLERANCE)),
    instruction_set=st.sampled_from(["generic", "avx2", "avx512"]),
)
@example(
    shapes=[(2, 3)] * 20,
    batch=1,
    heads=2,
    points=4,
    channels=8,
    queries=3,
    dtype=torch.float32,
    instruction_set="avx512",
)  # more samples than one block
@example(
    shapes=[(31, 17)],
    batch=2,
    heads=3,
    points=1,
    channels=8,
    queries=2,
    dtype=torch.float32,
    instruction_set="avx2",
)  # few queries: read in place
def test_any_size_equals_the_reference(
    shapes, batch, heads, points, channels, queries, dtype, instruction_set
):
    backends.instruction_set(instruction_set)
    value, locations, weights = inputs(
        shapes,
        batch=batch,
        heads=heads,
        channels=channels,
        queries=queries,
        points=points,
        dtype=dtype,
    )
    locations = away_from_cell_borders(locations, shapes)
    assert_equals_reference((value, locations, weights), shapes)


@pytest.mark.parametrize("batch", [65, 154])
def test_batches_of_any_size(batch):
    assert_equals_reference(inputs(batch=batch), SHAPES)


@pytest.mark.parametrize("queries", [1, 40], ids=["in place", "packed"])
@pytest.mark.parametrize("instruction_set", ["generic", "avx2", "avx512"])
def test_borders_centres_and_far_outside(queries, instruction_set):
    shapes = [(20, 7), (3, 4)]
    backends.instruction_set(instruction_set)
    value, locations, weights = inputs(shapes, queries=queries, dtype=torch.float64)
    grid = torch.tensor([(x, y) for x in SPECIAL for y in SPECIAL], dtype=torch.float64)
    flat = locations.view(-1, 2)
    flat[:] = grid.repeat(len(flat) // len(grid) + 1, 1)[: len(flat)]
    ours = ms_deform_attn(value, shapes, locations, weights, backend="cpu")
    truth = ms_deform_attn_reference(value, shapes, locations, weights)
    assert relative(ours, truth) < 1e-12
    single = ms_deform_attn(
        value.float(), shapes, locations.float(), weights.float(), backend="cpu"
    )
    assert relative(single, truth) < 2e-5


def test_recorded_original(parity):
    for name, case in parity("detr/msda_module.pt")["core"].items():
        keys = ("value", "sampling_locations", "attention_weights")
        leaves = [case[key].clone().requires_grad_() for key in keys]
        output = ms_deform_attn(leaves[0], case["value_spatial_shapes"], *leaves[1:], backend="cpu")
        gradients = torch.autograd.grad(output, leaves, case["grad_output"])
        assert relative(output, case["output"]) < 1e-12, name
        for key, gradient in zip(keys, gradients, strict=True):
            assert relative(gradient, case[f"grad_{key}"]) < 1e-12, f"{name} {key}"


@pytest.mark.parametrize("queries", [2, 30], ids=["in place", "packed"])
def test_gradients_against_finite_differences(queries):
    shapes = [(6, 9), (5, 4)]
    value, locations, weights = inputs(
        shapes, batch=1, heads=2, channels=4, points=2, queries=queries, dtype=torch.float64
    )
    leaves = [
        tensor.requires_grad_()
        for tensor in (value, away_from_cell_borders(locations, shapes), weights)
    ]
    assert torch.autograd.gradcheck(
        lambda v, x, a: ms_deform_attn(v, shapes, x, a, backend="cpu"), leaves, fast_mode=True
    )


@pytest.mark.parametrize("queries", [3, 80], ids=["in place", "packed"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_bad_locations_stay_with_their_sample(bad, queries):
    shapes = [(16, 27), (13, 4)]
    value, locations, weights = inputs(shapes, queries=queries)
    healthy = with_gradients(
        lambda v, x, a: ms_deform_attn(v, shapes, x, a, backend="cpu"),
        (value, locations, weights * (torch.arange(queries) != 1).view(-1, 1, 1, 1)),
    )
    locations[:, 1, :, :, :, 0] = bad
    value_out, *gradients = with_gradients(
        lambda v, x, a: ms_deform_attn(v, shapes, x, a, backend="cpu"), (value, locations, weights)
    )
    assert torch.equal(value_out, healthy[0])
    assert torch.equal(gradients[0], healthy[1])
    for gradient in gradients[1:]:
        assert gradient[:, 1].abs().max() == 0
        assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("queries", [3, 80], ids=["in place", "packed"])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_bad_values_reach_only_who_reads_them(bad, queries):
    shapes = [(16, 27), (13, 4)]
    value, locations, weights = inputs(shapes, queries=queries, seed=3)
    value[:, 0] = value[:, 16 * 27 - 1] = value[:, 200] = bad
    ours = ms_deform_attn(value, shapes, locations, weights, backend="cpu")
    truth = ms_deform_attn_reference(value, shapes, locations, weights)
    healthy = torch.isfinite(truth)
    assert 0 < healthy.sum() < healthy.numel()
    assert torch.equal(torch.isfinite(ours), healthy)
    assert relative(ours[healthy], truth[healthy]) < 2e-5


@pytest.mark.parametrize("queries", [5, 200], ids=["in place", "packed"])
def test_bits_do_not_depend_on_the_number_of_threads(queries):
    shapes = [(16, 27), (8, 13)]
    tensors = inputs(shapes, queries=queries, heads=5)
    threads, results = torch.get_num_threads(), []
    try:
        for count in (1, 2, 3, 16):
            torch.set_num_threads(count)
            results.append(
                with_gradients(
                    lambda v, x, a: ms_deform_attn(v, shapes, x, a, backend="cpu"), tensors
                )
            )
    finally:
        torch.set_num_threads(threads)
    for result in results[1:]:
        assert all(torch.equal(ours, first) for ours, first in zip(result, results[0], strict=True))


def test_only_needed_gradients_are_made():
    value, locations, weights = inputs()
    operator = torch.ops.deformviz.ms_deform_attn_backward
    grad = torch.ones(2, 6, 24)
    everything = operator(
        grad, value, torch.tensor(SHAPES), locations, weights, True, True, True, None
    )
    for wanted in ((True, False, False), (False, True, False), (False, False, True)):
        some = operator(grad, value, torch.tensor(SHAPES), locations, weights, *wanted, None)
        for gradient, full, want in zip(some, everything, wanted, strict=True):
            assert torch.equal(gradient, full) if want else gradient.numel() == 0


def test_shapes_of_any_kind_and_strided_input():
    value, locations, weights = inputs()
    expected = ms_deform_attn(value, SHAPES, locations, weights, backend="cpu")
    for shapes in (
        torch.tensor(SHAPES),
        torch.tensor(SHAPES, dtype=torch.int32),
        tuple(map(list, SHAPES)),
    ):
        assert torch.equal(ms_deform_attn(value, shapes, locations, weights), expected)
    strided = [
        tensor.transpose(0, -1).contiguous().transpose(0, -1)
        for tensor in (value, locations, weights)
    ]
    assert not any(tensor.is_contiguous() for tensor in strided)
    assert torch.equal(ms_deform_attn(strided[0], SHAPES, *strided[1:]), expected)


def test_mixed_types_follow_value():
    value, locations, weights = inputs()
    expected = ms_deform_attn(value, SHAPES, locations, weights)
    for dtype in (torch.bfloat16, torch.float16):
        output = ms_deform_attn(value.to(dtype), SHAPES, locations, weights)
        assert output.dtype == dtype
        assert relative(output, expected) < TOLERANCE[dtype]
    with torch.autocast("cpu", torch.bfloat16):
        linear = torch.nn.functional.linear(value, torch.eye(8))
        assert ms_deform_attn(linear, SHAPES, locations, weights).dtype == torch.bfloat16


@pytest.mark.parametrize("queries", [2, 90])
def test_bags_equal_the_reference(queries):
    shapes = [(5, 7), (3, 4)]
    value, locations, weights = inputs(shapes, queries=queries)
    value[0, 0] = math.nan
    torch.testing.assert_close(
        ms_deform_attn_bags(value, shapes, locations, weights),
        ms_deform_attn_reference(value, shapes, locations, weights),
        equal_nan=True,
        rtol=1e-5,
        atol=1e-5,
    )


def test_meta_tensors_need_no_kernel():
    value, locations, weights = (tensor.to("meta") for tensor in inputs())
    assert ms_deform_attn(value, SHAPES, locations, weights).shape == (2, 6, 24)


def test_what_it_cannot_do_is_refused():
    tensors = [tensor.requires_grad_() for tensor in inputs()]
    output = ms_deform_attn(tensors[0], SHAPES, *tensors[1:])
    (first,) = torch.autograd.grad(output.square().sum(), tensors[1], create_graph=True)
    with pytest.raises(backends.BackendError, match="no second derivative"):
        first.sum().backward()
    plain = [tensor.detach() for tensor in tensors]
    with pytest.raises(backends.BackendError, match="no forward-mode derivative"):
        torch.func.jvp(lambda v: ms_deform_attn(v, SHAPES, *plain[1:]), (plain[0],), (plain[0],))


def test_mistakes_are_named():
    value, locations, weights = inputs()
    with pytest.raises(ShapeError, match="attention_weights has 2 on axis 'head', expected 3"):
        ms_deform_attn(value, SHAPES, locations, weights[:, :, :2])
    with pytest.raises(ShapeError, match="'pixel', expected 53"):
        ms_deform_attn(value, [(6, 7), (3, 3), (1, 2)], locations, weights)
    with pytest.raises(backends.BackendError, match="expected 'auto' or one of"):
        ms_deform_attn(value, SHAPES, locations, weights, backend="gpu")
    with pytest.raises(backends.BackendError, match="got tensors on device 'cpu'"):
        ms_deform_attn(value, SHAPES, locations, weights, backend="cuda")
    with pytest.raises(RuntimeError, match="53 pixels in all, value has 49"):
        torch.ops.deformviz.ms_deform_attn(
            value, torch.tensor([(6, 7), (3, 3), (1, 2)]), locations, weights
        )
