"""Checkpoints one can look at: shipped, of this server's folder, one's own, and of a training.

What somebody drops here is kept in a private folder of this server process, bounded in bytes, and
read by the same safe door as any other file. Files that can carry code are refused from strangers.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import dropped, recorded_runs, visitor, work
from app.line import JobFailed
from app.rooms import ROOMS
from deformviz.checkpoints.browse import list_checkpoints
from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.signature import looks_pickled
from deformviz.training.run_folder import RunFolder

Said = tuple[tuple[str, Any], ...]  # what somebody says about a file that its tensors cannot tell
SNAPSHOT = "training:"  # begins the names of trainings among the choices
TRAINED_BY = {"deformable-detr-scenes": SNAPSHOT + "detector"}  # shipped model -> its training
PICKLED_OFF = (
    "This server is open to its network, so files of torch.save are not taken: they can "
    "carry code. Convert yours with `deformviz convert FILE model.safetensors` and drop "
    "that."
)


@dataclass(frozen=True)
class Choice:
    """Something with weights, by the name an address gives it."""

    name: str
    title: str
    path: str  # what `dv.load` is given; of a training, its folder
    stamp: int = 0  # changes when the file does
    iterations: tuple[int, ...] = ()  # of a training


def is_shared() -> bool:
    """Whether people of the network can reach this server (`./run --lan`)."""
    return os.environ.get("DEFORMVIZ_LAN") == "1"


def list_choices() -> dict[str, Choice]:
    """Everything that can be looked at, by name."""
    found = [
        Choice(room.shipped, f"{room.say('model')} (shipped)", room.shipped)
        for room in ROOMS.values()
        if room.takes_files
    ]
    folder = os.environ.get("DEFORMVIZ_CHECKPOINTS")
    if folder and Path(folder).is_dir():
        found += [
            Choice(item.name, item.name, str(item.path), item.stamp)
            for item in list_checkpoints(folder)
        ]
    found += visitor.own_checkpoints()
    found += [
        Choice(
            SNAPSHOT + run.name,
            f"Training of {run.title}",
            str(run.path),
            iterations=tuple(_iterations(run.path, run.stamp)),
        )
        for run in recorded_runs.list_runs().values()
        if run.kind == "detector"
    ]
    return {choice.name: choice for choice in found}


@functools.lru_cache(maxsize=16)
def _iterations(path: Path, stamp: str) -> list[int]:
    return list(RunFolder(path).snapshots())


# -- what people drop here -----------------------------------------------------------------------


def take_upload(name: str, data: bytes | memoryview) -> str:
    """Make a dropped file a choice of this session; returns its name there.

    Raises:
        CheckpointError: a file of torch.save on a server that is open to its network.
        NoRoom: the disk is full.
    """
    if is_shared() and looks_pickled(bytes(data[:8])):
        raise CheckpointError(PICKLED_OFF)
    return remember(name, dropped.CHECKPOINTS.keep(data, name, visitor.me().name))


def remember(title: str, path: Path) -> str:
    """Offer a kept file to this session under a name of its own."""
    name = f"yours-{path.parent.name[:8]}"
    choice = Choice(name, f"{title} (yours)", str(path), path.stat().st_mtime_ns)
    visitor.change(own_checkpoints={**visitor.me().own_checkpoints, name: choice})
    return name


# -- looking -------------------------------------------------------------------------------------


def key_of(choice: Choice, said: Said, iteration: int | None) -> str:
    """The key of what there is to see of a choice."""
    return work.key_of("checkpoint", choice.path, choice.stamp, said, iteration)


def request(choice: Choice, said: Said, iteration: int | None) -> work.Ticket:
    """Have a worker look at a choice. Raises QueueFull."""
    key = key_of(choice, said, iteration)
    if iteration is not None:
        what, arguments = "look_at_snapshot", (choice.path, iteration)
    else:
        what, arguments = "look", (choice.path, said)
    return work.ask(key, f"app.tasks.checkpoints:{what}", arguments, visitor=visitor.me().name)


def for_other_pages(choice: Choice, said: Said, iteration: int | None, assumed: bool) -> str:
    """The name under which other pages find it.

    A snapshot, and a checkpoint that needed options, become a file that carries all of it.

    Raises:
        JobFailed: it cannot be written.
    """
    if choice.name == choice.path or not (choice.iterations or assumed):
        return choice.name
    title = choice.title.removesuffix(" (yours)")
    if iteration is not None:
        title += f", iteration {iteration}"
    ticket = work.ask(
        work.key_of("converted", choice.path, choice.stamp, said, iteration),
        "app.tasks.checkpoints:convert",
        (choice.path, said, iteration, title),
        visitor=visitor.me().name,
    )
    progress = work.wait(ticket.key)
    path = ticket.answer
    if path is None:
        raise JobFailed(progress.error if progress else "The file is gone; try again.")
    kept = dropped.CHECKPOINTS.keep(path.read_bytes(), f"{title}.safetensors", visitor.me().name)
    return remember(title, kept)
