"""Recordings one can open: those of this server's folder, and those a visitor dropped."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from app import dropped, visitor
from app.folders import is_file, members

FOLDER = "DEFORMVIZ_RECORDINGS"
ENDING = ".deformviz"


def is_recording(name: str) -> bool:
    """Whether a file is a recording, by its name."""
    return name.lower().endswith(ENDING)


def in_folder() -> dict[str, Path]:
    """The recordings that $DEFORMVIZ_RECORDINGS names, files and folders of them, by name."""
    found: list[Path] = []
    for named in filter(None, os.environ.get(FOLDER, "").split(os.pathsep)):
        place = Path(named)
        found += [place] if is_file(place) else members(place)
    there = (path for path in reversed(found) if path.suffix == ENDING and is_file(path))
    return {path.stem: path for path in there}


def list_recordings() -> dict[str, Path]:
    """Everything this visitor can open, by name: the folder's, then their own."""
    own = {name: path for name, path in visitor.me().own_recordings.items() if is_file(path)}
    return in_folder() | own


def keep(name: str, data: bytes | memoryview) -> str:
    """Keep a dropped recording for this visitor and choose it; returns its name in the list."""
    path = dropped.RECORDINGS.keep(data, name, visitor.me().name)
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
