"""Where a DAT's last deformed grid looks on many scenes whose object is known."""

from collections.abc import Callable

import numpy as np
import torch

from deformviz.analysis.grid import MaskShare, mask_share
from deformviz.models.dat import DAT
from deformviz.training.dat import EVALUATION_SEED, scene_input
from deformviz.training.scenes import EVALUATION, SINGLE_SIZES, render_single, scene_generator


@torch.inference_mode()
def object_shares(
    model: DAT,
    *,
    scenes: int = 500,
    seed: int = EVALUATION_SEED,
    layer: str | None = None,
    batch: int = 50,
    sizes: tuple[float, float] = SINGLE_SIZES,
    on_progress: Callable[[int, int], None] | None = None,
) -> MaskShare:
    """Mean share of knots and of attention on the object, over held-out single-object scenes.

    Args:
        layer: name of a trace, the last one if None.
        sizes: of the objects, as SceneConfig counts them.
        on_progress: called with pictures done and in all.
    """
    name = layer or model.trace_names[-1]
    side, shares = model.config.image_size, []
    for start in range(0, scenes, batch):
        rendered = [
            render_single(scene_generator(seed, index), (side, side), EVALUATION, sizes)
            for index in range(start, min(start + batch, scenes))
        ]
        images = torch.stack([scene_input(scene, model.config) for scene in rendered])
        _, traces = model(images.to(next(model.parameters())), traced=(name,))
        for index, scene in enumerate(rendered):
            shares.append(
                mask_share(traces[name].image(index).map(torch.Tensor.cpu), scene.masks[0])
            )
        if on_progress:
            on_progress(start + len(rendered), scenes)
    return MaskShare(
        *(
            float(np.mean([getattr(share, field) for share in shares]))
            for field in ("plain", "weighted", "undeformed")
        )
    )
