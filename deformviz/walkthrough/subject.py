"""What somebody follows by hand: picture or toy, layer, query, derivation, one sample of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from deformviz.walkthrough.change import Change
from deformviz.walkthrough.costs import CostSizes, read_sizes
from deformviz.walkthrough.derivation import Derivation
from deformviz.walkthrough.derivations import DERIVATIONS
from deformviz.walkthrough.mistakes import MISTAKES
from deformviz.words import say

TOY = "toy"
ADDRESS = ("derivation", "example", "query", "step", "head", "level", "point", "mistake", "sizes")
HIGHEST = 10**6


@dataclass(frozen=True)
class Subject:
    """Everything a derivation depends on, besides the picture's and the model's names."""

    derivation: str = "multi_scale"
    example: str = ""  # "toy", or "" for the picture
    layer: str = "decoder.0"
    query: int | None = None  # None: the best detection's, or the middle token
    head: int = 0
    level: int = 0
    point: int = 0
    mistake: str = ""
    change: Change = field(default_factory=Change)
    sizes: CostSizes = field(default_factory=CostSizes)  # of "complexity" alone

    @property
    def record(self) -> Derivation:
        return DERIVATIONS[self.derivation]

    @property
    def is_toy(self) -> bool:
        return self.example == TOY and self.record.toy

    @property
    def can_edit(self) -> bool:
        """Whether the layer may be changed for this query."""
        return bool(self.record.edits) and not self.mistake

    @property
    def is_changed(self) -> bool:
        """Whether there is something to compare: a mistake, or a change that counts."""
        return bool(self.version)

    @property
    def version(self) -> str:
        """Which version is seen: "broken", "changed", or "" for the layer as it is."""
        if self.mistake:
            return "broken"
        return "changed" if self.can_edit and self.change != Change() else ""

    @property
    def needs_picture(self) -> bool:
        return self.record.needs_picture and not self.is_toy


def read_subject(asked: Mapping[str, str]) -> tuple[Subject, str, list[str]]:
    """A subject and a step from an address, and a note per value that makes no sense."""
    subject, notes = Subject(), []
    choices = {"derivation": DERIVATIONS, "mistake": ("", *MISTAKES), "example": ("", TOY)}
    for name, known in choices.items():
        if name not in asked:
            continue
        if asked[name] in known:
            subject = replace(subject, **{name: asked[name]})
        else:
            notes.append(say("walkthrough.note.unknown", name=name))
    for name in ("query", "head", "level", "point"):
        if name not in asked:
            continue
        if asked[name].isdecimal() and int(asked[name]) < HIGHEST:
            subject = replace(subject, **{name: int(asked[name])})
        else:
            notes.append(say("walkthrough.note.no_number", name=name))
    if "sizes" in asked:
        if (sizes := read_sizes(asked["sizes"])) is not None:
            subject = replace(subject, sizes=sizes)
        else:
            notes.append(say("walkthrough.note.sizes"))
    return subject, asked.get("step", ""), notes


def to_address(subject: Subject, step: str) -> dict[str, str]:
    """What the address says of a subject; defaults are left out."""
    values: dict[str, Any] = {
        name: getattr(subject, name) for name in ADDRESS if name not in ("step", "sizes")
    }
    if not subject.record.mistakes:
        values["mistake"] = ""
    if subject.record.panel and subject.sizes != CostSizes():
        values["sizes"] = subject.sizes.to_text()
    shown = {
        name: str(value)
        for name, value in values.items()
        if value not in ("", None) and value != getattr(Subject(), name, "")
    }
    return {"derivation": subject.derivation} | shown | ({"step": step} if step else {})
