"""Record a training, anybody's, in three lines.

    recorder = Recorder("runs/mine", model, optimiser)
    for batch in batches:
        ...                             # forward, loss.backward(), optimiser.step()
        recorder.step(loss)             # before the next zero_grad()

On its schedule the recorder keeps either the weights or, with `probe`, what every deformable
attention layer does to fixed pictures; every few iterations it writes loss, learning rates and
gradient norms. The folder is described in `run_folder`; a killed process loses at most the line or
file it was writing. Under `torchrun` only the first process writes.
"""

import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from deformviz.schema import AttentionTrace, ImageFrame, Trace
from deformviz.tracing.packing import PackedLayerError, compress, pack_layer
from deformviz.tracing.record import Recording, record
from deformviz.training.distributed import this_rank
from deformviz.training.run_folder import RunFolder, RunFolderError

WATCHED = ("sampling_offsets", "attention_weights")
SNAPSHOTS = (
    0,
    10,
    30,
    100,
    178,
    240,
    316,
    420,
    562,
    750,
    1000,
    1778,
    3162,
    5623,
    10000,
    17783,
    30000,
)
Schedule = Callable[[int], bool]


def log_spaced(iteration: int) -> bool:
    """About four snapshots per factor of ten, denser where offsets leave the star (100 to 1000)."""
    if iteration <= SNAPSHOTS[-1]:
        return iteration in SNAPSHOTS
    magnitude = 10 ** (len(str(iteration)) - 1)
    return iteration in {round(factor * magnitude) for factor in (1, 1.778, 3.162, 5.623)}


def every(count: int) -> Schedule:
    """A snapshot every `count` iterations, the start included."""
    if count < 1:
        raise ValueError(f"every({count}) is no schedule; the count must be at least 1.")
    return lambda iteration: iteration % count == 0


@torch.no_grad()
def gradient_norms(model: nn.Module) -> dict[str, float]:
    """Norm of the gradient of each `sampling_offsets` and `attention_weights` weight."""
    named = [
        (name.removesuffix(".weight"), parameter.grad)
        for name, parameter in model.named_parameters()
        if name.endswith(".weight")
        and name.split(".")[-2:-1]
        and name.split(".")[-2] in WATCHED
        and parameter.grad is not None
    ]
    if not named:
        return {}
    norm: Any = torch._foreach_norm  # pyright: ignore[reportPrivateImportUsage]
    norms = torch.stack(norm([gradient for _, gradient in named]))
    return dict(zip([name for name, _ in named], norms.tolist(), strict=True))


class Recorder:
    """Writes a run folder from inside a training loop."""

    def __init__(
        self,
        folder: str | RunFolder,
        model: nn.Module,
        optimiser: torch.optim.Optimizer | None = None,
        *,
        schedule: Schedule | Collection[int] = log_spaced,
        record_every: int = 10,
        probe: Callable[[], Any] | None = None,
        pictures: Sequence[np.ndarray] = (),
        iteration: int = 0,
        **facts: Any,
    ):
        """
        Args:
            folder: where to write; one that holds a run already is continued.
            schedule: when to keep a snapshot: `log_spaced`, `every(n)`, or iterations.
            record_every: iterations from one record to the next.
            probe: runs the model on fixed pictures, e.g. `lambda: model(pixels)`. With it, traces
                are kept in place of weights.
            pictures: those pictures, HWC uint8 RGB, in the order of the batch, each as large as
                the model sees it before padding.
            iteration: how many iterations lie behind; a loop that goes on says so.
            facts: anything JSON can hold, for `run.json`.
        """
        self._folder = folder if isinstance(folder, RunFolder) else RunFolder(folder)
        self._model, self._optimiser, self._probe = model, optimiser, probe
        self._due = schedule if callable(schedule) else frozenset(schedule).__contains__
        self._record_every = record_every
        self._pictures = list(pictures)
        self._writes = this_rank() == 0
        self.iteration = iteration
        self.seconds = 0.0  # spent in here, to be compared with the training
        if self._writes:
            self._begin(facts)

    def _begin(self, facts: dict) -> None:
        kept = {"pictures": [list(p.shape[:2]) for p in self._pictures]} if self._pictures else {}
        self._folder.create(
            "recording",
            {},
            model=type(self._model).__name__,
            torch=str(torch.__version__),
            **kept,
            **facts,
        )
        about = self._folder.about()  # another kind of folder is refused here
        if about["kind"] == "recording" and not self.iteration and any(self._folder.records()):
            raise RunFolderError(
                f"{self._folder.path.name} holds a run already. Say iteration=... to go on with "
                "it, or choose another folder."
            )
        for number, picture in enumerate(self._pictures):
            self._folder.save_picture(number, picture)
        if self._due(self.iteration) and self.iteration == 0:
            self.snapshot()

    def step(self, loss: torch.Tensor | float, **facts: Any) -> None:
        """Call after each iteration, while its gradients are still there.

        Args:
            loss: of this iteration; read only when a record is due.
            facts: more numbers for the record.
        """
        self.iteration += 1
        due = self._due(self.iteration)
        if not self._writes or not (due or self.iteration % self._record_every == 0):
            return
        started = time.perf_counter()
        found = {
            "iteration": self.iteration,
            "loss": loss.item() if isinstance(loss, torch.Tensor) else float(loss),
            **facts,
        }
        if self._optimiser is not None:
            found["learning_rates"] = [float(g["lr"]) for g in self._optimiser.param_groups]
        self._folder.append({**found, "gradient_norms": gradient_norms(self._model)})
        self.seconds += time.perf_counter() - started
        if due:
            self.snapshot()

    def snapshot(self) -> None:
        """Keep weights or traces of this very iteration, whatever the schedule says."""
        if not self._writes:
            return
        started = time.perf_counter()
        if self._probe is None:
            self._folder.save_snapshot(self.iteration, self._model.state_dict())
        else:
            self._folder.save_traces(self.iteration, self._traces(self._probe))
        self.seconds += time.perf_counter() - started

    def _traces(self, probe: Callable[[], Any]) -> dict[str, bytes]:
        """Every recorded layer on every picture, packed."""
        modes = [(module, module.training) for module in self._model.modules()]
        generator = torch.get_rng_state()
        self._model.eval()
        try:
            with torch.no_grad(), record(self._model) as recording:
                probe()
        finally:
            for module, training in modes:
                module.training = training
            torch.set_rng_state(generator)
        packed = pack_recording(recording, [p.shape[:2] for p in self._pictures])
        if not packed:
            reasons = "; ".join(f"{name}: {why}" for name, why in recording.skipped.items())
            raise RunFolderError(f"No layer that the probe ran can be shown: {reasons}")
        return packed


def pack_recording(recording: Recording, sizes_hw: Sequence[tuple[int, int]]) -> dict[str, bytes]:
    """Layers of a recording as packed binaries under "<picture>/<layer>".

    Args:
        sizes_hw: of the pictures, in pixels, before padding; those beyond the list count as
            filling the whole batch. With none at all the cells of the first level stand for
            pixels. A layer that cannot be packed is left out.
    """
    packed = {}
    for name, trace in recording.traces.items():
        if not isinstance(trace, AttentionTrace):
            recording.skipped[name] = f"a {type(trace).__name__} has no sampling points to pack."
            continue
        trace = trace.map(lambda tensor: tensor.float() if tensor.is_floating_point() else tensor)
        for picture in range(trace.attention_weights.shape[0]):
            frame = picture_frame(picture, sizes_hw or trace.spatial_shapes[:1].tolist())
            whole = Trace({name: trace.image(picture)}, frame, proofs=recording.proofs)
            try:
                packed[f"{picture}/{name}"] = compress(pack_layer(whole, name))
            except PackedLayerError as problem:
                recording.skipped[name] = str(problem)
    return packed


def picture_frame(picture: int, sizes_hw: Sequence[tuple[int, int]]) -> ImageFrame:
    """The frame of one picture of a batch that was padded to its largest sides."""
    sizes = [(int(height), int(width)) for height, width in sizes_hw]
    padded = max(height for height, _ in sizes), max(width for _, width in sizes)
    own = sizes[picture] if picture < len(sizes) else padded
    return ImageFrame(own, own, padded)
