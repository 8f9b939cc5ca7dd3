"""What recording costs beside a plain forward pass, interleaved in one process.

    python -m tests.bench.record --out record.json [--threads 1] [--rounds 5] [--side 800 1066]

R50 Deformable DETR with random weights at 800×1066: the pass alone, recorded without proof, with
its proof, and with values kept. Seconds are the processor's; a figure counts only from a quiet
machine. Memory is the largest resident set of a process of its own for each case.
"""

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from deformviz.models.deformable_detr import DeformableDETR, DeformableDETRConfig
from deformviz.tracing.record import record
from tests.bench.compare import quartiles
from tests.bench.model import machine, seconds_of

CASES = {
    "plain": None,
    "recorded, not proven": {"prove_layers": False},
    "recorded and proven": {},
    "decoder alone, proven": {"layers": ["decoder.*"]},
    "values kept": {"keep_values": True},
}


def case(model: DeformableDETR, pixels: torch.Tensor, name: str) -> Callable[[], None]:
    """One pass of the model, recorded as the case says."""
    options = CASES[name]

    def run() -> None:
        with torch.no_grad():
            if options is None:
                model([pixels], traced=False)
                return
            with record(model, **options):
                model([pixels], traced=False)

    return run


def built(side: tuple[int, int]) -> tuple[DeformableDETR, torch.Tensor]:
    """An R50 and a picture, both random."""
    torch.manual_seed(0)
    model = DeformableDETR(DeformableDETRConfig(classes=91)).eval()
    return model, torch.rand(3, *side)


def peak_mib(name: str, options: argparse.Namespace) -> float:
    """Largest resident set of a fresh process that runs one case once."""
    command = [sys.executable, "-m", "tests.bench.record", "--only", name]
    command += ["--threads", str(options.threads), "--side", *map(str, options.side)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", type=int, nargs=2, default=(800, 1066), metavar=("H", "W"))
    parser.add_argument("--only", choices=CASES, help="run this case once and print its MiB")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model, pixels = built(tuple(options.side))
    if options.only:
        case(model, pixels, options.only)()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    seconds = seconds_of({name: case(model, pixels, name) for name in CASES}, options.rounds)
    memory = {name: peak_mib(name, options) for name in CASES}
    found = {"machine": machine(), "side_hw": list(options.side), "seconds": {}, "mib": memory}
    plain = quartiles(seconds["plain"])[1]
    print(f"{'case':<24} {'s, quartiles':<24} {'ratio':>6} {'MiB':>7}")
    for name, taken in seconds.items():
        low, middle, high = quartiles(taken)
        found["seconds"][name] = taken
        spread = f"{low:.2f} {middle:.2f} {high:.2f}"
        print(f"{name:<24} {spread:<24} {middle / plain:6.2f} {memory[name]:7.0f}")
    if options.out:
        options.out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
