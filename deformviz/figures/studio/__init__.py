"""Figures for papers: each drawn from a trace by its name, with its caption and its code.

dv.figure("figure-6", "beach-dusk", width_mm=85).save("figure-6.pdf")
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from deformviz.figures.marks_engine import FigureError
from deformviz.figures.studio import material as materials
from deformviz.figures.studio.kinds import FIGURES, Choice, FigureKind
from deformviz.figures.studio.material import Material
from deformviz.figures.studio.paper import Paper, PaperFigure, on_paper
from deformviz.words import say, speaking


def figure(
    name: str,
    picture: Any = None,
    *,
    model: Any = None,
    run: Any = None,
    layer: str = "",
    query: int | None = None,
    heads: Collection[int] | None = None,
    levels: Collection[int] | None = None,
    top: int = 0,
    iteration: int | None = None,
    zoom: float | None = None,
    group: int | None = None,
    followed: int = 0,
    **paper: Any,
) -> PaperFigure:
    """A figure for a paper, by its name.

    Args:
        name: one of `FIGURES`: "points-by-head", "figure-6", "offset-clouds", "dat-grid", ..
        picture: the name of a shipped picture, or what `dv.run` takes; a shipped one if None.
        model: what `dv.load` takes, or a model; the shipped one if None.
        run: a recorded training: "detector", "dat", or a folder; the shipped one where a figure
            needs one. Figures of samples are drawn of it at an `iteration`.
        layer, query, heads, levels, top, zoom, group: what to show; what is left out is chosen.
        followed: number of the object that is followed through a training, the surest one first.
        paper: fields of `Paper`: width_mm, height_mm, dark, font, font_pt.

    Raises:
        FigureError: there is no such figure, or it cannot show this.
    """
    kind = figure_kind(name)
    choice = Choice(
        layer,
        query,
        None if heads is None else tuple(heads),
        None if levels is None else tuple(levels),
        top,
        iteration,
        zoom,
        group,
        followed,
    )
    return make(name, material_for(kind, picture, model, run), choice, Paper(**paper))


def figure_kind(name: str) -> FigureKind:
    """The figure of a name. Raises FigureError."""
    if name not in FIGURES:
        raise FigureError(f"There is no figure {name!r}; there are {', '.join(FIGURES)}.")
    return FIGURES[name]


def material_for(kind: FigureKind, picture: Any, model: Any, run: Any) -> Material:
    """What a figure is drawn from; nothing is computed that was stored."""
    store = {"grid": "grid", "keys": "keys"}.get(kind.of, "samples")
    if picture is None:
        picture = materials.PICTURES[store]
    said = {"picture": picture if isinstance(picture, str) else str(picture)}
    if kind.of == "training" or run is not None:
        usual = "dat" if store == "grid" else "detector"
        said |= {} if run is None else {"run": str(run)}
        return materials.of_run(run or usual, materials.file_of(store, picture), said)
    shipped = materials.CLASSIFIER if store == "grid" else materials.DETECTOR
    if model is None or model == shipped:
        stored = materials.find_stored(store, picture)
        if stored is not None and kind.of != "deletions":
            return materials.of_stored(stored, said)
    if kind.of == "keys":
        return materials.of_keys(materials.file_of(store, picture), said)
    said |= {} if model is None else {"model": str(model)}
    return materials.of_model(model or shipped, materials.file_of(store, picture), said)


def make(name: str, material: Material, choice: Choice, paper: Paper) -> PaperFigure:
    """Draw a figure of some material, and say what it shows and how it is drawn again.

    Letters inside a figure are English, as its font may have no others; the caption is said in the
    language being spoken.
    """
    kind = figure_kind(name)
    found: list[Any] = []

    def draw() -> Any:
        with speaking("en"):
            drawn, *rest = kind.draw(material, choice, paper)
        found.extend(rest)
        return drawn

    drawn = on_paper(paper, draw)
    settled, facts = found
    caption = (
        say(f"figure.{name}.caption", **facts) + " " + say("figure.made", model=material.about)
    )
    code = code_of(name, {**material.said, **settled.said()}, paper)
    return PaperFigure(name, caption, code, paper, drawn)


def code_of(name: str, said: Mapping[str, Any], paper: Paper) -> str:
    """The lines that draw a figure again."""
    usual = Paper()
    chosen = {
        field: value
        for field, value in vars(paper).items()
        if field == "width_mm" or value != getattr(usual, field)
    }
    given = "".join(f"    {key}={_literal(one)},\n" for key, one in {**said, **chosen}.items())
    return f'import deformviz as dv\n\ndv.figure(\n    "{name}",\n{given}).save("{name}.pdf")\n'


def _literal(value: Any) -> str:
    """A value as Python reads it; text in double quotes, whatever is in it."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


__all__ = ["FIGURES", "Choice", "FigureError", "Material", "Paper", "PaperFigure", "figure", "make"]
