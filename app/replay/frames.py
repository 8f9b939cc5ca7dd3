"""What a replay shows of one run on one picture: packed layers of every snapshot, and matches.

Kept in one bounded cache of the server; `compute` fills it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any

from app.replay.library import RecordedRun, snapshots_on_disk
from app.session import REPLAYS, run_key
from deformviz.schema import Trace
from deformviz.tracing.packing_grid import unpack_any


@dataclass(frozen=True, eq=False)
class Frame:
    """One snapshot on one picture."""

    packed: dict[str, bytes]  # layer -> gzip
    trace: Trace | None = None  # the answer alone, for matching objects
    statistics: dict[str, dict[str, list]] = field(default_factory=dict)  # of a DAT, per layer

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self.packed.values())) + 20_000


@dataclass(frozen=True, eq=False)
class ReplayView:
    """Everything the page shows of one run on one picture; grows with its run."""

    key: str
    run: RecordedRun
    picture: bytes  # JPEG or PNG
    picture_hw: tuple[int, int]
    frames: dict[int, Frame] = field(default_factory=dict)
    objects: tuple[Any, ...] = ()
    matches: dict[int, list[int | None]] = field(default_factory=dict)
    curves: dict[str, Any] | None = None
    loss: tuple[list[int], list[float]] = ((), ())
    complete: bool = False  # every snapshot there was at the time

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

    @property
    def size_bytes(self) -> int:
        return len(self.picture) + sum(frame.size_bytes for frame in self.frames.values())

    def coming(self) -> list[int]:
        """Snapshots on disk that are still to be computed."""
        on_disk = [] if self.complete else snapshots_on_disk(self.run)
        return [iteration for iteration in on_disk if iteration not in self.frames]

    def manifest(self) -> dict[str, Any]:
        """What the browser needs to know; the layers themselves have addresses of their own."""
        packed = self.frames[min(self.frames)].packed
        headers = {name: unpack_any(blob).header for name, blob in packed.items()}
        first = next(iter(headers.values()))
        return {
            "name": self.run.name,
            "title": self.run.title,
            "kind": self.run.kind,
            "growing": self.run.growing,
            "version": self.version,
            "address": f"replay/{self.key}",
            "iterations": sorted(self.frames),
            "coming": self.coming(),
            "layers": list(packed),
            "layer_titles": {name: layer_title(header) for name, header in headers.items()},
            "heads": first["heads"],
            "levels": len(first["levels"]),
            "objects": [
                {
                    "class_name": found.class_name,
                    "score": found.score,
                    "box_xyxy_px": found.box_xyxy_px,
                }
                for found in self.objects
            ],
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


def find(key: str) -> ReplayView | None:
    """The replay of a public key, if it is still here."""
    return REPLAYS.get(key)


def key_of(run: RecordedRun, content: str) -> str:
    """The public name of one run on one picture."""
    return run_key(f"replay|{run.stamp}", content)


def is_current(view: ReplayView) -> bool:
    """Whether a view shows all there is on disk by now."""
    return view.complete and sorted(view.frames) == snapshots_on_disk(view.run)


def with_run(view: ReplayView, run: RecordedRun) -> ReplayView:
    """The view of a run as it is now: one that grew may have ended."""
    return view if view.run == run else keep(replace(view, run=run))


def keep(view: ReplayView) -> ReplayView:
    """Put a view where everybody finds it."""
    REPLAYS.put(view.key, view, view.size_bytes)
    return view
