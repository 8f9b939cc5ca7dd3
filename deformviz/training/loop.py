"""The training loop of the detector: a generator of records, which its caller may stop anywhere.

One process or several (see `distributed`): each takes its share of the same global batch.
"""

import copy
import logging
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.models.deformable_detr import DeformableDETR
from deformviz.training.batches import detector_batch
from deformviz.training.distributed import World
from deformviz.training.losses import Total, dense_loss, own_count, set_loss
from deformviz.training.matching import Targets
from deformviz.training.recipe import DetectorRecipe
from deformviz.training.recorder import Recorder
from deformviz.training.run_folder import RunFolder

log = logging.getLogger(__name__)
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
    return model.to(memory_format=torch.channels_last)


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


def token_centres(trace) -> Tensor:
    """Where each encoder token's cell lies [batch token xy]: its reference on its own level."""
    points = trace.reference_points
    level = torch.repeat_interleave(
        torch.arange(points.shape[2]), trace.spatial_shapes.prod(-1)
    ).to(points.device)
    return points[:, torch.arange(points.shape[1]), level]


def detection_losses(
    model: DeformableDETR, images, targets, recipe: DetectorRecipe, total: Total = own_count
) -> dict[str, Tensor]:
    """Every term of the loss on one batch, by name; `total` counts boxes over all processes."""
    output, traces = model(list(images), traced=("encoder.0",))
    terms = set_loss(output, targets, recipe.loss, total)
    if recipe.dense_per_object and output.proposals is not None:
        centres = token_centres(traces["encoder.0"])
        terms |= dense_loss(
            output.proposals, centres, targets, recipe.loss, recipe.dense_per_object, total
        )
    return terms


class DetectorTraining:
    """A run that can be stopped and go on: model, average, optimiser, iteration."""

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
        self.recipe, self.folder, self.world = recipe, folder, world or World()
        self._check_batches()
        self.model = build_model(recipe).to(self.world.device, dtype).train()
        self.average = copy.deepcopy(self.model).eval()
        self.optimiser = build_optimiser(self.model, recipe)
        self.iteration = 0
        state = folder.load_state()
        if state:
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.iteration = state["iteration"]
            log.info("Going on from iteration %d.", self.iteration)

    def _check_batches(self) -> None:
        smallest = self.recipe.images_per_batch(*[self.recipe.sides_px[1][1]] * 2)
        if smallest < self.world.size:
            raise ValueError(
                f"{self.world.size} processes cannot share a batch of {smallest} pictures; start "
                "fewer, or raise pixels_per_batch and most_images in the recipe."
            )

    def save(self) -> None:
        """Write the state to go on from; of several processes the first one does."""
        if not self.world.is_first:
            return
        self.folder.save_state(
            {
                "model": self.model.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "iteration": self.iteration,
            }
        )

    def step(self) -> dict:
        """One iteration; returns its record."""
        recipe, started = self.recipe, time.perf_counter()
        rate = recipe.learning_rate * recipe.rate(self.iteration)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["factor"]
        images, targets, count = self._batch()
        terms = detection_losses(self.model, images, targets, recipe, self.world.total)
        self.optimiser.zero_grad(set_to_none=True)
        loss = sum(terms.values())
        loss.backward()
        self.world.sum_gradients(self.model.parameters())
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip_norm)
        self.optimiser.step()
        self.iteration += 1
        self._follow()
        whole, *parts = self.world.totals([loss.item(), *(t.item() for t in terms.values())])
        return {
            "iteration": self.iteration,
            "loss": whole,
            "terms": {name: round(part, 5) for name, part in zip(terms, parts, strict=True)},
            "learning_rate": rate,
            "gradient_norm": norm.item(),
            "images": count,
            "size_hw": list(images.shape[-2:]),
            "seconds": round(time.perf_counter() - started, 4),
        }

    def _batch(self) -> tuple[Tensor, list[Targets], int]:
        """This process's share of the next batch, and how many pictures all of it has."""
        images, targets = detector_batch(self.recipe, self.iteration)
        like = next(self.model.parameters())
        share = self.world.share(images).contiguous(memory_format=torch.channels_last).to(like)
        boxes = [
            Targets(t.labels.to(like.device), t.boxes_cxcywh.to(like))
            for t in self.world.share(targets)
        ]
        return share, boxes, len(targets)

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the averaged weights; quickly at first, so that they forget the start."""
        share = 1 - min(self.recipe.average_decay, (1 + self.iteration) / (10 + self.iteration))
        torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), share)
        for kept, now in zip(self.average.buffers(), self.model.buffers(), strict=True):
            kept.copy_(now)

    def run(self, *, save_every_s: float = 180.0, record_every: int = 10) -> Iterator[dict]:
        """Train to the end, yielding a record per iteration; snapshots and state go to disk."""
        if self.world.is_first:
            self.folder.create("detector", self.recipe.to_dict())
        recorder = Recorder(
            self.folder,
            self.model,
            record_every=record_every,
            schedule=self.recipe.snapshot_iterations(),
            iteration=self.iteration,
        )
        saved = time.monotonic()
        while self.iteration < self.recipe.iterations:
            record = self.step()
            recorder.step(**{k: v for k, v in record.items() if k != "iteration"})
            if time.monotonic() - saved > save_every_s or self.iteration == self.recipe.iterations:
                self.save()
                saved = time.monotonic()
            yield record
