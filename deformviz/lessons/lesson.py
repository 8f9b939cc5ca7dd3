"""A lesson as data: what every step shows and asks, the right answer, and who computed it.

`<name>.toml` says what a step shows, asks and answers; `<name>.<language>.md` says it in words,
one section per step. A player needs nothing else, so a lesson works from plain files.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
ORDER = (
    "bill",
    "comparing",
    "between-pixels",
    "few-points",
    "levels",
    "star-to-gaze",
    "query-to-box",
    "one-grid",
    "dat-plus-plus",
    "detective",
)
KINDS = ("choice", "number", "place", "drawing")


class LessonError(ValueError):
    """A lesson's files do not fit together; the message names file, step and rule."""


@dataclass(frozen=True)
class Scene:
    """What a step shows: a canvas or, once its question is answered, a calculator."""

    canvas: str
    page: str  # of the lab, where the same is open to everything
    params: Mapping[str, str] = field(default_factory=dict)  # of its address
    begin: str = ""  # what a calculator begins with, of what it offers
    moves: bool = False  # whether its training moves: a slider over its iterations
    point_at: str = ""  # what the spotlight rests on: a mark's role or a control's name


@dataclass(frozen=True)
class Prediction:
    """What the learner says before it is shown.

    The answer of a choice is the number of the right one; of a number itself; of a place or a
    drawing the right points [[x, y], ..], shares of the picture or map that is shown.
    """

    kind: str
    answer: Any
    computed: str  # "module:function" that computes the answer
    tolerance: float = 0.0  # of a number: relative; of a place: distance
    low: float | None = None  # of a number's slider
    high: float | None = None
    log: bool = False

    def __post_init__(self):
        if self.kind not in KINDS:
            raise LessonError(f"kind is {self.kind!r}; a prediction is one of {', '.join(KINDS)}.")

    @property
    def compute(self) -> Callable[[], Any]:
        """The function that computes the answer afresh."""
        module, _, name = self.computed.partition(":")
        return getattr(import_module(module), name)


@dataclass(frozen=True)
class Step:
    """One step of a lesson, in one language."""

    name: str  # in the address
    scene: Scene | None
    prediction: Prediction | None
    ground: Mapping[str, Any]  # of a place or drawing: { picture } or { cells }, rows of numbers
    title: str
    text: str
    question: str = ""
    choices: tuple[str, ...] = ()
    reveal: str = ""
    why: str = ""


@dataclass(frozen=True)
class Lesson:
    """A lesson in one language."""

    name: str  # in the address, also its files
    number: int
    minutes: int
    title: str
    goal: str  # what the learner can do then
    steps: tuple[Step, ...]

    def __getitem__(self, step: str) -> Step:
        for one in self.steps:
            if one.name == step:
                return one
        raise KeyError(f"Lesson {self.name} has no step {step!r}.")


@cache
def lesson(name: str, language: str = "en") -> Lesson:
    """A lesson with all its steps.

    Raises:
        KeyError: there is no such lesson, or not in this language.
        LessonError: its files do not fit together.
    """
    plan, words = FOLDER / f"{name}.toml", FOLDER / f"{name}.{language}.md"
    if name not in ORDER or not words.is_file():
        raise KeyError(
            f"There is no lesson {name!r} in {language!r}; there are {', '.join(ORDER)}."
        )
    told = tomllib.loads(plan.read_text(encoding="utf-8"))
    head, sections = read_sections(words.read_text(encoding="utf-8"))
    steps = told["step"]
    if [step["name"] for step in steps] != list(sections):
        raise LessonError(
            f"{words.name} has the steps {', '.join(sections)}; {plan.name} has "
            f"{', '.join(step['name'] for step in steps)}."
        )
    return Lesson(
        name,
        ORDER.index(name) + 1,
        told["minutes"],
        head["title"],
        head["goal"],
        tuple(_step(name, step, sections[step["name"]]) for step in steps),
    )


def lessons(language: str = "en") -> tuple[Lesson, ...]:
    """All ten, in their order."""
    return tuple(lesson(name, language) for name in ORDER)


def _step(lesson: str, told: Mapping[str, Any], words: Mapping[str, Any]) -> Step:
    name = told["name"]
    asked = told.get("predict")
    prediction = Prediction(**asked) if asked else None
    choices = tuple(words.get("choices", ()))
    if bool(prediction) != ("question" in words):
        raise LessonError(f"{lesson}, step {name}: a prediction and its question go together.")
    if prediction and prediction.kind == "choice" and not 0 <= prediction.answer < len(choices):
        raise LessonError(
            f"{lesson}, step {name}: the answer is choice {prediction.answer}, there are "
            f"{len(choices)}."
        )
    if bool(prediction and prediction.kind in ("place", "drawing")) != ("ground" in told):
        raise LessonError(
            f"{lesson}, step {name}: a place or drawing needs its ground, others none."
        )
    scene = told.get("scene")
    return Step(
        name,
        Scene(**scene) if scene else None,
        prediction,
        told.get("ground", {}),
        words["title"],
        words["text"],
        words.get("question", ""),
        choices,
        words.get("reveal", ""),
        words.get("why", ""),
    )


def read_sections(text: str) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """A lesson's Markdown: its head, and the words of every step by the step's name.

    `# Title`, the goal below it; then for every step `## name: Title`, its text, and what it has
    of `### Question`, `### Choices` (a list), `### Reveal` and `### Why`.

    Raises:
        LessonError: a line that stands where none may.
    """
    head: dict[str, str] = {"title": "", "goal": ""}
    steps: dict[str, dict[str, Any]] = {}
    step: dict[str, Any] | None = None
    part = "goal"
    for line in text.splitlines():
        if line.startswith("# "):
            head["title"] = line[2:].strip()
        elif line.startswith("## "):
            name, colon, title = line[3:].partition(":")
            if not colon:
                raise LessonError(f"{line!r} needs the form `## name: Title`.")
            step = steps.setdefault(name.strip(), {"title": title.strip(), "text": ""})
            part = "text"
        elif line.startswith("### "):
            part = line[4:].strip().lower()
        elif part == "choices" and line.startswith("- ") and step is not None:
            step.setdefault("choices", []).append(line[2:].strip())
        elif line.strip():
            target = head if step is None else step
            before = target.get(part, "")
            target[part] = f"{before} {line.strip()}".strip()
    return head, steps
