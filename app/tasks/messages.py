"""What deformviz itself says to what people get wrong."""

from __future__ import annotations

from app.worker import Task
from deformviz.walkthrough.myths import CARDS


def message(task: Task, number: int) -> str:
    """The sentence with which a card's case is refused."""
    card = next(card for card in CARDS if card.number == number)
    task.report("provoking it")
    return card.message() if card.message is not None else ""
