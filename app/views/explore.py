"""Explore: where does each query of the model look in this picture?"""

from __future__ import annotations

import streamlit as st

from app import controls, runs, visitor
from app.canvas.kinds import DENSE, SAMPLING
from app.picture_page import layer_canvas, picture_page
from app.studio import OF_SAMPLES, seen, studio, told_of
from app.views.beside import PAIR, beside, choose_second
from app.views.beside import STYLE as SIDE_BY_SIDE
from app.views.explanation import explanation
from app.views.head_map import head_map
from app.views.layer_beliefs import layer_beliefs
from app.views.model_details import model_details, origin
from app.views.query_charts import query_charts
from app.views.query_ladder import query_ladder
from deformviz.tracing.packing import PackedLayer, first_look
from deformviz.tracing.packing_dense import PackedDense
from deformviz.tracing.store import StoredTrace

STYLE = """.st-key-canvas { min-height: 38rem; }
.stMain .katex-display { overflow: auto hidden; padding: 0.2rem 0; }"""


def explore() -> None:
    """The landing page, top to bottom."""
    selection = picture_page(style=f"{STYLE}\n{SIDE_BY_SIDE}", show=show)
    explanation()
    query_ladder(selection)
    model_details(selection.model)


def show(run: StoredTrace, selection: controls.Selection, default_model: str) -> None:
    """What there is to see of a run."""
    stage(run, selection, default_model=default_model)
    footer(run, selection)


@st.fragment
def stage(run: StoredTrace, selection: controls.Selection, *, default_model: str) -> None:
    """Layer, canvas and charts: what changes together when a query is kept."""
    with st.container(horizontal=True, vertical_alignment="center", key="choices"):
        layer = controls.choose_layer(run)
        second = choose_second(run, layer, selection.source)
    trace_url = f"trace/{run.key}/{layer}.bin"
    packed = runs.unpacked(run, layer)
    dense = isinstance(packed, PackedDense)
    if isinstance(packed, PackedLayer):
        visitor.begin_with(first_look(packed))
    with st.container(key="pair"):
        with st.container(key="canvas"):  # keeps its place while its script is on the way
            view = (
                layer_canvas(DENSE, run, trace_url, key="dense", pair=PAIR)
                if dense
                else layer_canvas(SAMPLING, run, trace_url, key="explorer", pair=PAIR)
            )
        with st.container(key="beside_canvas"):
            beside(second, run, layer, selection.source)
    on_show = visitor.on_show(view, trace_url, visitor.view_id(run.key))
    head_map(run)
    layer_beliefs(run, layer, selection, on_show)
    if not dense:
        query_charts(run, layer, on_show.get("query"), drawn=bool(view))
        studio(OF_SAMPLES, run, seen(layer, on_show, run.header(layer)), told_of())
    visitor.write_view(on_show.get("params"), default_model)


def footer(run: StoredTrace, selection: controls.Selection) -> None:
    """Exact numbers to take away, and who computed what is shown."""
    waits_as = visitor.me().name
    wanted = runs.finished(selection.source, selection.model)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "All numbers (NPZ)",
            icon=":material/download:",
            on_click="ignore",
            data=lambda: runs.exact_npz(selection.source, selection.model, waits_as),
            file_name=f"deformviz-{selection.source.name}.npz",
            mime="application/octet-stream",
            disabled=wanted is None or wanted.key != run.key,  # another picture is on its way
            help="Every layer's locations, weights and references as the model computed them, "
            "float32. The canvas gets them rounded to 16 bits.",
        )
        st.caption(origin(run))


explore()
