"""What every training shares: weights, their average, an optimiser, a folder to go on from."""

import copy
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, TypeVar

import torch
from torch import nn

from deformviz.training.distributed import World
from deformviz.training.recorder import Recorder
from deformviz.training.run_folder import RunFolder, RunFolderError

log = logging.getLogger(__name__)

M = TypeVar("M", bound=nn.Module)


def in_channels_last(model: M) -> M:
    """The model with its weights as convolutions read them fastest."""
    to: Any = model.to  # whose types know no memory format
    return to(memory_format=torch.channels_last)


class Training(ABC):
    """A run that can be stopped and go on to the bit: model, average, optimiser, iteration.

    Batches depend on the seed and the iteration alone and nothing else is random, so these four
    are the whole state.
    """

    kind: ClassVar[str]  # as `run.json` names it

    def __init__(
        self,
        recipe: Any,
        folder: RunFolder,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        world: World | None = None,
    ):
        """
        Args:
            recipe: frozen; with `iterations`, `learning_rate`, `rate`, `average_decay`,
                `snapshot_iterations` and `to_dict`.
            folder: goes on with the state it holds.
            model: with its initial weights, on its device.
            world: the processes that train together, by default this one alone.
        """
        self.recipe, self.folder, self.world = recipe, folder, world or World()
        self.model, self.optimiser = model.train(), optimiser
        self.average = copy.deepcopy(model).eval()
        self.iteration = 0
        if state := folder.load_state():
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            self._check_optimiser()
            self.iteration = state["iteration"]
            log.info("Going on from iteration %d.", self.iteration)

    def _check_optimiser(self) -> None:
        """Raise RunFolderError where what was kept of a weight is another's.

        It is kept by place, and a step with what does not fit would end the process.
        """
        for weight, kept in self.optimiser.state.items():
            sizes = {part.shape for part in kept.values() if part.dim()}
            if sizes - {weight.shape}:
                raise RunFolderError(
                    "The optimiser's state is of a version that lists the weights in another "
                    "order. Go on with the version that began the run, or begin it anew."
                )

    @abstractmethod
    def step(self) -> dict:
        """One iteration; returns its record."""

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

    def set_rate(self) -> float:
        """Give every group of the optimiser the learning rate of this iteration."""
        rate = self.recipe.learning_rate * self.recipe.rate(self.iteration)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group.get("factor", 1.0)
        return rate

    def descend(self, loss: torch.Tensor) -> float:
        """Move weights and average against the gradient of `loss`; returns its unclipped norm."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.world.sum_gradients(self.model.parameters())
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        self.optimiser.step()
        self.iteration += 1
        self._follow()
        return norm.item()

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the averaged weights; quickly at first, so that they forget the start."""
        share = 1 - min(self.recipe.average_decay, (1 + self.iteration) / (10 + self.iteration))
        lerp: Any = torch._foreach_lerp_  # pyright: ignore[reportPrivateImportUsage]
        lerp(list(self.average.parameters()), list(self.model.parameters()), share)
        for kept, now in zip(self.average.buffers(), self.model.buffers(), strict=True):
            kept.copy_(now)

    def run(self, *, save_every_s: float = 180.0, record_every: int = 10) -> Iterator[dict]:
        """Train to the end, yielding a record per iteration; snapshots and state go to disk."""
        if self.world.is_first:
            self.folder.create(self.kind, self.recipe.to_dict())
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
