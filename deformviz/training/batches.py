"""Batches of rendered scenes: batch i depends on the seed and on i alone.

So a run that was stopped goes on with the same pictures, and nothing is stored.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from deformviz.training.matching import Targets
from deformviz.training.recipe import DetectorRecipe
from deformviz.training.scenes import TRAINING, Scene, SceneConfig, render

TRAINING_STREAM = 1  # keeps training apart from evaluation even where the seeds are equal


def picture_size_hw(rng: np.random.Generator, recipe: DetectorRecipe, iteration: int):
    """The size all pictures of one batch share, drawn from the recipe's range."""
    low, high = recipe.side_range_px(iteration)
    long_side = int(rng.integers(low, high + 1))
    if rng.random() < recipe.square_share:
        return long_side, long_side
    short_side = max(low // 2, round(long_side * math.exp(-rng.uniform(0, math.log(2)))))
    return (short_side, long_side) if rng.random() < 0.5 else (long_side, short_side)


def to_model_input(image: np.ndarray, mean, std) -> Tensor:
    """HWC uint8 RGB to normalised float32 [3 height width]."""
    scaled = torch.from_numpy(image).permute(2, 0, 1).float() / 255
    return (scaled - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]


def to_model_inputs(images: Sequence[np.ndarray], mean, std) -> Tensor:
    """`to_model_input` of images of one size: [batch 3 height width], channels last in memory."""
    batch = np.stack(images).astype(np.float32)
    rows = batch.reshape(-1, batch.shape[2] * 3)  # whole rows: three numbers at a time are slow
    rows /= np.float32(255)
    rows -= np.tile(np.float32(mean), batch.shape[2])
    rows /= np.tile(np.float32(std), batch.shape[2])
    return torch.from_numpy(batch).permute(0, 3, 1, 2)


def to_targets(scene: Scene) -> Targets:
    """The objects of a scene as tensors."""
    return Targets(torch.from_numpy(scene.labels), torch.from_numpy(scene.boxes_cxcywh))


def detector_batch(
    recipe: DetectorRecipe, iteration: int, config: SceneConfig = TRAINING
) -> tuple[Tensor, list[Targets]]:
    """Pictures [batch 3 height width], normalised, and their objects."""
    rng = np.random.default_rng(np.random.SeedSequence([recipe.seed, iteration, TRAINING_STREAM]))
    height, width = picture_size_hw(rng, recipe, iteration)
    count = recipe.images_per_batch(height, width)
    scenes = [render(rng, (height, width), config) for _ in range(count)]
    mean, std = recipe.model.image_mean, recipe.model.image_std
    return to_model_inputs([scene.image for scene in scenes], mean, std), [
        to_targets(scene) for scene in scenes
    ]
