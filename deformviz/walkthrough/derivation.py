"""What the page of equations has to be told of a derivation, and nothing of it anywhere else.

Records lie in `derivations/`, one file each, and are found there. They name the functions that
work them out and import none: the list of derivations costs no torch. The text of a derivation,
its title first, is the prose file of its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deformviz.walkthrough.mistakes import Mistake
from deformviz.walkthrough.prose import read_prose

# What a derivation follows: the deformable attention of any layer, of a decoder layer, a deformed
# grid of a model of its own, or nothing but numbers.
ANY_LAYER, DECODER, GRID, NUMBERS = "any layer", "decoder", "grid", "numbers"
# Which part of the picture a step is seen in.
REFERENCE, STEPS, SAMPLES, CORNERS, BOX, PADDING = (
    "reference",
    "steps",
    "samples",
    "corners",
    "box",
    "padding",
)


@dataclass(frozen=True)
class Derivation:
    """A formula that can be followed line by line. References are written "module:name"."""

    name: str  # in addresses, and of its prose
    place: int  # in the list of choices
    follows: str  # ANY_LAYER, DECODER, GRID or NUMBERS
    work_out: str  # what writes its steps: (Asked, AskedGrid or Subject) -> Worked
    toy: bool = False  # whether the toy for a pencil has it too
    edits: tuple[str, ...] = ()  # fields of `Change` that may be set
    mistakes: Mapping[str, Mistake] = field(default_factory=dict)
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of the picture -> steps
    opens: str = ""  # the step that the page opens on; "": its first one
    keys_are_queries: bool = False  # whether its marks are keys, where queries stand
    legend: str = "samples"  # which sentence explains its marks
    panel: str | None = None  # (Subject, Worked) -> what its sliders need, beside the steps
    otherwise: str = ""  # the derivation to follow where the model has no two stages
    own_model: str = ""  # a shipped model, where it cannot follow the chosen one

    @property
    def title(self) -> str:
        return read_prose(self.name).title

    @property
    def needs_picture(self) -> bool:
        return self.follows != NUMBERS

    @property
    def follows_the_detector(self) -> bool:
        """Whether layer and query are those of the chosen model, as on Explore."""
        return self.follows in (ANY_LAYER, DECODER)

    def part_of(self, step: str) -> str:
        """Where in the picture a step is seen, or ""."""
        return next((part for part, steps in self.parts.items() if step in steps), "")
