"""Does attribution find what matters, over many scenes? Deletion areas, scene by scene."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from deformviz.analysis.attribution import attribute
from deformviz.analysis.attribution_targets import Target, hold
from deformviz.analysis.faithfulness import ORDERS, faithfulness
from deformviz.models.deformable_detr import DeformableDETR
from deformviz.training.scenes import render_many

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class SceneAreas:
    """Mean score while points are deleted, of the surest detection of each scene."""

    layer: str
    scores: np.ndarray  # [scene], before anything is deleted
    areas: dict[str, np.ndarray]  # order -> [scene]
    errors: np.ndarray  # [scene], completeness of the attributions

    def mean(self, order: str) -> float:
        return float(self.areas[order].mean())

    def below_random(self, order: str) -> float:
        """Share of the scenes in which an order's area lies below the random one."""
        return float((self.areas[order] < self.areas["random"]).mean())

    def __str__(self) -> str:
        lines = [
            f"{self.layer}, {len(self.scores)} scenes, mean score {self.scores.mean():.3f}, "
            f"completeness error: median {np.median(self.errors):.4f}, largest "
            f"{self.errors.max():.4f}"
        ]
        lines += [
            f"  deleted by {order:12} area {self.mean(order):.4f}"
            + (
                f", below random in {100 * self.below_random(order):.0f} % of scenes"
                if order != "random"
                else ""
            )
            for order in ORDERS
        ]
        return "\n".join(lines)


def deletion_on_scenes(
    model: DeformableDETR,
    *,
    layer: str | None = None,
    scenes: int = 100,
    seed: int = 20_000,
    size_px: int = 192,
    on_progress: OnProgress | None = None,
) -> SceneAreas:
    """Delete points of one layer under the surest detection of each held-out scene.

    Args:
        layer: the last one of the decoder, if None.
        seed: of the scenes; random orders follow it too.
    """
    layer = layer or f"decoder.{model.config.decoder_layers - 1}"
    generator = torch.Generator().manual_seed(seed)
    rows: list[tuple[float, ...]] = []
    for done, scene in enumerate(render_many(seed, scenes, (size_px, size_px))):
        if on_progress is not None:
            on_progress(done, scenes)
        held = hold(model, scene.image)
        best = int(held.output.logits[0].argmax())
        target = Target(*divmod(best, held.output.logits.shape[-1]))
        found = attribute(held, target, layer)
        tested = faithfulness(
            held, target, layer, found.values, generator=generator, kinds=("deletion",)
        )
        rows.append(
            (
                found.score,
                found.completeness_error,
                *(tested.area("deletion", order) for order in ORDERS),
            )
        )
    if on_progress is not None:
        on_progress(scenes, scenes)
    table = np.array(rows)
    areas = {order: table[:, 2 + i] for i, order in enumerate(ORDERS)}
    return SceneAreas(layer, table[:, 0], areas, table[:, 1])
