"""Does the op work on this machine? Back ends, tools, and a parity figure for each of them."""

import json
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

import deformviz
from deformviz.attention.backends import (
    BackendError,
    build_script,
    compilers,
    kernels_folder,
    report,
)
from deformviz.attention.op import ms_deform_attn
from deformviz.attention.reference import ms_deform_attn_reference

SHAPES = [(9, 13), (5, 7), (3, 4), (2, 2)]
QUERIES, HEADS, CHANNELS, POINTS = 61, 8, 32, 4


@dataclass(frozen=True)
class Parity:
    """Greatest relative difference from the float64 reference on one problem, in float32."""

    backend: str
    output: float
    gradients: float  # of value, sampling locations and attention weights


def _problem() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    pixels = sum(height * width for height, width in SHAPES)
    samples = (2, QUERIES, HEADS, len(SHAPES), POINTS)
    value = torch.randn(2, pixels, HEADS, CHANNELS, generator=generator)
    # Off the borders of cells, where a rounding may turn a gradient into that of the next cell.
    cells = torch.rand(*samples, 2, generator=generator) * 0.98 + 0.01
    sizes = torch.tensor([(width, height) for height, width in SHAPES])[:, None]
    corners = (torch.rand(*samples, 2, generator=generator) * (sizes + 1)).floor() - 1
    weights = torch.randn(*samples, generator=generator).flatten(3).softmax(-1).view(samples)
    upstream = torch.randn(2, QUERIES, HEADS * CHANNELS, generator=generator)
    return value, (corners + cells + 0.5) / sizes, weights, upstream


def _run(op, inputs, device: str, dtype: torch.dtype) -> list[Tensor]:
    *arguments, upstream = (tensor.to(device, dtype) for tensor in inputs)
    arguments = [argument.requires_grad_() for argument in arguments]
    value, locations, weights = arguments
    output = op(value, SHAPES, locations, weights)
    gradients = torch.autograd.grad(output, arguments, upstream)
    return [tensor.detach().cpu().double() for tensor in (output, *gradients)]


def parity_figures() -> list[Parity]:
    """How far every back end that runs here is from the float64 reference."""
    inputs = _problem()
    truth = _run(ms_deform_attn_reference, inputs, "cpu", torch.float64)
    figures = []
    for backend in report():
        if backend.runs:
            device = "cuda" if backend.name == "cuda" else "cpu"
            found = _run(
                lambda *a, name=backend.name: ms_deform_attn(*a, backend=name),
                inputs,
                device,
                torch.float32,
            )
            far = [
                float((a - b).abs().max() / b.abs().max())
                for a, b in zip(found, truth, strict=True)
            ]
            figures.append(Parity(backend.name, far[0], max(far[1:])))
    return figures


def _gpus() -> str:
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return ", ".join(names) or "none that torch can use"


GPU_FIGURES = Path("gpu-figures") / "bench.json"  # where kernels/check_gpu.sh leaves them


def gpu_of_a_real_run() -> str | None:
    """The GPU whose figures of the CUDA kernels lie beside them, or None."""
    try:
        return str(json.loads((kernels_folder() / GPU_FIGURES).read_text())["gpu"])
    except (OSError, ValueError, KeyError, TypeError, BackendError):
        return None


def cuda_kernels() -> str:
    """What is known of the CUDA kernels: figures of a real run beside them, or none."""
    gpu = gpu_of_a_real_run()
    if gpu is None:
        return "compiled and emulated, never run on a GPU"
    return f"run on {gpu} ({GPU_FIGURES.as_posix()})"


def diagnosis() -> list[tuple[str, str]]:
    """What `deformviz doctor` prints: what is meant, and what was found."""
    rows = [
        ("deformviz", deformviz.__version__),
        ("python", f"{platform.python_version()} ({sys.platform}, {platform.machine()})"),
        ("torch", f"{torch.__version__}, {torch.get_num_threads()} threads"),
        ("GPU", _gpus()),
        ("CUDA kernels", cuda_kernels()),
    ]
    rows += [(name, path or "not found") for name, path in compilers().items()]
    rows.append(("cache", str(build_script().cache_folder())))
    rows += [
        (f"back end {b.name}", f"{'runs' if b.runs else 'cannot run'}: {b.detail}")
        for b in report()
    ]
    rows += [
        (
            f"parity {p.backend}",
            f"output {p.output:.1e}, gradients {p.gradients:.1e} from the float64 reference",
        )
        for p in parity_figures()
    ]
    return rows
