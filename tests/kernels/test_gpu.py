"""The CUDA kernels on a GPU: every type and form against the reference in float64."""

import pytest
import torch

from deformviz.attention import backends
from deformviz.attention.op import ms_deform_attn, ms_deform_attn_fused
from deformviz.attention.reference import ms_deform_attn_reference

pytestmark = pytest.mark.gpu

SHAPES = [(19, 27), (10, 14), (5, 7), (3, 4)]
PIXELS = sum(height * width for height, width in SHAPES)
TOLERANCE = {torch.float32: 5e-6, torch.float16: 3e-3, torch.bfloat16: 2e-2}


@pytest.fixture(autouse=True)
def cuda_kernels():
    found = backends.load_cuda()
    assert found.runs, found.detail


def inputs(dtype=torch.float32, *, batch=2, heads=8, channels=32, queries=77, points=4):
    generator = torch.Generator().manual_seed(0)
    value = torch.randn(batch, PIXELS, heads, channels, generator=generator)
    samples = batch, queries, heads, len(SHAPES), points
    # Off the borders of cells, where rounding decides between two gradients.
    size = torch.tensor([(width, height) for height, width in SHAPES])[:, None]
    cell = (torch.rand(*samples, 2, generator=generator) * (size + 2)).floor() - 2
    part = torch.rand(*samples, 2, generator=generator) * 0.98 + 0.01
    locations = (cell + part + 0.5) / size
    weights = torch.rand(*samples, generator=generator)
    return value.to("cuda", dtype), locations.cuda(), weights.to("cuda", dtype)


def results(tensors, backend):
    leaves = [tensor.detach().clone().requires_grad_() for tensor in tensors]
    output = ms_deform_attn(leaves[0], SHAPES, *leaves[1:], backend=backend)
    grad = torch.randn(output.shape, generator=torch.Generator().manual_seed(1)).to(output)
    return output.detach(), *torch.autograd.grad(output, leaves, grad)


def relative(ours, truth):
    return ((ours.double() - truth).abs().max() / truth.abs().max()).item()


@pytest.mark.parametrize("dtype", TOLERANCE, ids=lambda dtype: str(dtype).split(".")[1])
@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"queries": PIXELS},
        {"queries": PIXELS, "channels": 8},
        {"channels": 16},
        {"channels": 6, "heads": 3},
        {"channels": 72, "heads": 3},
        {"points": 9},
        {"batch": 65},
    ],
    ids=str,
)
def test_output_and_gradients(dtype, sizes):
    tensors = inputs(dtype, **sizes)
    truth = results([tensor.double() for tensor in tensors], "reference")
    for ours, true in zip(results(tensors, "cuda"), truth, strict=True):
        assert relative(ours, true) < TOLERANCE[dtype]


@pytest.mark.parametrize("size", [2, 4], ids=["points", "boxes"])
@pytest.mark.parametrize("queries", [77, PIXELS])
def test_fused_entry(size, queries):
    value, offsets, logits = inputs(queries=queries)
    references = torch.rand(2, queries, len(SHAPES), size, device="cuda")
    arguments = (value, SHAPES, references, offsets * 4 - 2, logits * 6)
    ours = ms_deform_attn_fused(*arguments, backend="cuda")
    steps = ms_deform_attn_fused(
        *(a.double() if torch.is_tensor(a) else a for a in arguments), backend="reference"
    )
    assert relative(ours, steps) < 1e-5


def test_deterministic_gradients_repeat_bit_by_bit():
    tensors = inputs(queries=PIXELS)
    truth = results([tensor.double() for tensor in tensors], "reference")
    torch.use_deterministic_algorithms(True)
    try:
        runs = [results(tensors, "cuda") for _ in range(5)]
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(
        torch.equal(ours, first)
        for run in runs[1:]
        for ours, first in zip(run, runs[0], strict=True)
    )
    assert all(relative(ours, true) < 5e-6 for ours, true in zip(runs[0], truth, strict=True))


def test_runs_on_the_stream_and_the_gpu_of_its_tensors():
    tensors = inputs()
    expected = ms_deform_attn(tensors[0], SHAPES, *tensors[1:])
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(10_000_000)
        later = tensors[0] * 1
        output = ms_deform_attn(later, SHAPES, *tensors[1:])
    stream.synchronize()
    assert torch.equal(output, expected)
    if torch.cuda.device_count() > 1:
        moved = [tensor.to("cuda:1") for tensor in tensors]
        assert torch.equal(ms_deform_attn(moved[0], SHAPES, *moved[1:]).to("cuda:0"), expected)


def test_empty_and_unaligned_input():
    value, locations, weights = inputs(queries=0)
    assert ms_deform_attn(value, SHAPES, locations, weights).shape == (2, 0, 256)
    value, locations, weights = inputs()
    shifted = torch.cat([value.new_zeros(1), value.flatten()])[1:].view_as(value)
    assert torch.equal(
        ms_deform_attn(shifted, SHAPES, locations, weights),
        ms_deform_attn(value, SHAPES, locations, weights),
    )


def test_bad_numbers_stay_with_their_query():
    value, locations, weights = inputs(queries=PIXELS)
    clean = ms_deform_attn(value, SHAPES, locations, weights)
    locations[:, 3] = torch.nan
    output = ms_deform_attn(value, SHAPES, locations, weights)
    others = torch.arange(PIXELS, device="cuda") != 3
    assert torch.equal(output[:, others], clean[:, others])
    assert output[:, 3].abs().max() == 0
    value[:, 0] = torch.nan
    truth = ms_deform_attn_reference(value, SHAPES, locations.nan_to_num(5.0), weights)
    assert torch.equal(
        torch.isfinite(ms_deform_attn(value, SHAPES, locations, weights)), torch.isfinite(truth)
    )
