"""A subject that has been followed: its derivation, and what is seen of it."""

from dataclasses import dataclass

from torch import Tensor

from deformviz.walkthrough.sight import Sight
from deformviz.walkthrough.step import Worked
from deformviz.walkthrough.subject import Subject


@dataclass(frozen=True)
class Followed:
    """A worked derivation, the sight it belongs to, and the right sight beside a changed one."""

    subject: Subject  # with every index inside its layer
    worked: Worked
    sight: Sight | None = None
    right: Sight | None = None  # set where a mistake or an edit changes something
    layers: tuple[str, ...] = ()
    queries: int = 1
    sizes: tuple[int, int, int] = (1, 1, 1)  # heads, levels, points
    note: str = ""  # what to know before both sights are compared
    drawn_apart: float = 0.0  # how far the sight's query is from the lines, see `drawn_apart`


def drawn_apart(*pairs: tuple[Tensor, Tensor]) -> float:
    """How far what was recorded is from what the lines say of it, of the largest that they say.

    A derivation starts from what went into a layer, a picture from what the layer recorded.
    """
    return max(float((a.to(b) - b).abs().max() / b.abs().max()) for a, b in pairs)
