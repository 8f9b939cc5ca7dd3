"""What a replay shows of one run on one picture: packed layers of every snapshot, and matches."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from app.recorded_runs import RecordedRun, snapshots_on_disk
from deformviz.tracing.packing_grid import unpack_any


@dataclass(frozen=True, eq=False)
class ReplayView:
    """Everything the page shows of one run on one picture; grows with its run."""

    key: str
    run: RecordedRun
    folder: Path  # holds the picture, and a folder per frame with its packed layers
    picture_hw: tuple[int, int]
    frames: dict[int, tuple[str, ...]] = field(default_factory=dict)  # iteration -> layers
    objects: tuple[dict[str, Any], ...] = ()
    matches: dict[int, list[int | None]] = field(default_factory=dict)
    curves: dict[str, Any] | None = None
    loss: tuple[list[int], list[float]] = field(default_factory=lambda: ([], []))
    complete: bool = False  # every snapshot there was at the time

    def frame_folder(self, iteration: int) -> Path:
        """Where the layers of a snapshot lie."""
        return self.folder / f"{iteration:06d}"

    def packed(self, iteration: int, layer: str) -> bytes:
        """A layer of a snapshot as the browser gets it, gzip."""
        return (self.frame_folder(iteration) / f"{layer}.bin.gz").read_bytes()

    def picture(self) -> bytes:
        """The picture the snapshots look at, JPEG."""
        return (self.folder / "picture.jpg").read_bytes()

    def with_frame(self, iteration: int, packed: dict[str, bytes]) -> ReplayView:
        """The view with one more snapshot, which is written to its folder."""
        folder = self.frame_folder(iteration)
        folder.mkdir(exist_ok=True)
        for layer, blob in packed.items():
            (folder / f"{layer}.bin.gz").write_bytes(blob)
        return replace(self, frames={**self.frames, iteration: tuple(packed)})

    @property
    def version(self) -> str:
        """Changes with everything the manifest says."""
        measured = len(self.curves["iterations"]) if self.curves else 0
        facts = [
            sorted(self.frames),
            self.complete,
            self.run.growing,
            measured,
            len(self.loss[0]),
            list(self.loss[0])[-1:],
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]

    def coming(self) -> list[int]:
        """Snapshots on disk that are still to be computed."""
        on_disk = [] if self.complete else snapshots_on_disk(self.run)
        return [iteration for iteration in on_disk if iteration not in self.frames]

    def manifest(self) -> dict[str, Any]:
        """What the browser needs to know; the layers themselves have addresses of their own."""
        first = min(self.frames)
        headers = {name: unpack_any(self.packed(first, name)).header for name in self.frames[first]}
        header = next(iter(headers.values()))
        return {
            "name": self.run.name,
            "title": self.run.title,
            "kind": self.run.kind,
            "growing": self.run.growing,
            "version": self.version,
            "address": f"replay/{self.key}",
            "iterations": sorted(self.frames),
            "coming": self.coming(),
            "layers": list(headers),
            "layer_titles": {name: layer_title(header) for name, header in headers.items()},
            "heads": header["heads"],
            "levels": len(header["levels"]),
            "objects": list(self.objects),
            "matches": self.matches,
            "curves": self.curves,
            "loss": self.loss,
        }


def layer_title(header: dict[str, Any]) -> str:
    """A layer in words: "encoder 1"; a deformed grid by its stage and size."""
    name = header["layer"]
    if header["kind"] != "grid":
        return name.replace("coder.", "coder ")
    _, stage, *_, block = name.split(".")
    height, width = header["grid_hw"]
    return f"stage {int(stage) + 1}, block {int(block) + 1} · {height}×{width} knots"


def is_current(view: ReplayView) -> bool:
    """Whether a view shows all there is on disk by now."""
    return view.complete and sorted(view.frames) == snapshots_on_disk(view.run)
