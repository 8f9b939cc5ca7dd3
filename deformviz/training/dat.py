"""Training of the small DAT on rendered scenes of one object; a run may stop and go on anywhere."""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from deformviz.models.dat import DAT, DATConfig
from deformviz.models.dat_presets import dat_scenes
from deformviz.models.square import pad_to_square
from deformviz.training.batches import to_model_input
from deformviz.training.run_folder import RunFolder
from deformviz.training.scenes import (
    CLASSES,
    EVALUATION,
    SINGLE_SIZES,
    TRAINING,
    Scene,
    render_single,
    scene_generator,
)
from deformviz.training.trainer import Training, in_channels_last

TRAINING_STREAM = 2  # keeps these pictures apart from the detector's and from evaluation
EVALUATION_SEED = 20_000
SNAPSHOTS = (0, 30, 100, 200, 316, 500, 750, 1000, 1500, 2200, 3162, 4200)


@dataclass(frozen=True)
class DATRecipe:
    """How the small DAT is trained. Same recipe, same seed, same machine: same weights."""

    model: DATConfig = field(default_factory=lambda: dat_scenes(CLASSES))
    iterations: int = 6000
    seed: int = 0
    images: int = 16  # per batch
    square_share: float = 0.6  # others have a ratio of 1:2 to 2:1 and are padded
    object_sizes: tuple[float, float] = SINGLE_SIZES  # as SceneConfig counts them
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    clip_norm: float = 1.0
    warmup: int = 200  # iterations
    constant_share: float = 0.4  # then cosine down to `last_rate`
    last_rate: float = 0.01
    label_smoothing: float = 0.05
    average_decay: float = 0.998  # exponential moving average of the weights
    snapshots: tuple[int, ...] = SNAPSHOTS
    begin_with: str = ""  # a checkpoint whose weights training begins with, where shapes agree

    def rate(self, iteration: int) -> float:
        """Learning rate of an iteration, as a factor of `learning_rate`."""
        warm = min(1.0, (iteration + 1) / self.warmup)
        done = iteration / self.iterations - self.constant_share
        fall = max(0.0, done / (1 - self.constant_share))
        return warm * max(self.last_rate, 0.5 * (1 + math.cos(math.pi * fall)))

    def snapshot_iterations(self) -> tuple[int, ...]:
        """When raw weights are kept: the schedule up to the end, and the end."""
        return (*(i for i in self.snapshots if i < self.iterations), self.iterations)

    def to_dict(self) -> dict:
        """Plain values for a run folder's `run.json`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "DATRecipe":
        """The inverse of `to_dict`, also after JSON; what is not named keeps its default.

        Raises:
            ValueError: a name a recipe does not have, or a value it cannot take.
        """
        if unknown := sorted(set(values) - {f.name for f in fields(cls)}):
            raise ValueError(f"The recipe has unknown entries: {', '.join(unknown)}.")
        given = dict(values)
        if "model" in given:
            given["model"] = DATConfig.from_dict(given["model"])
        for name in ("snapshots", "object_sizes"):
            if name in given:
                given[name] = tuple(given[name])
        return cls(**given)


def read_dat_recipe(path: str | Path) -> DATRecipe:
    """A recipe from a JSON file, which names only what differs from the default.

    Raises ValueError if it is no JSON, or not of a recipe.
    """
    try:
        values = json.loads(Path(path).read_text())
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise ValueError(f"{Path(path).name} holds no recipe: it is not a JSON object.")
    model = values.get("model")
    if isinstance(model, dict):
        values["model"] = asdict(dat_scenes(CLASSES)) | model
    return DATRecipe.from_dict(values)


def scene_input(scene: Scene, config: DATConfig) -> Tensor:
    """What the model sees of a scene: float32 [3 side side], padded at the bottom and right."""
    return pad_to_square(
        to_model_input(scene.image, config.image_mean, config.image_std), config.image_size
    )


def picture_size_hw(rng: np.random.Generator, recipe: DATRecipe) -> tuple[int, int]:
    """The size of one picture in pixels; its longer side is the model's."""
    side = recipe.model.image_size
    if rng.random() < recipe.square_share:
        return side, side
    short = round(side * math.exp(-rng.uniform(0, math.log(2))))
    return (short, side) if rng.random() < 0.5 else (side, short)


def classifier_batch(recipe: DATRecipe, iteration: int) -> tuple[Tensor, Tensor]:
    """Pictures [batch 3 height width] and labels [batch]; they depend on seed and iteration."""
    rng = np.random.default_rng(np.random.SeedSequence([recipe.seed, iteration, TRAINING_STREAM]))
    scenes = [
        render_single(rng, picture_size_hw(rng, recipe), TRAINING, recipe.object_sizes)
        for _ in range(recipe.images)
    ]
    images = torch.stack([scene_input(scene, recipe.model) for scene in scenes])
    return images, torch.tensor([int(scene.labels[0]) for scene in scenes])


def build_dat(recipe: DATRecipe) -> DAT:
    """A DAT with its initial weights, which depend on the recipe's seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = DAT(recipe.model)
    if recipe.begin_with:
        from deformviz.checkpoints.load import load

        own, given = model.state_dict(), load(recipe.begin_with).state_dict()
        taken = {k: v for k, v in given.items() if k in own and own[k].shape == v.shape}
        model.load_state_dict(own | taken)
    return in_channels_last(model)


class DATTraining(Training):
    """The training of the small DAT, by one process."""

    kind = "dat"

    def __init__(self, recipe: DATRecipe, folder: RunFolder):
        """`folder` goes on with the state it holds."""
        model = build_dat(recipe)
        optimiser = torch.optim.AdamW(
            (p for p in model.parameters() if p.requires_grad),
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        super().__init__(recipe, folder, model, optimiser)

    def step(self) -> dict:
        """One iteration; returns its record."""
        started, rate = time.perf_counter(), self.set_rate()
        images, labels = classifier_batch(self.recipe, self.iteration)
        logits, _ = self.model(images.contiguous(memory_format=torch.channels_last), traced=False)
        loss = F.cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing)
        norm = self.descend(loss)
        return {
            "iteration": self.iteration,
            "loss": loss.item(),
            "accuracy": float((logits.argmax(-1) == labels).float().mean()),
            "learning_rate": rate,
            "gradient_norm": norm,
            "images": len(labels),
            "seconds": round(time.perf_counter() - started, 4),
        }


@torch.inference_mode()
def evaluate_classifier(
    model: DAT,
    *,
    scenes: int = 1000,
    seed: int = EVALUATION_SEED,
    batch: int = 50,
    sizes: tuple[float, float] = SINGLE_SIZES,
    on_progress: Callable[[int, int], None] | None = None,
) -> float:
    """Share of held-out single-object scenes that are named rightly.

    Args:
        seed: which pictures; training never uses this distribution's seeds.
        sizes: of the objects, as SceneConfig counts them.
        on_progress: called with pictures done and in all.
    """
    right, done = 0, 0
    for images, labels in evaluation_batches(
        model.config, scenes=scenes, seed=seed, batch=batch, sizes=sizes
    ):
        logits, _ = model(images.to(next(model.parameters())), traced=False)
        right += int((logits.argmax(-1).cpu() == labels).sum())
        done += len(labels)
        if on_progress:
            on_progress(done, scenes)
    return right / scenes


def evaluation_batches(
    config: DATConfig,
    *,
    scenes: int,
    seed: int = EVALUATION_SEED,
    batch: int = 50,
    sizes: tuple[float, float] = SINGLE_SIZES,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Held-out single-object scenes as a DAT reads them, and the class of each."""
    side = config.image_size
    for start in range(0, scenes, batch):
        rendered = [
            render_single(scene_generator(seed, index), (side, side), EVALUATION, sizes)
            for index in range(start, min(start + batch, scenes))
        ]
        yield (
            torch.stack([scene_input(scene, config) for scene in rendered]),
            torch.tensor([int(scene.labels[0]) for scene in rendered]),
        )
