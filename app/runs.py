"""From a chosen picture and model to a run that can be shown: stored, kept, or put in line."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from cachetools import LRUCache, cached

from app import second, work
from app.answers import MEBIBYTE
from app.line import JobFailed
from app.rooms import ROOMS, SAMPLING, every_stored
from app.sources import Source
from app.tasks.pictures import ComputedRun, Seen
from app.visitor import asked, here, own_checkpoints
from deformviz.checkpoints.browse import list_checkpoints
from deformviz.checkpoints.downloads import DOWNLOADS
from deformviz.checkpoints.fetch import brought_names
from deformviz.tracing.packing import PackedLayer
from deformviz.tracing.packing_dense import PackedDense
from deformviz.tracing.packing_grid import PackedGrid
from deformviz.tracing.store import StoredTrace
from deformviz.words import say

KEPT_BYTES = 12 * MEBIBYTE  # of unpacked layers; to unpack one again takes some 20 ms
Packed = PackedLayer | PackedGrid | PackedDense


@dataclass(frozen=True)
class ModelChoice:
    """A model one can choose: the shipped one, or a file in the server's folder."""

    name: str  # what an address calls it
    title: str
    path: str  # what `dv.load` is given
    stamp: int  # changes when the file does
    room: str = SAMPLING  # the pages it was chosen on
    iteration: int | None = None  # of a snapshot of the recorded training

    @property
    def is_shipped(self) -> bool:
        """Whether it is the model whose runs are stored; it knows rendered scenes only."""
        return self.name == ROOMS[self.room].shipped

    @property
    def of_training(self) -> bool:
        """Whether it is what the recorded training led to, or one of its snapshots."""
        return self.iteration is not None or (self.is_shipped and self.room == SAMPLING)


def list_models(room: str = SAMPLING) -> dict[str, ModelChoice]:
    """The shipped model of a room, files in $DEFORMVIZ_CHECKPOINTS, published ones, by name."""
    record = ROOMS[room]
    choices = [ModelChoice(record.shipped, record.say("model"), record.shipped, 0, room)]
    if record.takes_files:
        folder = os.environ.get("DEFORMVIZ_CHECKPOINTS")
        if folder and Path(folder).is_dir():
            choices += [
                ModelChoice(item.name, Path(item.name).stem, str(item.path), item.stamp, room)
                for item in list_checkpoints(folder)
            ]
        choices += [
            ModelChoice(own.name, own.title, own.path, own.stamp, room) for own in own_checkpoints()
        ]
    if record.published:
        choices += [
            ModelChoice(name, published_title(name), name, 0, room)
            for name in dict.fromkeys([*brought_names(), *record.photos()])
        ]
    if room == SAMPLING:  # one that was chosen beside the picture, or is named by a link
        wanted = (here().model, asked().get("model", ""))
        choices += [found for name in wanted if (found := snapshot(name)) is not None]
    return {choice.name: choice for choice in choices}


def snapshot(name: str) -> ModelChoice | None:
    """A snapshot of the recorded training as a model; None for any other name."""
    iteration = second.iteration_of(name)
    if iteration is None:
        return None
    title = say("beside.snapshot", iteration=f"{iteration:,}")
    return ModelChoice(name, title, second.path_of(iteration), 0, SAMPLING, iteration)


def published_title(name: str) -> str:
    """What a published model is called where one is chosen."""
    listed = DOWNLOADS.get(name)
    return name if listed is None else f"{listed.about} ({name})"


def find(key: str) -> StoredTrace | None:
    """The stored or kept run of a public key."""
    stored = (trace for trace in every_stored() if trace.key == key)
    return next(stored, None) or _computed(key)


def _computed(key: str) -> ComputedRun | None:
    run = work.kept(key)
    return run if isinstance(run, ComputedRun) else None


def key_of(source: Source, model: ModelChoice) -> str:
    """The key under which a run of the model itself is kept."""
    return work.key_of(model.room, model.path, model.stamp, source.content())


def finished(source: Source, model: ModelChoice) -> StoredTrace | None:
    """What can be shown at once: a sample's stored trace, or a run that is still kept."""
    if source.stored is not None and model.is_shipped:
        return source.stored
    photo = ROOMS[model.room].photos().get(model.name, {}).get(source.name)
    if photo is not None and source.group == "photograph":
        return photo
    run = _computed(key_of(source, model))
    return None if run is None else replace(run, title=source.title)


def request(source: Source, model: ModelChoice, visitor: str) -> work.Ticket:
    """Put a run in line for a visitor, or join it. Raises QueueFull."""
    key = key_of(source, model)
    seen = Seen(source.told, source.read())
    room = ROOMS[model.room]
    if room.compares:
        what, more = "compare", (room.compares,)
    else:
        what, more = "trace", (model.path, model.stamp, room.kinds, room.say("without"))
    return work.ask(key, f"app.tasks.pictures:{what}", (key, seen, *more), visitor=visitor)


def exact_npz(source: Source, model: ModelChoice, visitor: str) -> bytes:
    """Every number of every layer as the model computed it, float32, as an .npz file.

    Waits for a run where none is kept: stored traces are rounded to 16 bits.
    """
    ticket = request(source, model, visitor)
    progress = work.wait(ticket.key)
    run = _computed(ticket.key)
    if run is None:
        raise JobFailed(progress.error if progress else "The run is gone; try again.")
    return run.exact.read_bytes()


def _bytes_of(packed: Packed) -> int:
    return sum(array.nbytes for array in packed.arrays)


@cached(
    LRUCache(KEPT_BYTES, getsizeof=lambda packed: min(_bytes_of(packed), KEPT_BYTES)),
    key=lambda run, layer: (run.key, layer),
    lock=threading.RLock(),
)
def unpacked(run: StoredTrace, layer: str) -> Packed:
    """A layer's numbers as read-only arrays, kept between reruns and visitors."""
    packed = run.layer(layer)
    for array in packed.arrays:
        array.flags.writeable = False
    return packed


def samples(run: StoredTrace, layer: str) -> PackedLayer:
    """The numbers of a layer that samples points."""
    packed = unpacked(run, layer)
    assert isinstance(packed, PackedLayer), f"{layer} has no sampling points"
    return packed


def grid(run: StoredTrace, layer: str) -> PackedGrid:
    """The numbers of a layer with a deformed grid."""
    packed = unpacked(run, layer)
    assert isinstance(packed, PackedGrid), f"{layer} has no deformed grid"
    return packed
