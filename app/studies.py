"""From a detection or a class to the study of it: asked for at the door, found by its key."""

from __future__ import annotations

from dataclasses import dataclass

from app import work
from app.rooms import GRID
from app.runs import ModelChoice, key_of
from app.sources import Source
from app.tasks.pictures import Seen
from app.tasks.studies import Answer, Asked, PixelsStudied
from deformviz.analysis.layers_studied import MOST_STEPS, LayersStudied
from deformviz.analysis.study_store import read_study


@dataclass(frozen=True)
class Question:
    """What somebody wants to know: which number of which detection or class, and where."""

    source: Source
    model: ModelChoice
    query: int  # 0 for a class of the whole picture
    label: int
    side: str  # "" for the class score
    part: str  # "decoder", "encoder", "stages" or PIXELS

    @property
    def is_of_grids(self) -> bool:
        """Whether the model is a DAT, and its class logit is asked."""
        return self.model.room == GRID

    @property
    def key(self) -> str:
        """A name nobody can guess; equal questions share one answer."""
        asked = self.query, self.label, self.side, self.part
        return work.key_of("study", *asked, key_of(self.source, self.model))


def find(question: Question) -> Answer | None:
    """The answer to a question, if it is kept."""
    answer = work.kept(question.key)
    return answer if isinstance(answer, (LayersStudied, PixelsStudied)) else None


def stored(question: Question) -> LayersStudied | None:
    """The answer that is shipped with a picture, where it is to this very question."""
    trace = question.source.stored
    if trace is None or not question.model.is_shipped or question.side:
        return None
    found = read_study(trace)
    if found is None or found.part != question.part:
        return None
    target = found.answer.study.target
    same = (target.query, target.label) == (question.query, question.label)
    return found.answer if same else None


def request(question: Question, visitor: str) -> work.Ticket:
    """Put a question in line for a visitor, or join it. Raises QueueFull."""
    asked = Asked(
        question.query,
        question.label,
        question.side,
        question.part,
        question.is_of_grids,
        MOST_STEPS[question.part],
    )
    seen = Seen(question.source.told, question.source.read())
    return work.ask(
        question.key,
        "app.tasks.studies:study",
        (seen, question.model.path, question.model.stamp, asked),
        visitor=visitor,
        lane=work.LONG,
    )
