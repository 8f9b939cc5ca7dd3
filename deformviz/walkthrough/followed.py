"""A subject that has been followed: its derivation, and what is seen of it."""

from dataclasses import dataclass

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
