"""The detector's training: its model, its optimiser, its loss, one step.

One process or several (see `distributed`): each takes its share of the same global batch.
"""

import time
from functools import reduce

import numpy as np
import torch
from torch import Tensor, nn

from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.geometry import cell_centres, shapes_list
from deformviz.models.deformable_detr import DeformableDETR
from deformviz.training.ahead import Ahead
from deformviz.training.batches import detector_batch
from deformviz.training.distributed import World
from deformviz.training.losses import Total, dense_loss, own_count, set_loss
from deformviz.training.matching import Targets
from deformviz.training.recipe import DetectorRecipe
from deformviz.training.run_folder import RunFolder
from deformviz.training.trainer import Training, in_channels_last

OFFSET_LAYERS = ("sampling_offsets", "reference_points")


def build_model(recipe: DetectorRecipe) -> DeformableDETR:
    """A detector with its initial weights, which depend on the recipe's seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = DeformableDETR(recipe.model)
        if recipe.offset_start != "star":  # what every module starts with by itself
            for module in model.modules():
                if isinstance(module, MultiScaleDeformableAttention):
                    module.initialise(recipe.offset_start)
    return in_channels_last(model)


def build_optimiser(model: nn.Module, recipe: DetectorRecipe) -> torch.optim.Optimizer:
    """AdamW with a group of its own for the layers that place points."""
    named = list(model.named_parameters())
    placing = [p for n, p in named if any(layer in n for layer in OFFSET_LAYERS)]
    others = [p for n, p in named if not any(layer in n for layer in OFFSET_LAYERS)]
    return torch.optim.AdamW(
        [
            {"params": others, "factor": 1.0},
            {"params": placing, "factor": recipe.offset_learning_rate},
        ],
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def token_centres(spatial_shapes: Tensor, like: Tensor) -> Tensor:
    """Where each encoder token's cell lies [token xy], normalised, on images without padding."""
    centres = np.concatenate([cell_centres(size) for size in shapes_list(spatial_shapes)])
    return torch.from_numpy(centres).to(like)


def detection_losses(
    model: DeformableDETR, images, targets, recipe: DetectorRecipe, total: Total = own_count
) -> dict[str, Tensor]:
    """Every term of the loss on one batch, by name; `total` counts boxes over all processes.

    images [batch 3 height width]: all of one size, so that nothing is padded.
    """
    shapes_from = "decoder.0"  # the cheapest trace: few queries
    output, traces = model(images, traced=(shapes_from,))
    terms = set_loss(output, targets, recipe.loss, total)
    if recipe.dense_per_object and output.proposals is not None:
        centres = token_centres(traces[shapes_from].spatial_shapes, output.proposals.boxes_cxcywh)
        terms |= dense_loss(
            output.proposals, centres, targets, recipe.loss, recipe.dense_per_object, total
        )
    return terms


class DetectorTraining(Training):
    """The training of a detector, by one process or several."""

    kind = "detector"
    model: DeformableDETR

    def __init__(
        self,
        recipe: DetectorRecipe,
        folder: RunFolder,
        world: World | None = None,
        dtype: torch.dtype = torch.float32,
    ):
        """
        Args:
            folder: goes on with the state it holds.
            world: the processes that train together, by default this one alone.
            dtype: of weights and pictures; double precision for comparisons.
        """
        world = world or World()
        check_batches(recipe, world)
        self._ahead = Ahead(lambda iteration: detector_batch(recipe, iteration))
        model = build_model(recipe).to(world.device, dtype)
        super().__init__(recipe, folder, model, build_optimiser(model, recipe), world)

    def step(self) -> dict:
        """One iteration; returns its record."""
        started, rate = time.perf_counter(), self.set_rate()
        images, targets, count = self._batch()
        terms = detection_losses(self.model, images, targets, self.recipe, self.world.total)
        loss = reduce(torch.add, terms.values())
        if self.world.size == 1 and self.iteration + 1 < self.recipe.iterations:
            self._ahead.begin(self.iteration + 1)
        norm = self.descend(loss)
        whole, *parts = self.world.totals([loss.item(), *(t.item() for t in terms.values())])
        return {
            "iteration": self.iteration,
            "loss": whole,
            "terms": {name: round(part, 5) for name, part in zip(terms, parts, strict=True)},
            "learning_rate": rate,
            "gradient_norm": norm,
            "images": count,
            "size_hw": list(images.shape[-2:]),
            "seconds": round(time.perf_counter() - started, 4),
        }

    def _batch(self) -> tuple[Tensor, list[Targets], int]:
        """This process's share of the next batch, and how many pictures all of it has."""
        images, targets = self._ahead.take(self.iteration)
        like = next(self.model.parameters())
        mine = images[self.world.rank :: self.world.size]
        share = mine.contiguous(memory_format=torch.channels_last).to(like)
        boxes = [
            Targets(t.labels.to(like.device), t.boxes_cxcywh.to(like))
            for t in self.world.share(targets)
        ]
        return share, boxes, len(targets)


def check_batches(recipe: DetectorRecipe, world: World) -> None:
    """Raise ValueError if the smallest batch has fewer pictures than there are processes."""
    smallest = recipe.images_per_batch(*[recipe.sides_px[1][1]] * 2)
    if smallest < world.size:
        raise ValueError(
            f"{world.size} processes cannot share a batch of {smallest} pictures; start "
            "fewer, or raise pixels_per_batch and most_images in the recipe."
        )
