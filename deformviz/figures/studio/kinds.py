"""Every figure by its name: what it is drawn from, how, and what its caption says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from deformviz.figures.marks_engine import FigureError
from deformviz.figures.studio.material import Material
from deformviz.figures.studio.paper import Paper
from deformviz.tracing.packing import PackedLayer
from deformviz.tracing.packing_grid import PackedGrid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIRST, LAST = "first", "last"
STAR_ZOOM = 2.0


@dataclass(frozen=True)
class Choice:
    """What of the material is drawn; None and "" leave it to the figure."""

    layer: str = ""
    query: int | None = None
    heads: tuple[int, ...] | None = None
    levels: tuple[int, ...] | None = None
    top: int = 0  # of these samples only the heaviest; 0: all
    iteration: int | None = None
    zoom: float | None = None
    group: int | None = None  # of heads that share a deformed grid
    followed: int = 0  # number of the object that a decoder's queries answer for in a training

    def said(self) -> dict[str, Any]:
        """The choices that were made, as `dv.figure` is told them."""
        usual = vars(Choice())
        made = {name: value for name, value in vars(self).items() if value != usual[name]}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in made.items()}


Drawn = tuple["Figure", Choice, Mapping[str, object]]  # with what was settled, and what it is about


@dataclass(frozen=True)
class FigureKind:
    """One figure; its sentences are the words `figure.<name>.title` and `figure.<name>.caption`.

    `of` says what it is drawn from: "samples", "training" (samples at several iterations), "grid",
    "keys" or "deletions".
    """

    name: str
    of: str
    draw: Callable[[Material, Choice, Paper], Drawn]


def settled(material: Material, choice: Choice, kind: type, part: str = "") -> tuple[Choice, Any]:
    """The choice with its layer and iteration, and that layer.

    Args:
        part: of the model, whose last layer is drawn where none was chosen.

    Raises:
        FigureError: the layer is of another kind.
    """
    if choice.iteration is None and material.iterations:
        choice = replace(choice, iteration=material.iterations[-1])
    of_part = [name for name in material.layers if name.startswith(part)]
    names = [choice.layer] if choice.layer else [*material.layers, *of_part][::-1]
    for name in names:
        packed = material.checked(name, choice.iteration)
        if isinstance(packed, kind):
            return replace(choice, layer=name), packed
    raise FigureError(
        f"This figure needs a {kind.__name__}, which {' and '.join(dict.fromkeys(names))} "
        f"{'are' if len(names) > 1 else 'is'} not."
    )


def with_query(choice: Choice, packed: Any) -> Choice:
    """The choice with a query: the one the picture begins with, where none was chosen."""
    return choice if choice.query is not None else replace(choice, query=header_start(packed))


def header_start(packed: Any) -> int:
    """The query a layer begins with."""
    return int(packed.header["start_query"])


def outside(marks: Any, size_hw: tuple[int, int]) -> int:
    """How many samples lie beyond the picture, where no figure shows them."""
    height, width = size_hw
    x, y = marks.places_px[:, 0], marks.places_px[:, 1]
    return int(((x < -0.5) | (y < -0.5) | (x > width - 0.5) | (y > height - 0.5)).sum())


def _samples(colour: str, *, lines: bool = False, part: str = "encoder") -> Callable[..., Drawn]:
    """One query over its picture."""

    def draw(material: Material, choice: Choice, paper: Paper) -> Drawn:
        from deformviz.figures.studio.points import points_figure

        choice, packed = settled(material, choice, PackedLayer, part)
        choice = with_query(choice, packed)
        assert choice.query is not None
        drawn, marks = points_figure(
            packed,
            material.picture,
            choice.query,
            paper,
            colour=colour,
            lines=lines,
            heads=choice.heads,
            levels=choice.levels,
            top=choice.top,
            zoom=choice.zoom or 1.0,
        )
        return drawn, choice, _facts(choice, marks, packed.header["frame"]["original_hw"])

    return draw


def _facts(choice: Choice, marks: Any, size_hw: tuple[int, int]) -> dict[str, object]:
    return {
        "layer": choice.layer,
        "query": choice.query,
        "count": len(marks.weights),
        "outside": outside(marks, size_hw),
    }


def _star(when: str) -> Callable[..., Drawn]:
    """Head 0 on level 0 at an end of a training, for the cell on which the first object lies."""

    def draw(material: Material, choice: Choice, paper: Paper) -> Drawn:
        from deformviz.figures.studio.points import points_figure

        last = replace(choice, iteration=None)
        last, packed = settled(material, last, PackedLayer, "encoder")
        query = header_start(packed) if choice.query is None else choice.query
        if choice.iteration is None:
            iteration = material.iterations[0 if when == FIRST else -1]
            choice = replace(choice, iteration=iteration)
        packed = material.checked(last.layer, choice.iteration)
        choice = replace(
            choice,
            layer=last.layer,
            query=query,
            heads=choice.heads or (0,),
            levels=choice.levels or (0,),
            zoom=choice.zoom or STAR_ZOOM,
        )
        drawn, marks = points_figure(
            packed,
            material.picture,
            query,
            paper,
            lines=True,
            heads=choice.heads,
            levels=choice.levels,
            top=choice.top,
            zoom=choice.zoom or 1.0,
        )
        facts = _facts(choice, marks, packed.header["frame"]["original_hw"])
        return drawn, choice, facts | {"iteration": f"{choice.iteration:,}"}

    return draw


def _over_training(material: Material, choice: Choice, paper: Paper) -> Drawn:
    """One cell or one object at some moments."""
    from deformviz.figures.studio.moments import moments_figure, some_moments

    choice, last = settled(material, replace(choice, iteration=None), PackedLayer, "decoder")
    iterations = some_moments(material.iterations)
    layers = [material.checked(choice.layer, iteration) for iteration in iterations]
    follows = last.header["kind"] == "decoder" and choice.query is None
    if follows and material.query_at is not None:
        found = [material.query_at(iteration, choice.followed) for iteration in iterations]
        queries = [header_start(last) if query is None else query for query in found]
    else:
        choice = with_query(choice, last)
        assert choice.query is not None
        queries = [choice.query] * len(layers)
    drawn, marks = moments_figure(
        layers,
        queries,
        [f"iteration {iteration:,}" for iteration in iterations],
        material.picture,
        paper,
        heads=choice.heads,
        levels=choice.levels,
        top=choice.top,
        zoom=choice.zoom or 1.0,
    )
    facts = _facts(choice, marks[-1], last.header["frame"]["original_hw"])
    said = {"queries": ", ".join(map(str, queries)), "moments": _listed(iterations)}
    return drawn, replace(choice, iteration=None), facts | said


def _listed(iterations: list[int]) -> str:
    return ", ".join(f"{iteration:,}" for iteration in iterations)


def _clouds(material: Material, choice: Choice, paper: Paper) -> Drawn:
    from deformviz.figures.studio.clouds import clouds_figure, unit_of

    choice, packed = settled(material, choice, PackedLayer, "decoder")
    drawn, offsets = clouds_figure(packed, paper)
    facts = {"layer": choice.layer, "queries": len(offsets), "unit": unit_of(packed)}
    return drawn, choice, facts


def _clouds_over_training(material: Material, choice: Choice, paper: Paper) -> Drawn:
    from deformviz.figures.studio.clouds import clouds_over_training, unit_of
    from deformviz.figures.studio.moments import some_moments

    choice, packed = settled(material, replace(choice, iteration=None), PackedLayer, "decoder")
    iterations = some_moments(material.iterations)
    layers = [material.checked(choice.layer, iteration) for iteration in iterations]
    titles = [f"iteration\n{iteration:,}" for iteration in iterations]
    drawn, clouds = clouds_over_training(layers, titles, paper)
    facts = {
        "layer": choice.layer,
        "queries": len(clouds[0]),
        "unit": unit_of(packed),
        "moments": _listed(iterations),
    }
    return drawn, replace(choice, iteration=None), facts


def _grid(importance: bool) -> Callable[..., Drawn]:
    def draw(material: Material, choice: Choice, paper: Paper) -> Drawn:
        from deformviz.figures.studio.grids import grid_figure, heads_of, importance_figure

        choice, packed = settled(material, choice, PackedGrid)
        group = int(packed.header["start_group"]) if choice.group is None else choice.group
        make = importance_figure if importance else grid_figure
        drawn, _ = make(packed, material.picture, paper, group=group)
        rows, columns = packed.header["grid_hw"]
        facts = {
            "layer": choice.layer,
            "group": group,
            "grid": f"{rows} × {columns}",
            "heads": ", ".join(map(str, heads_of(packed, group))),
        }
        return drawn, replace(choice, group=group), facts

    return draw


def _attentions(material: Material, choice: Choice, paper: Paper) -> Drawn:
    from deformviz.figures.studio.kinds_of_attention import PackedKeys, attentions_figure

    choice, packed = settled(material, choice, PackedKeys)
    choice = with_query(choice, packed)
    assert choice.query is not None
    drawn, _ = attentions_figure(packed, material.picture, choice.query, paper)
    rows, columns = packed.header["levels"][0]
    row, column = divmod(choice.query, columns)
    facts = {"row": row, "column": column, "map": f"{rows} × {columns}"}
    return drawn, replace(choice, layer=""), facts


def _deletions(material: Material, choice: Choice, paper: Paper) -> Drawn:
    from deformviz.figures.studio.deletions import deletion_figure

    if material.deleted is None:
        raise FigureError("Nothing was taken away from this answer yet.")
    choice, packed = settled(material, choice, PackedLayer, "decoder")
    choice = with_query(choice, packed)
    assert choice.query is not None
    found = material.deleted(choice.layer, choice.query)
    answers = packed.header["detections"]
    answer = answers[choice.query] if answers else None
    unit = f"score of {answer['class_name']}" if answer else "score"
    drawn = deletion_figure(found, paper, unit=unit)
    facts = {"layer": choice.layer, "query": choice.query, "points": found.points}
    return drawn, choice, facts


FIGURES: dict[str, FigureKind] = {
    kind.name: kind
    for kind in (
        FigureKind("points-by-head", "samples", _samples("head")),
        FigureKind("points-by-level", "samples", _samples("level")),
        FigureKind("offsets", "samples", _samples("head", lines=True)),
        FigureKind("figure-6", "samples", _samples("weight", part="decoder")),
        FigureKind("offset-clouds", "samples", _clouds),
        FigureKind("star-start", "training", _star(FIRST)),
        FigureKind("star-end", "training", _star(LAST)),
        FigureKind("over-training", "training", _over_training),
        FigureKind("offset-clouds-over-training", "training", _clouds_over_training),
        FigureKind("dat-grid", "grid", _grid(importance=False)),
        FigureKind("dat-importance", "grid", _grid(importance=True)),
        FigureKind("five-attentions", "keys", _attentions),
        FigureKind("deletion-curves", "deletions", _deletions),
    )
}
