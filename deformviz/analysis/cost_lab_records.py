"""What the cost lab can be set to, and what it finds: read without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields

KINDS = ("dense", "window", "deformable", "dat")
STRIDE = 8  # of the first level; each further one halves
ASPECT = (3, 4)  # height to width
CHOICES: dict[str, tuple[int, ...]] = {
    "side": (64, 128, 192, 256, 384, 512, 640, 800),
    "channels": (32, 64, 128, 256),
    "heads": (1, 2, 4, 8),
    "levels": (1, 2, 3, 4, 5),
    "points": (2, 4, 8, 16),
    "queries": (0, 10, 30, 100, 300, 1000, 3000),
    "window": (4, 7, 8, 12),
    "stride": (1, 2, 4, 8),
    "layers": (1, 2, 3, 6, 12),
}


@dataclass(frozen=True)
class LabSizes:
    """One setting. Raises ValueError for a size that no slider has."""

    side: int = 256  # shorter side of the picture, px
    channels: int = 256
    heads: int = 8
    levels: int = 4
    points: int = 4  # of deformable attention, per head and level
    queries: int = 0  # of deformable attention; 0: every pixel asks
    window: int = 7  # cells on a side
    stride: int = 2  # of DAT: a knot for so many cells each way
    layers: int = 6

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if value < 0 or (value == 0 and field.name != "queries"):
                raise ValueError(f"{field.name} is {value}; it must be positive.")

    def to_text(self) -> str:
        """As an address says it."""
        return "-".join(map(str, astuple(self)))


def read_lab(text: str) -> LabSizes | None:
    """Sizes from an address, or None where a slider has no such value."""
    parts = text.split("-")
    if len(parts) != len(CHOICES) or not all(part.isdecimal() for part in parts):
        return None
    wanted = dict(zip(CHOICES, map(int, parts), strict=True))
    if any(value not in CHOICES[name] for name, value in wanted.items()):
        return None
    return LabSizes(**wanted)


def levels_hw(sizes: LabSizes) -> list[tuple[int, int]]:
    """The maps of a picture in feature pixels, finest first; each halving rounds up."""
    height, width = ASPECT
    first = -(-sizes.side // STRIDE), -(-(sizes.side * width // height) // STRIDE)
    return [(-(-first[0] // 2**level), -(-first[1] // 2**level)) for level in range(sizes.levels)]


@dataclass(frozen=True)
class Bill:
    """What one layer of one kind costs on one map."""

    kind: str
    map_hw: tuple[int, int]
    formula: int  # multiply-adds by the kind's formula
    counted: int  # multiply-adds of the real module while it runs
    bytes_written: int  # of all tensors its operations make, float32
    milliseconds: float | None = None  # on this machine; None: not measured


@dataclass(frozen=True)
class Growth:
    """How a kind's cost grows along one axis."""

    axis: str
    kind: str
    at: tuple[int, ...]
    counted: tuple[int, ...]
    milliseconds: tuple[float | None, ...]


def per_layer(bills: tuple[Bill, ...]) -> Mapping[str, Bill]:
    """All levels together, by kind; a time only where every level has one."""
    found = {}
    for kind in KINDS:
        own = [bill for bill in bills if bill.kind == kind]
        times = [bill.milliseconds for bill in own]
        known = [one for one in times if one is not None]
        found[kind] = Bill(
            kind,
            own[0].map_hw,
            sum(bill.formula for bill in own),
            sum(bill.counted for bill in own),
            sum(bill.bytes_written for bill in own),
            sum(known) if len(known) == len(times) else None,
        )
    return found
