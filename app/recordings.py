"""Recordings one can open: those of this server's folder, and those a visitor dropped."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from app import dropped, visitor

FOLDER = "DEFORMVIZ_RECORDINGS"
FIRST = "DEFORMVIZ_RECORDING"  # the name of the one to open where nobody asked for another
ENDING = ".deformviz"


def is_recording(name: str) -> bool:
    """Whether a file is a recording, by its name."""
    return name.lower().endswith(ENDING)


def in_folder() -> dict[str, Path]:
    """The recordings of $DEFORMVIZ_RECORDINGS, by name."""
    folder = os.environ.get(FOLDER)
    if not folder or not Path(folder).is_dir():
        return {}
    return {path.stem: path for path in sorted(Path(folder).glob(f"*{ENDING}")) if path.is_file()}


def list_recordings() -> dict[str, Path]:
    """Everything this visitor can open, by name: the folder's, then their own."""
    own = {name: path for name, path in visitor.me().own_recordings.items() if path.is_file()}
    return in_folder() | own


def first(listed: Mapping[str, Path]) -> str:
    """The one to open where nobody asked for another: the server's choice, else the first."""
    wanted = os.environ.get(FIRST, "")
    return wanted if wanted in listed else next(iter(listed), "")


def keep(name: str, data: bytes | memoryview) -> str:
    """Keep a dropped recording for this visitor and choose it; returns its name in the list."""
    path = dropped.RECORDINGS.keep(data, name)
    own: Mapping[str, Path] = visitor.me().own_recordings
    title = Path(name).stem[: visitor.LONGEST_VALUE - 10]
    if title in in_folder():
        title = f"{title} (yours)"
    visitor.change(own_recordings={**own, title: path})
    choose(title)
    return title


def choose(name: str) -> None:
    """Open a recording of the list, as it opens."""
    visitor.change(recording=name, recording_layer="", recording_view={})
