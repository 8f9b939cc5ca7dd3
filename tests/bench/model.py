"""A forward pass of R50 Deformable DETR and its inference form, interleaved in one process.

    python -m tests.bench.model --out model.json [--threads 1] [--rounds 9] [--keep-memory]

Seconds are the processor's, which neighbours disturb less than a clock; still, a figure counts only
from a quiet machine. The limit is the time that the multiply-adds take at the rate of a large
matrix product measured in the same run.
"""

import argparse
import json
import os
import platform
import resource
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from deformviz.models.deformable_detr import DeformableDETR
from deformviz.models.inference import inference_form
from deformviz.models.memory import keep_freed_memory
from tests.bench.compare import quartiles

SIZE_HW = (800, 1066)


def seconds_of(cases: dict[str, Callable], rounds: int) -> dict[str, list[float]]:
    """Processor time of each case, round by round, so that disturbances meet all alike."""
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for lap in range(rounds + 1):
        for name, case in cases.items():
            started = time.process_time()
            case()
            if lap:
                taken[name].append(time.process_time() - started)
    return taken


def machine() -> dict:
    """What the figures depend on."""
    names = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    return {
        "processor": names[0].partition(":")[2].strip() if names else platform.processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--keep-memory", action="store_true", help="as the app's workers do")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.keep_memory:
        keep_freed_memory()
    torch.manual_seed(0)
    model, images = DeformableDETR().eval().requires_grad_(False), [torch.randn(3, *SIZE_HW)]
    square = torch.randn(1500, 1500)
    load_before = os.getloadavg()[0]
    with torch.inference_mode():
        form = inference_form(model)
        with FlopCounterMode(display=False) as counter:
            model(images, traced=False)
        taken = seconds_of(
            {
                "untouched": lambda: model(images, traced=False),
                "inference form": lambda: form(images, traced=False),
                "untouched, traced": lambda: model(images),
                "inference form, traced": lambda: form(images),
                "large matrix product": lambda: square @ square,
            },
            options.rounds,
        )
    rate = 2 * 1500**3 / quartiles(taken["large matrix product"])[1]
    limit = counter.get_total_flops() / rate
    print(f"{machine()}  load {load_before:.1f}  {rate / 1e9:.0f} GFLOP/s")
    for name, seconds in taken.items():
        low, middle, high = quartiles(seconds)
        ratio = f"{middle / limit:.2f} x limit" if "product" not in name else ""
        print(f"{name:<28}{middle * 1e3:>9.1f} ms  ({low * 1e3:.1f} to {high * 1e3:.1f})  {ratio}")
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"limit {limit * 1e3:.1f} ms, peak {peak_mib:.0f} MiB")
    if options.out:
        cases = {name: {"seconds": seconds} for name, seconds in taken.items()}
        facts = {"machine": machine(), "load": load_before, "limit_s": limit, "cases": cases}
        options.out.write_text(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
