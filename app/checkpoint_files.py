"""Checkpoints one can look at: shipped, of this server's folder, one's own, and of a training.

What somebody drops here is kept in a private folder of this server process, bounded in bytes, and
read by the same safe door as any other file. Files that can carry code are refused from strangers.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import logging
import os
import re
import shutil
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.replay import library
from app.session import own_checkpoints

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from deformviz.checkpoints.inspect import Inspection

log = logging.getLogger(__name__)

MOST_KEPT_BYTES = 4 * 2**30
TITLES = {"deformable-detr-scenes": "Deformable DETR, scenes", "dat-scenes": "DAT, scenes"}
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
    from deformviz.checkpoints.browse import list_checkpoints
    from deformviz.checkpoints.registry import ASSETS, SHIPPED

    found = [
        Choice(name, f"{TITLES.get(name, name)} (shipped)", name)
        for name, file in SHIPPED.items()
        if (ASSETS / file).is_file()
    ]
    folder = os.environ.get("DEFORMVIZ_CHECKPOINTS")
    if folder and Path(folder).is_dir():
        found += [
            Choice(item.name, item.name, str(item.path), item.stamp)
            for item in list_checkpoints(folder)
        ]
    found += own_checkpoints()
    found += [
        Choice(
            SNAPSHOT + run.name,
            f"Training of {run.title}",
            str(run.path),
            iterations=tuple(_iterations(run.path, run.stamp)),
        )
        for run in library.list_runs().values()
        if run.kind == "detector"
    ]
    return {choice.name: choice for choice in found}


@functools.lru_cache(maxsize=16)
def _iterations(path: Path, stamp: str) -> list[int]:
    from deformviz.training.run_folder import RunFolder

    return list(RunFolder(path).snapshots())


# -- what people drop here -----------------------------------------------------------------------


class KeptFiles:
    """Dropped files on disk under the hash of their content, together within a budget."""

    def __init__(self, budget_bytes: int = MOST_KEPT_BYTES):
        self._budget, self._lock = budget_bytes, threading.Lock()
        self._sizes: OrderedDict[Path, int] = OrderedDict()
        self._folder: Path | None = None

    def keep(self, data: bytes, name: str) -> Path:
        """Write a file, unless it is here already; the oldest ones make room.

        It keeps its own name, reduced to plain characters, in a folder named by its content.
        """
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="deformviz-checkpoints-"))
                atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
            plain = re.sub(r"[^\w.-]", "_", Path(name).name).lstrip(".")[-80:] or "checkpoint"
            path = self._folder / hashlib.sha256(data).hexdigest()[:24] / plain
            if not path.exists():
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(data)
            self._sizes.pop(path, None)
            self._sizes[path] = len(data)
            while sum(self._sizes.values()) > self._budget and len(self._sizes) > 1:
                oldest, _ = self._sizes.popitem(last=False)
                oldest.unlink(missing_ok=True)
            return path


KEPT = KeptFiles()


def take_upload(name: str, data: bytes) -> str:
    """Make a dropped file a choice of this session; returns its name there.

    Raises:
        CheckpointError: a file of torch.save on a server that is open to its network.
    """
    from deformviz.checkpoints.errors import CheckpointError
    from deformviz.checkpoints.pickled import looks_pickled

    if is_shared() and looks_pickled(data[:8]):
        raise CheckpointError(PICKLED_OFF)
    return remember(name, KEPT.keep(data, name))


def let_go(file: UploadedFile) -> None:
    """Have the server forget the bytes of a dropped file, which lies on disk now.

    Streamlit offers no public way; in a version without this one they stay as long as the session.
    """
    try:
        context = get_script_run_ctx()
        context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)
    except AttributeError as problem:
        log.info("the bytes of a dropped file stay in memory: %s", problem)


def remember(title: str, path: Path) -> str:
    """Offer a kept file to this session under a name of its own."""
    name = f"yours-{path.parent.name[:8]}"
    own = st.session_state.setdefault("own_checkpoints", {})
    own[name] = Choice(name, f"{title} (yours)", str(path), path.stat().st_mtime_ns)
    return name


# -- looking -------------------------------------------------------------------------------------


@st.cache_resource(max_entries=3, show_spinner=False)
def inspected(path: str, stamp: int, said: tuple[tuple[str, Any], ...]) -> Inspection:
    """What a file is, with what somebody said about it; shared by all sessions."""
    from deformviz.checkpoints.inspect import inspect_checkpoint

    return inspect_checkpoint(path, **dict(said))


@st.cache_resource(max_entries=3, show_spinner=False)
def inspected_snapshot(path: str, iteration: int) -> Inspection:
    """The weights of a training at an iteration, as if they were a file."""
    from deformviz.analysis.replay import Replay
    from deformviz.checkpoints.inspect import Inspection
    from deformviz.checkpoints.report import LoadReport

    replay = Replay(path)
    model = replay.model_at(iteration)
    file = replay.folder.snapshots()[iteration]
    config = model.config
    report = LoadReport(
        file=file.name,
        layout="snapshot of a training",
        system="deformable-detr",
        variant=config.variant,
        sizes=config.to_dict(),
        matched=len(model.state_dict()),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        metadata={"iteration": str(iteration)},
    )
    return Inspection(file.name, file.stat().st_size, model, report)


def for_other_pages(choice: Choice, inspection: Inspection) -> str:
    """The name under which other pages find it.

    A snapshot, and a checkpoint that needed options, become a file that carries all of it.
    """
    if choice.name == choice.path or not (choice.iterations or inspection.report.assumed):
        return choice.name
    import torch

    from deformviz.checkpoints.own import save

    title = choice.title.removesuffix(" (yours)")
    if choice.iterations:
        title += f", iteration {inspection.report.metadata['iteration']}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        save(inspection.model, path, dtype=torch.float32, metadata={"converted_from": title})
        return remember(title, KEPT.keep(path.read_bytes(), f"{title}.safetensors"))
