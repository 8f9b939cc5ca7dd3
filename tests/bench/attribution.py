"""What an attribution takes on the shipped model: samples of the decoder, of the encoder, pixels.

    python -m tests.bench.attribution --out attribution.json [--threads 1] [--rounds 5]

The whole answer as the page asks for it: every quantity and method of every layer of a part, with
deletion and insertion curves; of pixels, every method. Prints the worst completeness error beside.
Seconds are the processor's; a figure counts only from a quiet machine.
"""

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import deformviz as dv
from deformviz.analysis.attribution_pixels import (
    PIXEL_METHODS,
    attribute_pixels,
    detector_question,
)
from deformviz.analysis.attribution_records import METHODS
from deformviz.analysis.attribution_table import study
from deformviz.analysis.attribution_targets import HeldPass, Target, hold
from deformviz.analysis.layers_studied import MOST_STEPS, PIXELS
from deformviz.models.memory import keep_freed_memory
from tests.bench.compare import quartiles
from tests.bench.model import machine, seconds_of

PICTURE = Path(__file__).parents[2] / "sample_images" / "balloons-tall.png"


def of_samples(held: HeldPass, target: Target, part: str) -> float:
    """The study of one part; returns the worst completeness error of its paths."""
    found = study(
        held,
        target,
        layers=tuple(name for name in held.layers if name.startswith(part)),
        generator=torch.Generator().manual_seed(0),
        most_steps=MOST_STEPS[part],
    )
    return max(row.completeness_error for row in found.rows if row.method == METHODS[0])


def of_pixels(held: HeldPass, target: Target) -> float:
    """Every method on pixels; returns the completeness error of the path."""
    question = detector_question(held, target)
    found = [
        attribute_pixels(question, method, most_steps=MOST_STEPS[PIXELS])
        for method in PIXEL_METHODS
    ]
    return max(one.completeness_error or 0.0 for one in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    load_before = os.getloadavg()[0]
    held = hold(dv.load("deformable-detr-scenes"), np.asarray(Image.open(PICTURE).convert("RGB")))
    scores = held.output.logits.sigmoid()[0]
    target = Target(*divmod(int(scores.argmax()), scores.shape[1]))
    errors: dict[str, float] = {}

    def case(name: str, ask: Callable[..., float], *said: str) -> Callable[[], None]:
        def run() -> None:
            errors[name] = ask(held, target, *said)

        return run

    taken = seconds_of(
        {
            "decoder": case("decoder", of_samples, "decoder"),
            "encoder": case("encoder", of_samples, "encoder"),
            "pixels": case("pixels", of_pixels),
        },
        options.rounds,
    )
    print(f"{machine()}  load before {load_before:.1f}")
    for name, seconds in taken.items():
        low, middle, high = quartiles(seconds)
        print(f"{name:<10}{middle:>7.2f} s  ({low:.2f} to {high:.2f})  error {errors[name]:.4f}")
    if options.out:
        cases = {name: {"seconds": s, "error": errors[name]} for name, s in taken.items()}
        facts = {"machine": machine(), "load": load_before, "cases": cases}
        options.out.write_text(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
