"""The canvases, and what each is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.canvas.kind import CanvasKind
from deformviz.bundles import math_font
from deformviz.figures.theme import palette
from deformviz.lessons.glossary import glossary
from deformviz.tracing.packing import PackedLayer
from deformviz.tracing.packing_dense import PackedDense
from deformviz.tracing.packing_grid import PackedGrid
from deformviz.words import part, spoken
from deformviz.words.markdown import visible

MOST_LEVELS = 5
TERMS = ("query", "reference", "offset", "level", "head")

SAMPLING = CanvasKind("sampling", state=("view",), triggers=("layer",))
GRID = CanvasKind("grid", state=("view",), triggers=("layer",))
KEYS = CanvasKind("keys", state=("view",), triggers=("layer",))
DENSE = CanvasKind("dense", state=("view",), triggers=("layer",))
ATLAS = CanvasKind("atlas", state=("view",), triggers=("layer",))
HEADS = CanvasKind("heads", state=("average",), triggers=("layer",))
REPLAY = CanvasKind("replay")
EQUATIONS = CanvasKind(
    "equations",
    state=("at", "moved", "sizes", "query", "change"),
    more_files={"math.ttf": math_font},
)
LESSON = CanvasKind("lesson", state=("step",))
CANVASES = (SAMPLING, GRID, KEYS, DENSE, ATLAS, HEADS, REPLAY, EQUATIONS, LESSON)
BESIDE_LESSONS = (SAMPLING, GRID, KEYS, EQUATIONS)


def terms() -> dict[str, dict[str, str]]:
    """What a picture's own words mean, as the glossary of the lessons says it."""
    known = {term["name"]: term for term in glossary(spoken())}
    return {
        name: {"word": known[name]["forms"][-1], "means": known[name]["means"]} for name in TERMS
    }


def mount_picture(
    kind: CanvasKind,
    *,
    trace_url: str,
    picture_url: str,
    title: str,
    key: str,
    note: str = "",
    picture_hw: tuple[int, int] | None = None,
    view: dict[str, Any] | None = None,
    view_id: str = "",
    pair: Mapping[str, Any] | None = None,
    on_view: Callable[[], None] | None = None,
    on_layer: Callable[[], None] | None = None,
) -> Any:
    """Show a packed layer over its picture; hover stays in the browser, choices come back.

    Args:
        kind: SAMPLING, GRID, DENSE, KEYS or ATLAS, as the trace is.
        trace_url: address of a packed layer. A new one replaces the layer without a flash.
        picture_url: address of the picture; "" where there is none.
        note: what to keep in mind about this picture, e.g. that it is out of the model's domain.
        picture_hw: height and width of the picture, so that the page does not jump at first.
        view: what to show at first: reported views and address parameters (text) both do.
            What does not fit falls back to the default and a note says so.
        view_id: `view` is read again only when this changes (a new picture, a new link).
        pair: name under which two pictures find each other; with `second` and `relation`, what it
            differs in, for the one that follows.

    Returns the component's state. `.view` is None until something was chosen, then a dict with what
    the kind's `view.js` names, the layer's name, and `params` for the address. `.layer` is +1 or -1
    in the run after `[` or `]` was pressed.
    """
    data = {
        "trace_url": trace_url,
        "picture_url": picture_url,
        "title": visible(title),
        "note": visible(note),
        "picture_alt": visible(title),
        "picture_hw": picture_hw,
        "view": view or {},
        "view_id": view_id,
        "palette": palette(MOST_LEVELS),
        "terms": terms(),
        "link": True,
        **({"pair": dict(pair)} if pair else {}),
    }
    return kind.mount(data, key=key, view=on_view, layer=on_layer)


def kind_of(packed: PackedLayer | PackedGrid | PackedDense) -> CanvasKind:
    """The canvas that shows a packed layer."""
    if isinstance(packed, PackedDense):
        return DENSE
    return GRID if isinstance(packed, PackedGrid) else SAMPLING


def mount_replay(*, manifests: list[str], pictures: list[str], drawing: str) -> Any:
    """Show one run, or two to compare; everything else happens in the browser.

    Args:
        manifests: addresses of the runs' manifests, the first sets the clock.
        pictures: address of the picture each of them looks at.
        drawing: "sampling" or "grid", what all of them show.
    """
    data = {
        "manifests": manifests,
        "pictures": pictures,
        "palette": palette(MOST_LEVELS),
        "drawing": drawing,
    }
    return REPLAY.mount(data, key=f"replay_{drawing}")


def mount_equations(
    lesson: dict[str, Any],
    *,
    step: str,
    view_id: str,
    key: str,
    on_at: Callable[[], None] | None = None,
    on_moved: Callable[[], None] | None = None,
    on_sizes: Callable[[], None] | None = None,
    on_query: Callable[[], None] | None = None,
    on_change: Callable[[], None] | None = None,
) -> Any:
    """Show the page of equations; hover stays in the browser, choices come back.

    Args:
        lesson: what `payload` made.
        step: the step to begin with; read again only when `view_id` changes.

    Returns the component's state: `.at` with step, head, level, point; `.moved` with a dragged
    sample and where it was put, normalised; `.query` with another query to follow; `.change` with
    the sliders of "what if"; `.sizes` with the sliders of the costs.
    """
    data = {
        "lesson": lesson,
        "step": step,
        "view_id": view_id,
        "font": EQUATIONS.address("math.ttf"),
        "palette": palette(max(1, lesson["sizes"][1])),
    }
    heard = {
        "at": on_at,
        "moved": on_moved,
        "sizes": on_sizes,
        "query": on_query,
        "change": on_change,
    }
    return EQUATIONS.mount(data, key=key, **heard)


def mount_lesson(
    lesson: dict[str, Any],
    *,
    step: str,
    done: tuple[str, ...],
    following: str,
    key: str,
    teaching: bool = False,
    front: bool = False,
    more: Mapping[str, Any] | None = None,
    on_step: Callable[[], None] | None = None,
) -> Any:
    """Show the lesson player, which fetches the other canvases as its steps need them.

    Args:
        lesson: what `lesson_payload` made.
        step: the step to begin with, "" for the first.
        done: steps that were walked before.
        following: address of the next lesson, "" after the last.
        teaching: in front of a class: large, and little else.
        more: what a class is shown besides: `code`, `plan` and `sheet`.
        front: as a picture of what lessons are: without the lesson's head and the picture's tools.

    Returns the component's state: `.step` with lesson, step and the steps that are done.
    """
    data = {
        "lesson": lesson,
        "step": step,
        "done": list(done),
        "next": following,
        "teach": teaching,
        "front": front,
        **(more or {}),
        "scripts": {kind.name: {**kind.source(), "words": kind.words()} for kind in BESIDE_LESSONS},
        "words": part("lesson"),
        "language": spoken(),
    }
    return LESSON.mount(data, key=key, step=on_step)
