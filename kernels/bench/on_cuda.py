"""The CUDA kernels against grid_sample and against the GPU's own limit: medians, spread, ratios.

    python kernels/bench/on_cuda.py [--batches 1 2 8] [--repeats 50] [--original FILE] [--out FILE]

Also against the original kernel, where `--original` names its built extension
(MultiScaleDeformableAttention*.so), and against Hugging Face's compiled kernel, where the package
`kernels` has it. Times are microseconds of one call on the GPU; calls alternate. Beside each stands
the floor: the bytes that must move, at the measured rate of a copy.
"""

import argparse
import importlib.util
import json
import statistics
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from problems import Problem, synthetic  # noqa: E402

from deformviz.attention import backends, reference  # noqa: E402
from deformviz.attention.op import ms_deform_attn, ms_deform_attn_fused  # noqa: E402

TYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def original_op(path: Path) -> Callable:
    """The original extension's forward and backward as one differentiable op."""
    spec = importlib.util.spec_from_file_location("MultiScaleDeformableAttention", path)
    extension = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(extension)
    return differentiable(extension.ms_deform_attn_forward, extension.ms_deform_attn_backward)


def hugging_face_op() -> Callable:
    """Hugging Face's kernel, from its `kernels` package; ImportError or worse without it."""
    from kernels import get_kernel

    module = get_kernel("kernels-community/deformable-detr")
    return differentiable(module.ms_deform_attn_forward, module.ms_deform_attn_backward)


def differentiable(forward: Callable, backward: Callable) -> Callable:
    class Op(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *arguments):
            ctx.save_for_backward(*arguments)
            return forward(*arguments, 64)

        @staticmethod
        def backward(ctx, grad):
            of_value, of_locations, of_weights = backward(*ctx.saved_tensors, grad.contiguous(), 64)
            return of_value, None, None, of_locations, of_weights

    def op(value, shapes, locations, weights):
        sizes = torch.tensor(shapes, device="cuda")
        areas = sizes.prod(1)
        return Op.apply(value, sizes, areas.cumsum(0) - areas, locations.to(value.dtype), weights)

    return op


def peers(original: Path | None) -> dict[str, Callable]:
    """What to compare with: every peer that can be had here, and a line about the others."""
    found = {"grid_sample": reference.ms_deform_attn_reference}
    if original:
        found["original"] = original_op(original)
    try:
        found["hugging face"] = hugging_face_op()
    except Exception as error:  # noqa: BLE001  whatever keeps it from being had
        print(f"Without Hugging Face's kernel: {error}", file=sys.stderr)
    return found


def microseconds(call: Callable[[], object], flush: torch.Tensor) -> float:
    """GPU time of one call, after other data has passed through the caches."""
    flush.zero_()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    call()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) * 1e3


def copy_rate() -> float:
    """Bytes per microsecond, read and written, of a copy that fits no cache."""
    source = torch.empty(1 << 30, dtype=torch.uint8, device="cuda")
    target, flush = torch.empty_like(source), torch.empty(1, device="cuda")
    taken = [microseconds(lambda: target.copy_(source), flush) for _ in range(20)]
    return 2 * source.numel() / min(taken)


def floors(problem: Problem, dtype: torch.dtype) -> dict[str, int]:
    """Bytes that must move: every input read once, every result written once."""
    wide, narrow = 4, torch.finfo(dtype).bits // 8
    value, output = problem.value.numel(), problem.grad.numel()
    locations, weights = problem.locations.numel(), problem.weights.numel()
    forward = (value + output + weights) * narrow + locations * wide
    return {
        "forward": forward,
        "backward": 2 * forward + value * (2 * wide - narrow) - output * narrow,
    }


def on_gpu(problem: Problem, dtype: torch.dtype):
    return (
        problem.value.to("cuda", dtype),
        problem.shapes,
        problem.locations.cuda(),
        problem.weights.to("cuda", dtype),
    )


def measure(calls: dict[str, Callable], repeats: int, flush: torch.Tensor) -> dict:
    taken = {name: [] for name in calls}
    for turn in range(repeats + 3):
        for name, call in calls.items():
            time = microseconds(call, flush)
            if turn >= 3:
                taken[name].append(time)
    return {
        name: {
            "median": statistics.median(times),
            "quartiles": statistics.quantiles(times, n=4)[::2],
        }
        for name, times in taken.items()
    }


def forward_calls(problem: Problem, dtype: torch.dtype, ops: dict[str, Callable]) -> dict:
    arguments = on_gpu(problem, dtype)
    calls = {name: lambda op=op: op(*arguments) for name, op in ops.items()}
    layer = [tensor.cuda() for tensor in (problem.references, problem.offsets, problem.logits)]
    calls["ours, fused"] = lambda: ms_deform_attn_fused(*arguments[:2], *layer)
    return calls


def backward_calls(problem: Problem, dtype: torch.dtype, ops: dict[str, Callable]) -> dict:
    value, shapes, locations, weights = on_gpu(problem, dtype)
    leaves = [tensor.requires_grad_() for tensor in (value, locations, weights)]
    grad = problem.grad.to("cuda", dtype)
    outputs = {name: op(leaves[0], shapes, *leaves[1:]) for name, op in ops.items()}
    return {
        name: lambda output=output: torch.autograd.grad(
            output, leaves, grad.to(output), retain_graph=True
        )
        for name, output in outputs.items()
    }


def targets(rows: dict) -> list[str]:
    """What an encoder of two pictures has to reach against the original in float32, as lines."""
    lines = []
    for way, least in (
        ("forward", {"float32": 6, "float16": 9, "bfloat16": 9}),
        ("backward", {"float32": 6}),
    ):
        original = rows.get(f"encoder, N=2 {way} float32", {}).get("original")
        for type_name, factor in least.items() if original else ():
            row = rows[f"encoder, N=2 {way} {type_name}"]
            ratio = original["median"] / row["ours"]["median"]
            above = row["ours"]["median"] / row["floor"]
            lines.append(
                f"{way} {type_name}: {ratio:.1f} times the original's float32, asked for "
                f"{factor}: {'met' if ratio >= factor else 'NOT MET'}; "
                f"{above:.1f} times the floor"
            )
    return lines or ["The original was not measured at two pictures: no target was checked."]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 8])
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--original", type=Path, help="the original's built extension")
    parser.add_argument("--out", type=Path, help="write every figure to this JSON file")
    options = parser.parse_args()
    ops = {"ours": lambda *a: ms_deform_attn(*a, backend="cuda"), **peers(options.original)}
    flush, rate = torch.empty(256 << 20, dtype=torch.uint8, device="cuda"), copy_rate()
    figures = {
        "date": date.today().isoformat(),
        "gpu": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "kernels": backends.load_cuda().detail,
        "copy_gb_s": rate / 1e3,
        "rows": {},
    }
    print(f"{figures['gpu']}, copy {rate / 1e3:.0f} GB/s; us: median [quartiles]")
    for batch in options.batches:
        for kind in ({}, {"uniform": True}, {"queries": 300}):
            label = "decoder" if "queries" in kind else "encoder"
            problem = synthetic(
                f"{label}{', uniform' * bool(kind.get('uniform'))}, N={batch}", batch=batch, **kind
            )
            for type_name, dtype in TYPES.items():
                # The original computes in the type of its values: compare with float32.
                peers_here = ops if dtype == torch.float32 else {"ours": ops["ours"]}
                for way, make in (("forward", forward_calls), ("backward", backward_calls)):
                    found = measure(make(problem, dtype, peers_here), options.repeats, flush)
                    floor = floors(problem, dtype)[way] / rate
                    figures["rows"][f"{problem.name} {way} {type_name}"] = found | {"floor": floor}
                    cells = "; ".join(
                        f"{name} {row['median']:.1f} [{row['quartiles'][0]:.1f}.."
                        f"{row['quartiles'][1]:.1f}]"
                        for name, row in found.items()
                    )
                    print(
                        f"{problem.name} {way} {type_name}: {cells}; floor {floor:.1f}", flush=True
                    )
    figures["targets"] = targets(figures["rows"])
    print(*figures["targets"], sep="\n")
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
