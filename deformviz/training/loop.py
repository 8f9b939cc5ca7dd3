"""The training loop of the detector: a generator of records, which its caller may stop anywhere."""

import copy
import logging
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from deformviz.models.deformable_detr import DeformableDETR
from deformviz.training.batches import detector_batch
from deformviz.training.losses import dense_loss, set_loss
from deformviz.training.recipe import DetectorRecipe
from deformviz.training.run_folder import RunFolder

log = logging.getLogger(__name__)
OFFSET_LAYERS = ("sampling_offsets", "reference_points")
WATCHED = ("sampling_offsets", "attention_weights")


def build_model(recipe: DetectorRecipe) -> DeformableDETR:
    """A detector with its initial weights, which depend on the recipe's seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = DeformableDETR(recipe.model)
    return model.to(memory_format=torch.channels_last)


def build_optimiser(model: nn.Module, recipe: DetectorRecipe) -> torch.optim.Optimizer:
    """AdamW with a group of its own for the layers that place points."""
    named = list(model.named_parameters())
    placing = [p for n, p in named if any(layer in n for layer in OFFSET_LAYERS)]
    others = [p for n, p in named if not any(layer in n for layer in OFFSET_LAYERS)]
    return torch.optim.AdamW(
        [{"params": others, "factor": 1.0},
         {"params": placing, "factor": recipe.offset_learning_rate}],
        lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True,
    )


def token_centres(trace) -> Tensor:
    """Where each encoder token's cell lies [batch token xy]: its reference on its own level."""
    points = trace.reference_points
    level = torch.repeat_interleave(
        torch.arange(points.shape[2]), trace.spatial_shapes.prod(-1)
    ).to(points.device)
    return points[:, torch.arange(points.shape[1]), level]


def detection_losses(model: DeformableDETR, images, targets, recipe: DetectorRecipe):
    """Every term of the loss on one batch, by name."""
    output, traces = model(list(images), traced=("encoder.0",))
    terms = set_loss(output, targets, recipe.loss)
    if recipe.dense_per_object and output.proposals is not None:
        centres = token_centres(traces["encoder.0"])
        terms |= dense_loss(output.proposals, centres, targets, recipe.loss,
                            recipe.dense_per_object)
    return terms


def gradient_norms(model: nn.Module) -> dict[str, float]:
    """Norm of the gradient of each `sampling_offsets` and `attention_weights` weight."""
    return {
        name.removesuffix(".weight"): float(parameter.grad.norm())
        for name, parameter in model.named_parameters()
        if name.endswith(".weight") and name.split(".")[-2] in WATCHED
        and parameter.grad is not None
    }


class DetectorTraining:
    """A run that can be stopped and go on: model, average, optimiser, iteration."""

    def __init__(self, recipe: DetectorRecipe, folder: RunFolder):
        self.recipe, self.folder = recipe, folder
        self.model = build_model(recipe).train()
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

    def save(self) -> None:
        """Write the state to go on from."""
        self.folder.save_state({
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "iteration": self.iteration,
        })

    def step(self) -> dict:
        """One iteration; returns its record."""
        recipe, started = self.recipe, time.perf_counter()
        rate = recipe.learning_rate * recipe.rate(self.iteration)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["factor"]
        images, targets = detector_batch(recipe, self.iteration)
        images = images.contiguous(memory_format=torch.channels_last)
        terms = detection_losses(self.model, images, targets, recipe)
        self.optimiser.zero_grad(set_to_none=True)
        loss = sum(terms.values())
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip_norm)
        self.optimiser.step()
        self.iteration += 1
        self._follow()
        return {
            "iteration": self.iteration,
            "loss": loss.item(),
            "terms": {name: round(value.item(), 5) for name, value in terms.items()},
            "learning_rate": rate,
            "gradient_norm": norm.item(),
            "images": len(targets),
            "size_hw": list(images.shape[-2:]),
            "seconds": round(time.perf_counter() - started, 4),
        }

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the averaged weights; quickly at first, so that they forget the start."""
        share = 1 - min(self.recipe.average_decay, (1 + self.iteration) / (10 + self.iteration))
        torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), share)
        for kept, now in zip(self.average.buffers(), self.model.buffers(), strict=True):
            kept.copy_(now)

    def run(self, *, save_every_s: float = 180.0, record_every: int = 10) -> Iterator[dict]:
        """Train to the end, yielding a record per iteration; snapshots and state go to disk."""
        wanted, saved = set(self.recipe.snapshot_iterations()), time.monotonic()
        if self.iteration == 0 and 0 in wanted:
            self.folder.save_snapshot(0, self.model.state_dict())
        while self.iteration < self.recipe.iterations:
            record = self.step()
            at_snapshot = self.iteration in wanted
            if at_snapshot or self.iteration % record_every == 0:
                record["gradient_norms"] = gradient_norms(self.model)
                self.folder.append(record)
            if at_snapshot:
                self.folder.save_snapshot(self.iteration, self.model.state_dict())
            if time.monotonic() - saved > save_every_s or self.iteration == self.recipe.iterations:
                self.save()
                saved = time.monotonic()
            yield record
