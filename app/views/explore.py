"""Explore: where does each query of the model look in this picture?"""

from __future__ import annotations

import streamlit as st

from app import controls, runs, session

HEADLINE = "Where does it look?"
INSTRUCTION = ("Move over the picture. Each mark is a place a detector with deformable attention "
               "reads to answer for the cell or object under your pointer. Click to keep one.")
OUT_OF_DOMAIN = ("This model has seen rendered scenes only. On any other picture its boxes mean "
                 "little; the points are still exactly those it reads.")


def explore() -> None:
    models = runs.list_models()
    session.read_address(list(models))
    sources = session.sources()
    with st.sidebar:
        selection = controls.choose_picture(sources, models)
    st.title(HEADLINE, anchor=False)
    st.markdown(INSTRUCTION)
    run = run_to_show(selection)
    if run is None:
        st.skeleton(height=560)
        return
    stage(run)


def run_to_show(selection: controls.Selection) -> runs.Run | None:
    """The run of the selection; while it is computed, the one on show before."""
    state = st.session_state
    run = runs.finished(selection.source, selection.model)
    if run is not None:
        state["shown"] = run.key
        return run
    key = runs.request(selection.source, selection.model)
    waiting(key)
    return runs.find(state.get("shown", ""))


@st.fragment(run_every=0.5)
def waiting(key: str) -> None:
    progress = session.QUEUE.progress(key)
    if progress is None or progress.is_over:
        st.rerun()
    st.progress(progress.index / max(1, progress.count), text=progress.stage)


@st.fragment
def stage(run: runs.Run) -> None:
    layer = controls.choose_layer(run)
    st.image(run.picture_jpeg(), caption=f"{run.title} {layer}")


explore()
