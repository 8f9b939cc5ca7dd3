"""A full-size Deformable DETR on a CPU, end to end: the compiled op against the reference op.

    python kernels/bench/end_to_end.py [--threads 2] [--size 800 1066] [--out FILE]

ResNet-50, six layers each way, 300 queries, random weights, no trace; seconds per picture.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deformviz.attention.deformable import MultiScaleDeformableAttention  # noqa: E402
from deformviz.models.deformable_detr import DeformableDETR  # noqa: E402


def seconds(model: DeformableDETR, picture: torch.Tensor, backend: str) -> float:
    for module in model.modules():
        if isinstance(module, MultiScaleDeformableAttention):
            module.backend = backend
    start = time.perf_counter()
    model([picture], traced=False)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=int, nargs=2, default=(800, 1066))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model, picture = DeformableDETR().eval(), torch.randn(3, *options.size)
    taken = {"cpu": [], "reference": []}
    with torch.inference_mode():
        for turn in range(options.repeats + 1):
            for backend, times in taken.items():
                time_of_one = seconds(model, picture, backend)
                if turn:
                    times.append(time_of_one)
                    print(f"{backend}: {time_of_one:.2f} s", flush=True)
    medians = {backend: statistics.median(times) for backend, times in taken.items()}
    print(
        f"compiled {medians['cpu']:.2f} s, reference {medians['reference']:.2f} s: "
        f"{medians['reference'] / medians['cpu']:.2f} times as fast"
    )
    if options.out:
        options.out.write_text(json.dumps({"seconds": taken, **vars(options) | {"out": None}}))


if __name__ == "__main__":
    main()
