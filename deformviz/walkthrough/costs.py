"""What the page of costs can be set to, and what its sliders need to answer at once."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deformviz.walkthrough.step import Worked
    from deformviz.walkthrough.subject import Subject

STRIDE = 8  # of the first level; each further one halves
ASPECT = (3, 4)  # height to width, as in 800 x 1066
CHOICES = {
    "queries": (0, 1, 3, 10, 30, 100, 300, 900, 1000, 3000, 10_000, 30_000),
    "side": (64, 128, 192, 256, 320, 400, 480, 640, 800, 1000, 1200, 1600),
    "points": (2, 3, 4, 6, 8),
    "heads": (1, 2, 4, 8, 16),
    "channels": (32, 64, 128, 256, 512, 1024),
    "levels": (1, 2, 3, 4, 5),
}


@dataclass(frozen=True)
class CostSizes:
    """The sliders; as they start, the decoder of Deformable DETR on 800 x 1066 pixels."""

    queries: int = 300  # 0: an encoder, where every pixel of every level asks
    side: int = 800  # short side of the picture
    points: int = 4
    heads: int = 8
    channels: int = 256
    levels: int = 4

    @property
    def map_hw(self) -> tuple[int, int]:
        """The first level in feature pixels."""
        height, width = ASPECT
        return -(-self.side // STRIDE), -(-(self.side * width // height) // STRIDE)

    def to_text(self) -> str:
        """As an address says it."""
        return "-".join(map(str, astuple(self)))


def read_sizes(text: str) -> CostSizes | None:
    """Sizes from an address, or None where they make no sense."""
    parts = text.split("-")
    if len(parts) != len(CHOICES) or not all(part.isdecimal() for part in parts):
        return None
    return settle(dict(zip(CHOICES, map(int, parts), strict=True)))


def settle(wanted: dict[str, Any]) -> CostSizes | None:
    """Sizes a browser asked for, or None if a slider cannot have such a value."""
    names = [field.name for field in fields(CostSizes)]
    if any(wanted.get(name) not in CHOICES[name] for name in names):
        return None
    return CostSizes(**{name: int(wanted[name]) for name in names})


def pixels_of(side: int, levels: int) -> int:
    """All feature pixels of a picture."""
    return sum(h * w for h, w in levels_hw(CostSizes(side=side).map_hw, levels))


def levels_hw(map_hw: tuple[int, int], levels: int) -> list[tuple[int, int]]:
    """Sizes of the levels: each halving rounds up."""
    height, width = map_hw
    return [(-(-height // 2**level), -(-width // 2**level)) for level in range(levels)]


def cost_panel(subject: Subject, worked: Worked) -> dict[str, Any]:
    """What the browser needs to draw the costs of any setting without asking again.

    `counted` is what the real module did at the present sizes.
    """
    from deformviz.walkthrough.complexity import TERMS
    from deformviz.walkthrough.mathml import symbol_mathml

    sizes = subject.sizes
    return {
        "counted": int(worked.module_output),
        "sizes": {field.name: getattr(sizes, field.name) for field in fields(sizes)},
        "choices": {name: list(values) for name, values in CHOICES.items()},
        "pixels": {
            side: [pixels_of(side, levels) for levels in CHOICES["levels"]]
            for side in CHOICES["side"]
        },
        "terms": [
            {
                "name": term.name,
                "symbol": symbol_mathml(term.symbol),
                "formula": symbol_mathml(term.equation),
                "factor": term.factor,
                "powers": term.powers,
            }
            for term in TERMS
        ],
    }
