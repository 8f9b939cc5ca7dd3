"""The op straight from the projections, and as torch sees it: compiled, exported, mapped over."""

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deformviz.attention import backends
from deformviz.attention.op import ms_deform_attn, ms_deform_attn_fused
from deformviz.axes import ShapeError
from tests.attention.op_cases import (
    SHAPES,
    TOLERANCE,
    inputs,
    relative,
    with_gradients,
)


@pytest.fixture(autouse=True)
def cpu_kernels(compiler):
    found = backends.load_cpu()
    assert found.runs, found.detail
    yield
    backends.instruction_set("")


sizes = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=5)


# -- straight from the projections ---------------------------------------------------------------


@settings(
    max_examples=40,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    shapes=sizes,
    batch=st.integers(1, 2),
    heads=st.integers(1, 5),
    points=st.integers(1, 9),
    channels=st.sampled_from([3, 8, 16, 32, 40]),
    queries=st.sampled_from([0, 1, 2, 40]),
    dtype=st.sampled_from(list(TOLERANCE)),
    boxes=st.booleans(),
    instruction_set=st.sampled_from(["generic", "avx2", "avx512"]),
)
@example(
    shapes=[(2, 3)] * 20,
    batch=1,
    heads=2,
    points=4,
    channels=8,
    queries=3,
    boxes=True,
    dtype=torch.float32,
    instruction_set="avx512",
)
def test_fused_equals_the_steps(
    shapes, batch, heads, points, channels, queries, dtype, boxes, instruction_set
):
    backends.instruction_set(instruction_set)
    value, offsets, logits = inputs(
        shapes,
        batch=batch,
        heads=heads,
        channels=channels,
        queries=queries,
        points=points,
        dtype=dtype,
    )
    offsets, logits = (offsets - 0.5) * 6, logits * 8
    references = torch.rand(
        batch,
        queries,
        len(shapes),
        4 if boxes else 2,
        generator=torch.Generator().manual_seed(5),
        dtype=offsets.dtype,
    )
    ours = ms_deform_attn_fused(value, shapes, references, offsets, logits, backend="cpu")
    truth = ms_deform_attn_fused(
        *(value.double(), shapes, references.double(), offsets.double(), logits.double()),
        backend="reference",
    )
    assert ours.dtype == dtype
    assert relative(ours, truth) < TOLERANCE[dtype]


def test_fused_with_gradients_takes_the_steps():
    value, offsets, logits = inputs(dtype=torch.float64)
    references = torch.rand(2, 6, 3, 2, generator=torch.Generator().manual_seed(5)).double()
    tensors = (value, references, offsets, logits)
    results = [
        with_gradients(
            lambda v, *rest, name=name: ms_deform_attn_fused(v, SHAPES, *rest, backend=name),
            tensors,
        )
        for name in ("cpu", "reference")
    ]
    for ours, truth in zip(*results, strict=True):
        assert relative(ours, truth) < 1e-12


def test_fused_mistakes_are_named():
    value, offsets, logits = inputs()
    with pytest.raises(ShapeError, match="references has 2 on axis 'level', expected 3"):
        ms_deform_attn_fused(value, SHAPES, torch.rand(2, 6, 2, 2), offsets, logits)


# -- as a torch op -------------------------------------------------------------------------------


def test_opcheck():
    tensors = [tensor.requires_grad_() for tensor in inputs()]
    torch.library.opcheck(
        torch.ops.deformviz.ms_deform_attn.default, (tensors[0], torch.tensor(SHAPES), *tensors[1:])
    )
    value, offsets, logits = inputs()
    torch.library.opcheck(
        torch.ops.deformviz.ms_deform_attn_fused.default,
        (value, torch.tensor(SHAPES), torch.rand(2, 6, 3, 2), offsets, logits),
    )


class Layer(torch.nn.Module):
    def forward(self, value, shapes, locations, weights):
        weights = weights.flatten(-2).softmax(-1).view_as(weights)
        return ms_deform_attn(2 * value, shapes, locations, weights).relu()


@pytest.mark.slow
def test_compiled_with_changing_sizes():
    layer, shapes = Layer(), torch.tensor(SHAPES)
    compiled = torch.compile(layer, fullgraph=True, dynamic=True)
    for batch, queries in ((2, 6), (3, 17)):
        tensors = inputs(batch=batch, queries=queries)
        ours = with_gradients(lambda v, x, a: compiled(v, shapes, x, a), tensors)
        eager = with_gradients(lambda v, x, a: layer(v, shapes, x, a), tensors)
        for mine, true in zip(ours, eager, strict=True):
            assert relative(mine, true) < 1e-5


def test_exported_with_dynamic_sizes(tmp_path):
    layer, shapes = Layer(), torch.tensor(SHAPES)
    value, locations, weights = inputs()
    batch, queries = torch.export.Dim("batch", min=2), torch.export.Dim("query", min=2)
    with torch.no_grad():
        program = torch.export.export(
            layer,
            (value, shapes, locations, weights),
            dynamic_shapes=({0: batch}, None, {0: batch, 1: queries}, {0: batch, 1: queries}),
        )
    torch.export.save(program, tmp_path / "layer.pt2")
    loaded = torch.export.load(tmp_path / "layer.pt2").module()
    other = inputs(batch=3, queries=11)
    assert torch.equal(loaded(other[0], shapes, *other[1:]), layer(other[0], shapes, *other[1:]))


def test_vmap_folds_into_the_batch():
    values = torch.stack([inputs(seed=seed)[0] for seed in (1, 2)], dim=1).requires_grad_()
    _, locations, weights = inputs()
    mapped = torch.func.vmap(lambda v: ms_deform_attn(v, SHAPES, locations, weights), in_dims=1)
    output = mapped(values)
    (mapped_gradient,) = torch.autograd.grad(output.square().sum(), values)
    for i in range(2):
        value = values[:, i].detach().requires_grad_()
        single = ms_deform_attn(value, SHAPES, locations, weights)
        assert torch.equal(output[i], single)
        assert torch.equal(
            mapped_gradient[:, i], torch.autograd.grad(single.square().sum(), value)[0]
        )


def test_a_layer_without_a_trace_takes_the_fused_entry(monkeypatch):
    from deformviz.attention import deformable

    layer = deformable.MultiScaleDeformableAttention(24, 3, 3, 4)
    torch.nn.init.normal_(layer.sampling_offsets.weight, generator=torch.Generator().manual_seed(2))
    query, pixels = torch.randn(2, 6, 24), torch.randn(2, 49, 24)
    references, calls = torch.rand(2, 6, 3, 4), []

    def counted(*arguments, **options):
        calls.append(arguments)
        return ms_deform_attn_fused(*arguments, **options)

    monkeypatch.setattr(deformable, "ms_deform_attn_fused", counted)
    with torch.no_grad():
        with_trace, _ = layer(query, references, pixels, SHAPES)
        assert not calls
        without, trace = layer(query, references, pixels, SHAPES, traced=False)
    assert len(calls) == 1 and trace is None
    torch.testing.assert_close(without, with_trace, rtol=1e-4, atol=1e-5)
