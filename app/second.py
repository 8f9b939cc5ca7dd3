"""What stands beside a picture: one thing is different, all else is as it is in the first.

An address says it in one word, `beside`: a model's name, or `layer:`, `picture:` or `training:` and
which one. Snapshots of the recorded training are models, too, called `training-<iteration>`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from app.recorded_runs import SHIPPED_RUNS
from deformviz.training.run_folder import RunFolder

LAYER, PICTURE, TRAINING, MODEL = "layer", "picture", "training", "model"
NAMED = (LAYER, PICTURE, TRAINING)
RUN = SHIPPED_RUNS / "detector"  # the recorded training of the shipped detector
SNAPSHOT = "training-"  # how the names of its snapshots begin, where a model is named
PATH = "snapshot:"  # and their paths, as a worker is told them


@dataclass(frozen=True)
class Second:
    """What is different in the second picture."""

    kind: str  # "" where there is no second picture
    which: str = ""

    @classmethod
    def read(cls, text: str) -> Second:
        """What an address says."""
        kind, colon, which = text.partition(":")
        if colon and kind in NAMED:
            return cls(kind, which)
        return cls(MODEL, text) if text else cls("")

    @property
    def text(self) -> str:
        """As an address says it."""
        return f"{self.kind}:{self.which}" if self.kind in NAMED else self.which

    def is_here(self, models: Iterable[str], pictures: Iterable[str]) -> bool:
        """Whether there is such a thing; layers are looked for when the picture is there."""
        if self.kind == MODEL:
            return self.which in models
        if self.kind == PICTURE:
            return self.which in pictures
        return self.kind != TRAINING or self.which in map(str, iterations())


@cache
def iterations() -> tuple[int, ...]:
    """The snapshots of the recorded training, from before its first step to its end."""
    return tuple(RunFolder(RUN).snapshots())


def snapshot_name(iteration: int) -> str:
    """What a snapshot is called where a model is named."""
    return f"{SNAPSHOT}{iteration}"


def iteration_of(name: str) -> int | None:
    """The iteration of a snapshot's name; None for any other model's."""
    text = name.removeprefix(SNAPSHOT) if name.startswith(SNAPSHOT) else ""
    return next((each for each in iterations() if str(each) == text), None)


def path_of(iteration: int) -> str:
    """What a worker is told, to load a snapshot."""
    return f"{PATH}{iteration}"
