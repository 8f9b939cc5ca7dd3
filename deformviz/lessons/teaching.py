"""Forty-five minutes in front of a class: which lessons, which of their steps, for how long."""

from __future__ import annotations

from dataclasses import dataclass

from deformviz.lessons.lesson import Lesson, Step, lesson

MINUTES = 45


@dataclass(frozen=True)
class Part:
    """A stretch of the plan: a lesson, or some of its steps."""

    lesson: str
    minutes: int
    steps: tuple[str, ...] = ()  # empty: all of them

    def of(self, language: str) -> tuple[Lesson, tuple[Step, ...]]:
        """The lesson and the steps that are shown of it."""
        one = lesson(self.lesson, language)
        return one, tuple(one[name] for name in self.steps) if self.steps else one.steps


PLAN = (
    Part("bill", 5, ("one-point", "slow", "dearer")),
    Part("between-pixels", 8),
    Part("few-points", 10),
    Part("star-to-gaze", 10),
    Part("one-grid", 10),
    Part("detective", 2, ("mirrored",)),
)


def next_part(name: str) -> Part | None:
    """What follows a lesson of the plan; its beginning after a lesson that is not in it."""
    names = [part.lesson for part in PLAN]
    place = names.index(name) + 1 if name in names else 0
    return PLAN[place] if place < len(PLAN) else None
