"""The equations of one subject, followed in a worker: what a page needs, as plain values."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from app.tasks.models import load_model
from deformviz.walkthrough.subject import Subject
from deformviz.words import speaking

if TYPE_CHECKING:
    from app.worker import Task

SHIPPED = 0  # the stamp of a file that never changes


@dataclass(frozen=True)
class Page:
    """A subject that was followed, and everything the page draws of it."""

    subject: Subject  # with every index inside its layer
    layers: tuple[str, ...]
    queries: int
    shown: dict[str, Any]


def follow(
    task: Task, subject: Subject, data: bytes, model: str, stamp: int, language: str
) -> Page:
    """Work a derivation out on the picture's file `data`, and say it in a language.

    Raises:
        ValueError: the picture or the model cannot be used.
    """
    from deformviz.tracing.pictures import read_picture
    from deformviz.walkthrough.follow import follow as follow_subject
    from deformviz.walkthrough.passes import Material
    from deformviz.walkthrough.payload import payload

    material = Material(
        key=f"{model}|{stamp}|{hashlib.sha256(data).hexdigest()}",
        model=lambda: load_model(model, stamp),
        picture=lambda: read_picture(data),
        load=lambda name: load_model(name, SHIPPED),
        passes=_passes(),
        on_layer=task.report,
    )
    found = follow_subject(subject, material)
    with speaking(language):
        return Page(found.subject, found.layers, found.queries, payload(found))


@cache
def _passes():
    """Where this worker keeps its forward passes."""
    from deformviz.walkthrough.passes import kept_passes

    return kept_passes()
