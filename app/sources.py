"""What can be looked at: rendered scenes, photographs, and pictures of one's own.

Photographs come out of scikit-image's own package, read as files, so that the library itself is
not imported. Nothing here decodes a picture; that happens in line, one at a time.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from deformviz.tracing.store import PICTURES, StoredTrace

SAMPLE_IMAGES = Path(__file__).parents[1] / "sample_images"
UPLOAD = "upload"  # the name of one's own picture in an address

# Name -> (file in skimage/data, title). Licences: public domain or CC0, see their docstrings.
PHOTOGRAPHS = {
    "astronaut": ("astronaut.png", "An astronaut"),
    "chelsea": ("chelsea.png", "Chelsea, a cat"),
    "coffee": ("coffee.png", "A cup of coffee"),
    "rocket": ("rocket.jpg", "A rocket on its pad"),
    "camera": ("camera.png", "A man with a camera"),
}


@dataclass(frozen=True)
class Source:
    """A picture one can choose: a file of the gallery, or one that came from a browser."""

    name: str  # what an address calls it
    title: str
    group: str  # "scene" | "photograph" | "own"
    file: Path
    stored: StoredTrace | None = None

    @property
    def told(self) -> str:
        """What workers call it: whoever has the same picture shares the run and its sentences."""
        return "The picture" if self.group == "own" else self.title

    def read(self) -> bytes:
        """The bytes of the picture's file."""
        return self.file.read_bytes()

    def content(self) -> str:
        """What the picture is, as SHA-256 of all its bytes: equal pictures share one run."""
        return _file_content(self.file, self.file.stat().st_mtime_ns)


def own_picture(title: str, file: Path) -> Source:
    """A picture somebody uploaded or took, which lies on this server's disk."""
    return Source(UPLOAD, title, "own", file)


def list_sources(index: list[StoredTrace]) -> dict[str, Source]:
    """Every picture of the gallery by name: scenes with a stored trace, then photographs."""
    scenes = {
        trace.name: Source(trace.name, trace.title, "scene", _original(trace), trace)
        for trace in index
    }
    return scenes | _photographs()


def _original(trace: StoredTrace) -> Path:
    """The picture the trace was made from; where it was not installed, its JPEG."""
    candidates = (
        folder / f"{trace.name}{ending}"
        for ending in PICTURES
        for folder in (SAMPLE_IMAGES, SAMPLE_IMAGES / "single")
    )
    return next((path for path in candidates if path.is_file()), trace.folder / "picture.jpg")


@functools.cache
def _photographs() -> dict[str, Source]:
    package = importlib.util.find_spec("skimage")
    if package is None or not package.submodule_search_locations:
        return {}
    folder = Path(package.submodule_search_locations[0]) / "data"
    return {
        name: Source(name, title, "photograph", folder / file)
        for name, (file, title) in PHOTOGRAPHS.items()
        if (folder / file).is_file()
    }


@functools.lru_cache(maxsize=256)
def _file_content(file: Path, mtime_ns: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
