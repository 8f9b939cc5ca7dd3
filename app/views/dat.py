"""Deformed grids: where does this picture bend the grid that its queries share?"""

from __future__ import annotations

from functools import partial

import streamlit as st

from app import controls, runs, visitor
from app.canvas.kinds import GRID
from app.picture_page import layer_canvas, picture_page
from app.studio import OF_GRIDS, studio, told_of
from app.views.beside import PAIR, beside, choose_second
from app.views.beside import STYLE as SIDE_BY_SIDE
from app.views.dat_numbers import ablations, numbers, versions
from app.views.dat_text import explanation
from deformviz.tracing.store import StoredTrace
from deformviz.words import say

STYLE = """.st-key-grid_canvas { min-height: 38rem; }
.stMain .katex-display { overflow: auto hidden; padding: 0.2rem 0; }"""


def deformed_grids() -> None:
    """The page, top to bottom."""
    picture_page(style=f"{STYLE}\n{SIDE_BY_SIDE}", show=show)
    explanation()


def show(run: StoredTrace, selection: controls.Selection, default_model: str) -> None:
    """What there is to see of a run."""
    stage(run, selection, default_model=default_model)
    ablations()
    versions()
    footer(selection)


@st.fragment
def stage(run: StoredTrace, selection: controls.Selection, *, default_model: str) -> None:
    """Layer, canvas and numbers: what changes together when a query is kept."""
    with st.container(horizontal=True, vertical_alignment="center", key="choices"):
        layer = choose_layer(run)
        source, name_layer = selection.source, partial(layer_title, run)
        second = choose_second(run, layer, source, name_layer=name_layer)
    trace_url = f"trace/{run.key}/{layer}.bin"
    with st.container(key="pair"):
        with st.container(key="grid_canvas"):  # keeps its place while its script is on the way
            view = layer_canvas(GRID, run, trace_url, key="grid", pair=PAIR)
        with st.container(key="beside_canvas"):
            beside(second, run, layer, source)
    on_show = visitor.on_show(view, trace_url, visitor.view_id(run.key))
    numbers(run, layer, on_show, drawn=bool(view))
    studio(
        OF_GRIDS, run, {"layer": layer, "group": shown_group(run.header(layer), on_show)}, told_of()
    )
    visitor.write_view(on_show.get("params"), default_model)


def shown_group(header: dict, view: dict) -> int:
    """The group of the first head on show."""
    heads = view.get("heads") or []
    if not heads:
        return header["start_group"]
    return min(heads) // (header["heads"] // header["groups"])


def choose_layer(run: StoredTrace) -> str:
    """Which of the layers with a deformed grid; named by stage and block."""
    state = st.session_state
    state["grid_layer"] = visitor.here().layer

    def take() -> None:
        visitor.change_here(layer=state["grid_layer"])

    st.segmented_control(
        say("page.dat.layer"),
        run.layers,
        key="grid_layer",
        on_change=take,
        required=True,
        format_func=lambda name: layer_title(run, name),
        label_visibility="collapsed",
    )
    return visitor.here().layer


def layer_title(run: StoredTrace, layer: str) -> str:
    """A layer by stage (and block, where a stage has several), with its grid."""
    _, number, _, block = layer.split(".")
    several = sum(name.startswith(f"stages.{number}.") for name in run.layers) > 1
    height, width = run.header(layer)["grid_hw"]
    return say(
        "page.dat.layer.block" if several else "page.dat.layer.stage",
        stage=int(number) + 1,
        block=int(block) + 1,
        height=height,
        width=width,
    )


def footer(selection: controls.Selection) -> None:
    """Exact numbers to take away."""
    waits_as = visitor.me().name
    st.download_button(
        say("page.dat.numbers"),
        icon=":material/download:",
        on_click="ignore",
        data=lambda: runs.exact_npz(selection.source, selection.model, waits_as),
        file_name=f"deformviz-{selection.source.name}-grids.npz",
        mime="application/octet-stream",
        help=say("page.dat.numbers.help"),
    )


deformed_grids()
