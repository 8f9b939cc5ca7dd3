"""The CPU kernels against grid_sample, side by side in one run: medians, spread, ratios, memory.

    python kernels/bench/on_cpu.py [--threads 1 2] [--repeats 15] [--out figures.json]
    python kernels/bench/on_cpu.py --only "decoder backward"      (seconds)

`grid_sample` is the op of transformers (the original's own fallback), if it is installed, else
deformviz's reference. Calls alternate, so that a noise on the machine hits both alike; a ratio is
the ratio of medians. Times are milliseconds of one call.
"""

import argparse
import ctypes
import json
import multiprocessing
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from functools import partial
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from problems import Problem, captured, synthetic  # noqa: E402

from deformviz.attention import backends, reference  # noqa: E402
from deformviz.attention.op import ms_deform_attn, ms_deform_attn_fused  # noqa: E402


def grid_sample_op() -> tuple[str, Callable]:
    """The op that everyone runs on a CPU, by name."""
    try:
        from transformers.models.deformable_detr.modeling_deformable_detr import (
            MultiScaleDeformableAttention,
        )
    except ImportError:
        return "deformviz reference", reference.ms_deform_attn_reference
    op = MultiScaleDeformableAttention()
    return "transformers", lambda value, shapes, locations, weights: op(
        value, None, shapes, None, locations, weights, 64
    )


def ours(value, shapes, locations, weights):
    return ms_deform_attn(value, shapes, locations, weights, backend="cpu")


def forward_calls(problem: Problem, op: Callable) -> Callable[[], object]:
    arguments = problem.value, problem.shapes, problem.locations, problem.weights
    return lambda: op(*arguments)


def backward_calls(problem: Problem, op: Callable) -> Callable[[], object]:
    leaves = [
        tensor.clone().requires_grad_()
        for tensor in (problem.value, problem.locations, problem.weights)
    ]
    with torch.enable_grad():
        output = op(leaves[0], problem.shapes, *leaves[1:])
    return lambda: torch.autograd.grad(output, leaves, problem.grad, retain_graph=True)


def layer_calls(problem: Problem, op: Callable) -> Callable[[], object]:
    """Locations and softmax in torch, then the op: what a layer does without the fused entry."""

    def steps():
        locations = reference.locations_from_points(
            problem.references, problem.offsets, problem.shapes
        )
        weights = problem.logits.flatten(-2).softmax(-1).view_as(problem.logits)
        return op(problem.value, problem.shapes, locations, weights)

    return steps


def fused_calls(problem: Problem) -> Callable[[], object]:
    return lambda: ms_deform_attn_fused(
        problem.value,
        problem.shapes,
        problem.references,
        problem.offsets,
        problem.logits,
        backend="cpu",
    )


def milliseconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1e3


def side_by_side(mine: Callable, theirs: Callable, repeats: int) -> dict:
    """Alternating calls of both; a burst of ours, since it is so much shorter."""
    mine(), theirs()
    times = {"ours": [], "grid_sample": []}
    for _ in range(repeats):
        times["grid_sample"].append(milliseconds(theirs))
        mine()
        times["ours"] += [milliseconds(mine) for _ in range(5)]
    row = {}
    for name, taken in times.items():
        first, median, third = statistics.quantiles(taken, n=4)
        row[name] = {"median": median, "quartiles": [first, third], "min": min(taken)}
    row["ratio"] = row["grid_sample"]["median"] / row["ours"]["median"]
    row["ratio_of_minima"] = row["grid_sample"]["min"] / row["ours"]["min"]
    return row


def peak_extra_mib(queries: int | None, op_name: str) -> float:
    """Memory a forward call needs beyond its arguments, its result included (Linux).

    To be run in a process of its own: memory that earlier work has freed hides what one needs.
    """
    op = ours if op_name == "ours" else grid_sample_op()[1]
    with torch.no_grad():
        small = synthetic("small", queries=2, shapes=((3, 4), (2, 2), (1, 2), (1, 1)))
        forward_calls(small, op)()
        call = forward_calls(synthetic("", queries=queries), op)
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
        before = memory_kib("VmRSS")
        result = call()
        peak = memory_kib("VmHWM") - before
    return peak / 1024 if result is not None else 0.0


def memory_kib(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise RuntimeError(f"/proc/self/status has no {field}")


def problems(everything: bool) -> dict[str, Callable[[], Problem]]:
    """What is measured, by name; made when it is its turn."""
    decoder = {"queries": 300}
    sizes = {"encoder": {}, "decoder": decoder}
    if everything:
        sizes["encoder, uniform points"] = {"uniform": True}
        for batch in (2, 8):
            sizes[f"encoder, N={batch}"] = {"batch": batch}
            sizes[f"decoder, N={batch}"] = {"batch": batch} | decoder
    found = {name: partial(synthetic, name, **given) for name, given in sizes.items()}
    if everything:
        found["captured, D=32"] = partial(captured, "captured", channels=32)
        found["captured, own D"] = partial(captured, "captured")
    return found


def rows(grid_sample: Callable, repeats: int, everything: bool, only: str) -> dict:
    """Every measured row whose name has `only` in it: name -> times and ratios."""
    ways = {"forward": (forward_calls, forward_calls), "backward": (backward_calls, backward_calls)}
    found = {}
    for name, make in problems(everything).items():
        layer = (
            {}
            if "," in name
            else {"layer, fused": (lambda problem, _: fused_calls(problem), layer_calls)}
        )
        wanted = {way: calls for way, calls in (ways | layer).items() if only in f"{name} {way}"}
        try:
            problem = make() if wanted else None
        except Exception as error:  # noqa: BLE001  the shipped model is not there, or not this one
            print(f"No row '{name}': {error}", file=sys.stderr)
            continue
        for way, (mine, theirs) in wanted.items():
            turns = max(3, repeats // (2 * len(problem.value))) if "," in name else repeats
            found[f"{problem.name} {way}"] = side_by_side(
                mine(problem, ours), theirs(problem, grid_sample), turns
            )
    return found


def memory() -> dict:
    found = {}
    for name, queries in (("encoder", None), ("decoder", 300)):
        for op_name in ("ours", "grid_sample"):
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
                found[f"{name} forward, {op_name}"] = process.submit(
                    peak_extra_mib, queries, op_name
                ).result()
    return found


def ceilings() -> dict:
    """The machine's own limits, measured by a small C++ program."""
    build = backends.build_script()
    flags = build.instruction_sets()[backends.instruction_set()]
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/ceilings"
        subprocess.run(
            [
                build.compiler(),
                *flags,
                "-O3",
                "-std=c++17",
                "-Wno-psabi",
                str(HERE / "ceilings.cpp"),
                "-o",
                program,
            ],
            check=True,
        )
        return json.loads(subprocess.run([program], capture_output=True, check=True).stdout)


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="only the rows with a target")
    parser.add_argument(
        "--only",
        default="",
        metavar="TEXT",
        help="only the rows with a target that have this in their name",
    )
    parser.add_argument("--out", type=Path, help="write every figure to this JSON file")
    options = parser.parse_args()
    name, grid_sample = grid_sample_op()
    figures = {
        "date": date.today().isoformat(),
        "processor": processor(),
        "torch": torch.__version__,
        "grid_sample": name,
        "kernels": backends.instruction_set(),
        "threads": {},
    }
    if not options.only:
        figures |= {"ceilings_gb_s": ceilings(), "peak_extra_mib": memory()}
    with torch.no_grad():
        for threads in options.threads:
            torch.set_num_threads(threads)
            found = rows(
                grid_sample, options.repeats, not (options.quick or options.only), options.only
            )
            figures["threads"][threads] = found
            print(f"\n{threads} thread(s), {figures['kernels']}, ms: median [quartiles]")
            for title, row in found.items():
                cells = (
                    f"{row[key]['median']:9.2f} [{row[key]['quartiles'][0]:.2f}"
                    f"..{row[key]['quartiles'][1]:.2f}]"
                    for key in ("ours", "grid_sample")
                )
                print(
                    f"{title:34}",
                    *cells,
                    f"{row['ratio']:6.1f}x (minima {row['ratio_of_minima']:.1f}x)",
                    flush=True,
                )
    if not options.only:
        print("\npeak extra memory, MiB:", json.dumps(figures["peak_extra_mib"], indent=2))
        print("ceilings, GB/s:", figures["ceilings_gb_s"])
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
