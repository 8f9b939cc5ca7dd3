"""The CUDA kernels without a GPU: run by an emulator, compiled for every target, disassembled."""

import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from deformviz.attention import backends
from deformviz.attention.reference import ms_deform_attn_reference, sampling_locations

HERE = Path(__file__).parent
CUDA = HERE.parents[1] / "kernels" / "csrc" / "cuda"
TYPES = [torch.float32, torch.float16, torch.bfloat16]
SAMPLES, POINTS, BOXES = range(3)
PYRAMID = [(9, 11), (5, 6), (3, 2), (1, 1)]


@pytest.fixture(scope="session")
def emulated(emulate):
    return emulate("emulated")


def pointer(tensor):
    return None if tensor is None else ctypes.c_void_p(tensor.data_ptr())


def run(
    library,
    shapes,
    value,
    locations,
    weights,
    *,
    given=SAMPLES,
    references=None,
    grad=None,
    wanted=(True, True, True),
    fixed_scale=None,
):
    """Output of the emulated kernels, or with `grad` the gradients of value, locations, weights."""
    batch, _, heads, channels = value.shape
    queries, levels, points = locations.shape[1], *locations.shape[3:5]
    sizes = [batch, heads, channels, queries, points, levels, *sum(map(list, shapes), [])]
    output = torch.full((batch, queries, heads * channels), torch.nan, dtype=value.dtype)
    grad_value = torch.zeros(value.shape) if wanted[0] else None
    grads = [
        torch.full(t.shape, torch.nan) if want else None
        for t, want in zip((locations, weights), wanted[1:], strict=True)
    ]
    fixed = torch.zeros(value.shape, dtype=torch.int64) if fixed_scale is not None else None
    library.run(
        (ctypes.c_int * len(sizes))(*sizes),
        TYPES.index(value.dtype),
        given,
        pointer(value),
        pointer(locations),
        pointer(weights),
        pointer(references),
        pointer(output),
        pointer(grad),
        pointer(grad_value),
        *map(pointer, grads),
        pointer(fixed),
        pointer(fixed_scale),
    )
    if grad is None:
        return output
    return grad_value, *grads


def problem(shapes, *, dtype=torch.float32, batch=2, heads=3, channels=32, queries=7, points=4):
    generator = torch.Generator().manual_seed(4)
    pixels, levels = sum(height * width for height, width in shapes), len(shapes)
    value = torch.randn(batch, pixels, heads, channels, generator=generator).to(dtype)
    locations = torch.rand(batch, queries, heads, levels, points, 2, generator=generator)
    weights = torch.rand(batch, queries, heads, levels, points, generator=generator).to(dtype)
    grad = torch.randn(batch, queries, heads * channels, generator=generator).to(dtype)
    return value, locations * 1.4 - 0.2, weights, grad


def relative(ours, truth):
    truth = truth.double()
    return ((ours.double() - truth).abs().max() / truth.abs().max().clamp_min(1e-6)).item()


def reference_gradients(shapes, value, locations, weights, grad):
    leaves = [tensor.double().requires_grad_() for tensor in (value, locations, weights)]
    output = ms_deform_attn_reference(leaves[0], shapes, *leaves[1:])
    return output, *torch.autograd.grad(output, leaves, grad.double())


CASES = {
    "decoder": dict(queries=7),
    "encoder": dict(queries=136),  # as many queries as pixels: tiles
    "narrow heads": dict(channels=8, queries=136),
    "middle heads": dict(channels=16, queries=136),
    "odd heads": dict(channels=6, queries=5),
    "wide heads": dict(channels=72, queries=9),
    "many samples": dict(shapes=[(3, 4), (2, 2), (4, 2)], points=9),
}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", TYPES, ids=lambda dtype: str(dtype).split(".")[1])
@pytest.mark.parametrize("case", CASES)
def test_emulated_kernels_equal_the_reference(emulated, case, dtype):
    sizes = dict(CASES[case])
    shapes = sizes.pop("shapes", PYRAMID)
    value, locations, weights, grad = problem(shapes, dtype=dtype, **sizes)
    tolerance = {torch.float32: 3e-6, torch.float16: 2e-3, torch.bfloat16: 1e-2}[dtype]
    output, *truth = reference_gradients(shapes, value, locations, weights, grad)
    assert relative(run(emulated, shapes, value, locations, weights), output) < tolerance
    gradients = run(emulated, shapes, value, locations, weights, grad=grad)
    for ours, true in zip(gradients, truth, strict=True):
        assert relative(ours, true) < 3e-6  # gradients are summed in float32


@pytest.mark.slow
@pytest.mark.parametrize("given", [POINTS, BOXES], ids=["points", "boxes"])
@pytest.mark.parametrize("queries", [7, 136], ids=["decoder", "encoder"])
def test_emulated_fused_entry_equals_the_steps(emulated, given, queries):
    value, offsets, logits, _ = problem(PYRAMID, queries=queries)
    offsets, logits = (offsets - 0.5) * 5, logits * 6
    references = torch.rand(2, queries, 4, 2 * given, generator=torch.Generator().manual_seed(1))
    ours = run(emulated, PYRAMID, value, offsets, logits, given=given, references=references)
    locations = sampling_locations(references.double(), offsets.double(), PYRAMID)
    weights = logits.double().flatten(-2).softmax(-1).view_as(logits)
    truth = ms_deform_attn_reference(value.double(), PYRAMID, locations, weights)
    assert relative(ours, truth) < 5e-6


@pytest.mark.slow
def test_emulated_sums_in_fixed_point(emulated):
    value, locations, weights, grad = problem(PYRAMID, queries=136)
    _, *truth = reference_gradients(PYRAMID, value, locations, weights, grad)
    largest = (grad.abs().amax() * weights.abs().amax()).double()
    scale = (2.0**40 / largest).float().view(1)
    ours = run(emulated, PYRAMID, value, locations, weights, grad=grad, fixed_scale=scale)
    for mine, true in zip(ours, truth, strict=True):
        assert relative(mine, true) < 3e-6


@pytest.mark.slow
def test_emulated_gradients_nobody_asked_for(emulated):
    value, locations, weights, grad = problem(PYRAMID)
    everything = run(emulated, PYRAMID, value, locations, weights, grad=grad)
    for wanted in ((True, False, False), (False, True, False), (False, False, True)):
        some = run(emulated, PYRAMID, value, locations, weights, grad=grad, wanted=wanted)
        for ours, full, want in zip(some, everything, wanted, strict=True):
            assert torch.equal(ours, full) if want else ours is None


@pytest.mark.slow
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_emulated_bad_numbers_stay_where_they_are(emulated, bad):
    value, locations, weights, grad = problem(PYRAMID, queries=136)
    clean = run(emulated, PYRAMID, value, locations, weights)
    broken = locations.clone()
    broken[:, 3] = bad
    output = run(emulated, PYRAMID, value, broken, weights)
    others = torch.arange(136) != 3
    assert torch.equal(output[:, others], clean[:, others])
    assert output[:, 3].abs().max() == 0
    grad_value, *gradients = run(emulated, PYRAMID, value, broken, weights, grad=grad)
    assert torch.isfinite(grad_value).all()
    assert all(gradient[:, 3].abs().max() == 0 for gradient in gradients)
    value[:, 0] = bad
    truth = ms_deform_attn_reference(value, PYRAMID, locations, weights)
    assert torch.equal(
        torch.isfinite(run(emulated, PYRAMID, value, locations, weights)), torch.isfinite(truth)
    )


@pytest.mark.slow
def test_emulated_kernels_stay_inside_their_memory(cuda_include, compiler, tmp_path):
    """The emulator under AddressSanitizer, in a process of its own that has it from the start."""
    program = tmp_path / "emulated"
    subprocess.run(
        [
            compiler,
            "-std=c++17",
            "-O1",
            "-w",
            "-fsanitize=address,undefined",
            "-fno-sanitize-recover",
            cuda_include,
            str(HERE / "emulated.cpp"),
            str(HERE / "emulated_main.cpp"),
            "-o",
            str(program),
        ],
        check=True,
    )
    result = subprocess.run([program], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr[-3000:]
    assert "36 launches" in result.stdout


# -- compiled, not run ---------------------------------------------------------------------------

ARCHITECTURES = ["80", "90", "100"]
MOST_REGISTERS = 128  # so that 512 threads fit a multiprocessor


@pytest.fixture(scope="session", params=ARCHITECTURES)
def compiled(nvcc, request, tmp_path_factory):
    """(architecture, what the assembler says, cubin) of the kernels in standard.cu."""
    cubin = tmp_path_factory.mktemp("cubin") / f"sm_{request.param}.cubin"
    result = subprocess.run(
        [
            nvcc,
            "-std=c++17",
            "-O3",
            f"-arch=sm_{request.param}",
            "-Werror",
            "all-warnings",
            "-Xptxas",
            "-v",
            "-cubin",
            str(HERE / "standard.cu"),
            "-o",
            str(cubin),
        ],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return request.param, result.stderr, cubin


@pytest.mark.slow
def test_kernels_fit_the_registers(compiled):
    _, said, _ = compiled
    kernels = said.count("Compiling entry function")
    assert kernels == 13
    assert said.count(" 0 bytes spill stores, 0 bytes spill loads") == kernels
    registers = [int(number) for number in re.findall(r"Used (\d+) registers", said)]
    assert len(registers) == kernels
    assert max(registers) <= MOST_REGISTERS


@pytest.fixture(scope="session")
def instructions(compiled):
    """(architecture, {kernel: names of its instructions}) from the disassembly."""
    folder = next(
        (
            Path(root) / "nvidia" / "cu13" / "bin"
            for root in sys.path
            if (Path(root) / "nvidia" / "cu13" / "bin" / "cuobjdump").is_file()
        ),
        None,
    )
    if not folder:
        pytest.skip("no CUDA disassembler: pip install nvidia-cuda-cuobjdump nvidia-cuda-nvdisasm")
    architecture, _, cubin = compiled
    listing = subprocess.run(
        [folder / "cuobjdump", "-sass", str(cubin)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"},
    ).stdout
    functions = re.split(r"Function : (\S+)", listing)[1:]
    return architecture, {
        name: re.findall(r"\*/\s+(?:@!?U?P\d+ )?([A-Z][\w.]+)", body)
        for name, body in zip(functions[::2], functions[1::2], strict=True)
    }


@pytest.mark.slow
def test_rows_move_sixteen_bytes_at_a_time(instructions):
    _, kernels = instructions
    rows = {name: code for name, code in kernels.items() if "from_fixed" not in name}
    assert len(rows) == 12
    for name, code in rows.items():
        assert code.count("LDG.E.128") >= 4, name  # the four corners of a sample
        assert not [word for word in code if word.startswith(("LDL", "STL"))], name
    for name in (name for name in rows if "forward" in name):
        assert "STG.E.128" in rows[name], name


@pytest.mark.slow
def test_gradients_are_added_four_at_a_time_where_the_gpu_can(instructions):
    architecture, kernels = instructions
    for name, code in kernels.items():
        sums = [word for word in code if word.startswith("RED")]
        if "FloatSum" in name:
            vectors = [word for word in sums if "ADD.F32x4" in word]
            assert len(sums) >= 8, name
            assert len(vectors) == (0 if architecture == "80" else len(sums)), name
        elif "FixedSum" in name:
            assert sums and all("ADD.64" in word for word in sums), name


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_kernel_compiles_without_spills(nvcc, architecture, tmp_path):
    result = subprocess.run(
        [
            nvcc,
            "-std=c++17",
            "-O3",
            f"-arch=sm_{architecture}",
            "-Werror",
            "all-warnings",
            "-Xptxas",
            "-v",
            "-cubin",
            str(CUDA / "kernels.cu"),
            "-o",
            str(tmp_path / "all.cubin"),
        ],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    kernels = result.stderr.count("Compiling entry function")
    assert kernels == 85
    assert result.stderr.count(" 0 bytes spill stores, 0 bytes spill loads") == kernels
    assert max(map(int, re.findall(r"Used (\d+) registers", result.stderr))) <= MOST_REGISTERS


def test_registration_compiles_against_this_torch(nvcc, compiler, tmp_path):
    build = backends.build_script()
    command = build.cuda_commands(nvcc, ARCHITECTURES)["register.o"]
    subprocess.run([*command, "-Werror", "-o", str(tmp_path / "register.o")], check=True)
