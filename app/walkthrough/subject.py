"""What somebody follows by hand: picture or toy, layer, query, derivation, one sample of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.walkthrough.costs import CostSizes, read_sizes

# Derivation -> (title of its choice, which layers it can follow).
DERIVATIONS = {
    "multi_scale": ("Multi-scale deformable attention (Eq. 3)", "any"),
    "bilinear": ("One sample: bilinear interpolation", "any"),
    "gradients": ("What the loss tells an offset", "any"),
    "single_scale": ("On one map alone (Eq. 2)", "any"),
    "decoder": ("From a query to a box", "decoder"),
    "proposals": ("Where the first box comes from", "decoder"),
    "multi_head": ("Dense attention among queries (Eq. 1)", "decoder"),
    "dat": ("The deformed grid of DAT", "own"),
    "complexity": ("What it costs", "none"),
    "convolutions": ("Counting a convolution's weights", "none"),
}
WITH_TOY = ("multi_scale", "single_scale", "bilinear")
EDITABLE = ("multi_scale", "bilinear", "gradients", "decoder")  # they follow the whole layer
MISTAKES = {
    "": "Everything right",
    "swap_xy": "Swap x and y",
    "swap_hw": "Divide by (H, W)",
    "align_corners": "align_corners=True",
    "border_padding": "Border instead of zeros",
    "softmax_over_points": "Softmax over points only",
    "forget_valid_ratios": "Forget valid ratios",
    "forget_padding_mask": "Forget the padding mask",
    "forget_half": "Forget the −½",
}
ADDRESS = ("derivation", "example", "query", "step", "head", "level", "point", "mistake", "sizes")
HIGHEST = 10**6


@dataclass(frozen=True)
class Change:
    """The "what if" controls; all at rest by default."""

    offset_scale: float = 1.0
    sharpness: float = 1.0
    dropped_heads: tuple[int, ...] = ()
    dropped_levels: tuple[int, ...] = ()
    reference_shift_xy: tuple[float, float] = (0.0, 0.0)
    moved: tuple[tuple[tuple[int, int, int], tuple[float, float]], ...] = ()


def read_change(wanted: Mapping[str, Any], now: Change) -> Change:
    """Sliders as a browser reports them, and the samples moved so far; nonsense leaves `now`."""
    try:
        x, y = (min(0.5, max(-0.5, float(part))) for part in wanted["reference_shift_xy"])
        return Change(
            offset_scale=min(3.0, max(-1.0, float(wanted["offset_scale"]))),
            sharpness=min(8.0, max(0.0, float(wanted["sharpness"]))),
            dropped_heads=tuple(sorted({int(head) for head in wanted["dropped_heads"]})),
            dropped_levels=tuple(sorted({int(level) for level in wanted["dropped_levels"]})),
            reference_shift_xy=(x, y),
            moved=now.moved,
        )
    except (KeyError, TypeError, ValueError):
        return now


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
    def is_toy(self) -> bool:
        return self.example == "toy" and self.derivation in WITH_TOY

    @property
    def can_break(self) -> bool:
        """Whether mistakes mean something here: they are of Deformable DETR."""
        return DERIVATIONS[self.derivation][1] in ("any", "decoder")

    @property
    def can_edit(self) -> bool:
        """Whether the layer may be changed for this query."""
        return self.derivation in EDITABLE and not self.mistake

    @property
    def needs_picture(self) -> bool:
        return DERIVATIONS[self.derivation][1] != "none" and not self.is_toy


def read_subject(asked: Mapping[str, str]) -> tuple[Subject, str, list[str]]:
    """A subject and a step from an address, and a note per value that makes no sense."""
    subject, notes = Subject(), []
    choices = {"derivation": DERIVATIONS, "mistake": MISTAKES, "example": ("", "toy")}
    for name, known in choices.items():
        if name not in asked:
            continue
        if asked[name] in known:
            subject = replace(subject, **{name: asked[name]})
        else:
            notes.append(f"The link names a {name} that does not exist, so you see another one.")
    for name in ("query", "head", "level", "point"):
        if name not in asked:
            continue
        if asked[name].isdecimal() and int(asked[name]) < HIGHEST:
            subject = replace(subject, **{name: int(asked[name])})
        else:
            notes.append(f"The link's {name} is not a number, so you see another one.")
    if "sizes" in asked:
        if (sizes := read_sizes(asked["sizes"])) is not None:
            subject = replace(subject, sizes=sizes)
        else:
            notes.append("The link names sizes no slider has, so you see the usual ones.")
    return subject, asked.get("step", ""), notes


def to_address(subject: Subject, step: str) -> dict[str, str]:
    """What the address says of a subject; defaults are left out."""
    values: dict[str, Any] = {
        name: getattr(subject, name) for name in ADDRESS if name not in ("step", "sizes")
    }
    if not subject.can_break:
        values["mistake"] = ""
    if subject.derivation == "complexity" and subject.sizes != CostSizes():
        values["sizes"] = subject.sizes.to_text()
    shown = {
        name: str(value)
        for name, value in values.items()
        if value not in ("", None) and value != getattr(Subject(), name, "")
    }
    return {"derivation": subject.derivation} | shown | ({"step": step} if step else {})
