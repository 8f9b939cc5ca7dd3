"""A figure for a paper, drawn by a worker of what a page shows: no web process loads matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.tasks.replay_view import ReplayView
from app.worker import Task
from deformviz.tracing.store import StoredTrace

if TYPE_CHECKING:
    from deformviz.analysis.attribution_records import Faithfulness
    from deformviz.figures.studio.material import Material


@dataclass(frozen=True)
class Wanted:
    """Which figure, of what, on which paper; plain values, so that a key can be made of it."""

    name: str
    choice: tuple[tuple[str, Any], ...]  # fields of `Choice`
    paper: tuple[tuple[str, Any], ...]  # fields of `Paper`
    said: tuple[tuple[str, str], ...]  # how `dv.figure` is told of the material
    language: str


@dataclass(frozen=True, eq=False)
class Printed:
    """A figure as files, with its caption and the lines that draw it again."""

    caption: str
    code: str
    files: dict[str, bytes]  # by ending


def draw(
    task: Task,
    shown: StoredTrace | ReplayView,
    wanted: Wanted,
    found: Faithfulness | None,
) -> Printed:
    """Draw what a page shows.

    Args:
        shown: a run of one model, or the replay of a training.
        found: the curves of a study, where the figure is of them.

    Raises:
        FigureError: the figure cannot show this.
    """
    from deformviz.figures.studio import Choice, Paper, make
    from deformviz.figures.studio.material import of_stored
    from deformviz.figures.studio.paper import ENDINGS
    from deformviz.words import speaking

    task.report("drawing")
    if isinstance(shown, ReplayView):
        material = of_replay(shown, dict(wanted.said))
    else:
        material = of_stored(shown, dict(wanted.said))
    if found is not None:
        material = replace(material, deleted=lambda layer, query: found)
    with speaking(wanted.language):
        made = make(
            wanted.name, material, Choice(**dict(wanted.choice)), Paper(**dict(wanted.paper))
        )
    files = {}
    for place, ending in enumerate(ENDINGS):
        task.report("writing", place, len(ENDINGS))
        files[ending] = made.data(ending)
    return Printed(made.caption, made.code, files)


def of_replay(view: ReplayView, said: Mapping[str, str]) -> Material:
    """The snapshots of a replay, as its page has them."""
    from deformviz.figures.studio.material import Material, pixels_of, unpack

    def layer(name: str, iteration: int | None) -> Any:
        assert iteration is not None  # the material saw to that
        return unpack(view.packed(iteration, name))

    def query_at(iteration: int, followed: int) -> int | None:
        matched = view.matches.get(iteration, [])
        return matched[followed] if followed < len(matched) else None

    iterations = tuple(sorted(view.frames))
    layers = view.frames[iterations[0]]
    about = f"{view.run.title}, raw weights"
    return Material(
        pixels_of(view.picture()), tuple(layers), layer, about, said, iterations, query_at
    )
