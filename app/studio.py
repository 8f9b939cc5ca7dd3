"""Below a picture: what it shows as a figure for a paper, in one click."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import visitor, work
from app.rooms import ROOMS
from app.tasks.figures import Printed, Wanted
from app.tasks.replay_view import ReplayView
from app.waiting import answer_or_wait
from deformviz.tracing.store import StoredTrace
from deformviz.words import say, spoken

if TYPE_CHECKING:
    from deformviz.analysis.attribution_records import Faithfulness

FONTS = ("DejaVu Sans", "DejaVu Serif", "STIXGeneral", "DejaVu Sans Mono")  # matplotlib's own
MIME = {"pdf": "application/pdf", "svg": "image/svg+xml", "png": "image/png"}
PX_PER_MM = 5  # of the preview
WIDEST_PX = 900
OPEN = "figure_studio"  # key of the expander
OF_SAMPLES = ("points-by-head", "points-by-level", "offsets", "figure-6", "offset-clouds")
OF_TRAINING = ("over-training", "star-start", "star-end", "offset-clouds-over-training")
OF_GRIDS = ("dat-grid", "dat-importance")


def read_link(page: str) -> None:
    """Take an open figure from a link; another page begins without one."""
    asked_for = st.query_params.get(visitor.FIGURE, "")[: visitor.LONGEST_VALUE]
    if asked_for or page != visitor.me().figure_page:
        visitor.change(figure=asked_for, figure_page=page)


def choose(name: str) -> None:
    """Open a figure below the picture, or none, in the address too."""
    visitor.change(figure=name)
    if name:
        st.query_params[visitor.FIGURE] = name
    else:
        st.query_params.pop(visitor.FIGURE, None)


def told_of(**more: str) -> dict[str, str]:
    """How `dv.figure` is told of picture and model: shipped ones by name, files by theirs."""
    source = visitor.sources()[visitor.here().picture]
    said = {"picture": source.name if source.stored is not None else source.file.name}
    if source.group == "own":
        said["picture"] = source.title
    if "run" not in more and visitor.here().model not in ("", ROOMS[visitor.me().room].shipped):
        said["model"] = visitor.here().model
    return said | more


def seen(layer: str, view: Mapping[str, Any], header: Mapping[str, Any]) -> dict[str, Any]:
    """What a picture of samples shows, as fields of the library's `Choice`."""
    found: dict[str, Any] = {"layer": layer, "query": view.get("query")}
    for name, count in (("heads", header["heads"]), ("levels", len(header["levels"]))):
        shown = tuple(view.get(name) or ())
        if 0 < len(shown) < count:
            found[name] = shown
    for name, usual in (("top", 0), ("zoom", 1)):
        if view.get(name, usual) != usual:
            found[name] = view[name]
    return found


@st.fragment
def studio(
    names: Sequence[str],
    shown: StoredTrace | ReplayView,
    choice: Mapping[str, Any],
    said: Mapping[str, str],
    *,
    found: Faithfulness | None = None,
) -> None:
    """An expander; nothing is drawn before somebody opens it.

    Args:
        names: of the figures that can be made here, the first one at first.
        shown: what they are drawn from.
        choice: fields of the library's `Choice` as the page shows them; None for what it leaves.
            Of a replay they are chosen here.
        said: how `dv.figure` is told of it.
        found: curves of a study.
    """
    state = st.session_state
    if visitor.me().figure and visitor.me().figure not in names:
        visitor.note(say("link.figure"))
        visitor.change(figure="")
    state[OPEN] = bool(visitor.me().figure)

    def toggled() -> None:
        choose(names[0] if state[OPEN] else "")

    opened = st.expander(say("figure.studio"), icon=":material/image:", key=OPEN, on_change=toggled)
    if not visitor.me().figure:
        return
    with opened:
        st.caption(say("figure.studio.how"))
        name, paper = _choose(names)
        if isinstance(shown, ReplayView):
            choice = _of_training(shown, name)
        elif "heads" in choice or "levels" in choice or "top" in choice:
            choice = _all_or_seen(choice)
        wanted = Wanted(
            name,
            tuple(sorted((k, v) for k, v in choice.items() if v is not None)),
            tuple(sorted(paper.items())),
            tuple(said.items()),
            spoken(),
        )
        _show(wanted, shown, found)


def _choose(names: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Which figure, on which paper."""
    state = st.session_state
    state["figure_name"] = visitor.me().figure

    def take() -> None:
        choose(state["figure_name"])

    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            say("figure.studio.which"),
            names,
            key="figure_name",
            format_func=lambda each: say(f"figure.{each}.title"),
            on_change=take,
            width=300,
        )
        width = st.number_input(
            say("figure.studio.width"),
            20,
            600,
            85,
            5,
            key="figure_width",
            width=120,
            help=say("figure.studio.width.help"),
        )
        letters = st.number_input(
            say("figure.studio.letters"), 4.0, 24.0, 7.0, 0.5, key="figure_letters", width=120
        )
        font = st.selectbox(say("figure.studio.font"), FONTS, key="figure_font", width=170)
        dark = st.toggle(say("figure.studio.dark"), key="figure_dark")
    return name, {
        "width_mm": float(width),
        "font_pt": float(letters),
        "font": font,
        "dark": bool(dark),
    }


def _all_or_seen(choice: Mapping[str, Any]) -> dict[str, Any]:
    """The samples that the picture shows, or all of its query."""
    few = st.toggle(
        say("figure.studio.seen"), True, key="figure_seen", help=say("figure.studio.seen.help")
    )
    kept = ("heads", "levels", "top") if not few else ()
    return {name: value for name, value in choice.items() if name not in kept}


def _of_training(view: ReplayView, name: str) -> dict[str, Any]:
    """Layer, snapshot and object of a replay, whose picture tells none of them."""
    iterations = sorted(view.frames)
    layers = view.frames[iterations[0]]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layer = st.selectbox(
            say("figure.studio.layer"), layers, len(layers) - 1, key="figure_layer", width=200
        )
        choice: dict[str, Any] = {"layer": layer}
        if name not in OF_TRAINING:
            choice["iteration"] = st.selectbox(
                say("figure.studio.iteration"),
                iterations,
                len(iterations) - 1,
                key="figure_iteration",
                format_func=lambda each: f"{each:,}",
                width=160,
            )
        if view.objects and layer.startswith("decoder"):
            choice["followed"] = st.selectbox(
                say("figure.studio.object"),
                range(len(view.objects)),
                key="figure_object",
                format_func=lambda number: view.objects[number]["class_name"],
                width=200,
            )
    if "followed" in choice and "iteration" in choice:
        choice["query"] = view.matches[choice["iteration"]][choice.pop("followed")]
    if name.startswith("star-"):
        del choice["layer"]  # the encoder's last one: there all queries begin with one star
    return choice


def _show(wanted: Wanted, shown: StoredTrace | ReplayView, found: Faithfulness | None) -> None:
    """The figure, its files, its caption and its code."""
    title = say(f"figure.{wanted.name}.title")
    stamp = shown.version if isinstance(shown, ReplayView) else ""
    curves = "" if found is None else sorted((k, v.tolist()) for k, v in found.curves.items())
    key = work.key_of("figure", shown.key, stamp, wanted, curves)
    printed: Printed | None = answer_or_wait(
        key,
        title,
        lambda: work.kept(key),
        lambda: work.ask(
            key,
            "app.tasks.figures:draw",
            (shown, wanted, found),
            visitor=visitor.me().name,
        ),
    )
    if printed is None:
        return
    width = dict(wanted.paper)["width_mm"]
    preview, words = st.columns([3, 2], gap="medium")
    with preview:
        st.image(printed.files["png"], width=int(min(WIDEST_PX, PX_PER_MM * width)))
        with st.container(horizontal=True):
            for ending, data in printed.files.items():
                st.download_button(
                    ending.upper(),
                    data,
                    file_name=f"deformviz-{wanted.name}.{ending}",
                    mime=MIME[ending],
                    icon=":material/download:",
                    on_click="ignore",
                    key=f"figure_{ending}",
                )
    with words:
        st.markdown(f"**{say('figure.studio.caption')}**")
        st.code(printed.caption, language=None, wrap_lines=True)
        st.markdown(f"**{say('figure.studio.code')}**")
        st.code(printed.code, language="python")
