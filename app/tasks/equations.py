"""The equations of one subject, followed in a worker: what a page needs, as plain values."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from app.tasks.models import load_model
from app.tasks.pictures import check_price
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
        ValueError: the picture or the model cannot be used, or together they would take too much.
    """
    from deformviz.tracing.look import is_ours
    from deformviz.tracing.pictures import read_picture
    from deformviz.walkthrough.follow import follow as follow_subject
    from deformviz.walkthrough.passes import Material
    from deformviz.walkthrough.payload import payload

    picture = cache(lambda: read_picture(data))

    def followed_model() -> Any:
        network = load_model(model, stamp)
        if is_ours(network):
            check_price(network.config, picture().shape[:2])
        return network

    material = Material(
        key=f"{model}|{stamp}|{hashlib.sha256(data).hexdigest()}",
        model=followed_model,
        picture=picture,
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
