"""Five more kinds of attention that DAT's authors compare with or build on: keys of one query.

The numbers are kept, so that a page needs no torch; a test counts them in the modules themselves.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Relative:
    """A kind of attention, and how many keys a query has in it."""

    name: str  # of its words, `relative.<name>`
    size: int  # cells on a side of its window, kernel, or of the patch that becomes one key
    keys: tuple[int, int]  # of a query amid maps of 12 x 12 and of 48 x 48 cells


RELATIVES = (
    Relative("pyramid", 4, (9, 144)),
    Relative("window_v2", 4, (16, 16)),
    Relative("neighborhood", 7, (49, 49)),
    Relative("slide", 3, (9, 9)),
    Relative("qna", 3, (9, 9)),
)
