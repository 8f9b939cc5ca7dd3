"""The loss of a recorded run as a curve that a page can draw."""

from __future__ import annotations

import numpy as np

from deformviz.training.run_folder import RunFolder

SMOOTHED_POINTS = 240


def smooth_loss(folder: RunFolder) -> tuple[list[int], list[float]]:
    """The loss over iterations as at most a few hundred means of neighbours."""
    iterations, losses = folder.curve("loss")
    if not iterations:
        return [], []
    width = max(1, -(-len(iterations) // SMOOTHED_POINTS))
    groups = [slice(at, at + width) for at in range(0, len(iterations), width)]
    return (
        [round(float(np.mean(iterations[group]))) for group in groups],
        [round(float(np.mean(losses[group])), 4) for group in groups],
    )
