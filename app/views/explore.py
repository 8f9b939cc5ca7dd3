"""Explore: where does each query of the model look in this picture?"""

from __future__ import annotations

import streamlit as st

from app import controls, runs, session
from app.canvas.kinds import SAMPLING, mount_picture
from app.picture_page import picture_page
from app.views.explanation import explanation
from app.views.model_details import model_details, origin
from app.views.query_charts import query_charts

HEADLINE = "Where does it look?"
INSTRUCTION = (
    "Move over the picture, or tap it: every mark is a place the model reads to answer "
    "for the spot under your pointer. Click to keep one."
)
OUT_OF_DOMAIN = (
    "This model has seen rendered scenes only. On other pictures its boxes mean "
    "little; the marks are still exactly the places it reads."
)
STYLE = """.st-key-canvas { min-height: 38rem; }
.stMain .katex-display { overflow: auto hidden; padding: 0.2rem 0; }"""


def explore() -> None:
    """The landing page, top to bottom."""
    selection = picture_page(
        session.SAMPLING,
        headline=HEADLINE,
        instruction=INSTRUCTION,
        out_of_domain=OUT_OF_DOMAIN,
        style=STYLE,
        show=show,
    )
    explanation()
    model_details(selection.model)


def show(run: runs.Run, selection: controls.Selection, default_model: str) -> None:
    """What there is to see of a run."""
    stage(run, default_model=default_model)
    footer(run, selection)


@st.fragment
def stage(run: runs.Run, *, default_model: str) -> None:
    """Layer, canvas and charts: what changes together when a query is kept."""
    layer = controls.choose_layer(run)
    trace_url = f"trace/{run.key}/{layer}.bin"
    with st.container(key="canvas"):  # keeps its place while its script is on the way
        view = canvas(run, trace_url)
    on_show = view if view and view.get("source") == trace_url else {}
    query_charts(run, layer, on_show.get("query"), drawn=bool(view))
    session.write_address(on_show.get("params"), default_model)


def canvas(run: runs.Run, trace_url: str) -> dict | None:
    """The explorer; returns the view it reported last, None before it has drawn."""
    state = st.session_state

    def take_step() -> None:
        at = run.layers.index(state["layer"]) + state["explorer"].layer
        state["layer"] = run.layers[min(max(at, 0), len(run.layers) - 1)]

    result = mount_picture(
        SAMPLING,
        trace_url=trace_url,
        picture_url=f"picture/{run.key}.jpg",
        title=run.title,
        picture_hw=run.original_hw,
        view=session.start_view(run.key),
        view_id=run.key,
        key="explorer",
        on_layer=take_step,
    )
    return result.view


def footer(run: runs.Run, selection: controls.Selection) -> None:
    """Exact numbers to take away, and who computed what is shown."""
    waits_as = session.session_id()
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
