"""A study made in a moment: random layers of which one head never leaves its star."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from deformviz.survey.finish import keep_results
from deformviz.survey.make import make, plan
from deformviz.survey.study import Study
from tests.survey.random_layer import SHAPES, a_trace

STAR = ("encoder.0", 1)
PICTURES = 12


def trace_with_a_star(picture) -> object:
    """A trace of random numbers, the same for the same file; the star is one cell to the right."""
    seed = sum(Path(picture).name.encode())
    trace = a_trace(seed)
    layer, head = STAR
    record = trace.layers[layer]
    locations = record.sampling_locations.clone()
    for level, (_, width) in enumerate(SHAPES):
        locations[:, head, level] = record.reference_points[:, level, None]
        locations[:, head, level, :, 0] += 1.0 / width
    return replace(
        trace, layers={**trace.layers, layer: replace(record, sampling_locations=locations)}
    )


def planted_study(folder: Path) -> Study:
    """Make the study and its pictures below a folder: `folder/planted`."""
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    rng = np.random.default_rng(8)
    for number in range(PICTURES):
        pixels = rng.integers(0, 256, (50, 90, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(pictures / f"noise-{number:02d}.png")
    settings, listed = plan("a model in memory", pictures)
    made = Study(make(folder / "planted", settings, listed, model=trace_with_a_star).path)
    keep_results(made)
    return made


def entry_point():
    """What `--model tests.survey.planted_study:entry_point` names."""
    return trace_with_a_star


def dies_once():
    """The same in a process that is killed at the picture 2.png, unless another one was before."""

    def trace(picture):
        died = Path(os.environ["DIES_ONCE"])
        if Path(picture).name == "2.png" and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return trace_with_a_star(picture)

    return trace
