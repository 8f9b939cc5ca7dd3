"""The frame that pages share whose canvas answers to one picture and one model."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app import controls, runs, session
from app.waiting import run_to_show

CANVAS_HEIGHT_PX = 560
STYLE = """<style>
.stMainBlockContainer { padding-inline: clamp(1rem, 3vw, 3rem); max-width: 90rem; }
.stMain h1 { padding: 0; letter-spacing: -0.01em; }
%s
</style>"""


def picture_page(
    room: str,
    *,
    headline: str,
    instruction: str,
    out_of_domain: str,
    style: str,
    show: Callable[[runs.Run, controls.Selection, str], None],
) -> controls.Selection:
    """Choices, headline, and the run that was chosen; returns the choice.

    Args:
        room: whose picture, model and layer are meant.
        out_of_domain: said in place of the instruction where the model knows no such pictures.
        style: CSS of this page alone.
        show: draws a run, given the choice and the name of the model that an address leaves out.
    """
    session.enter(room)
    models = runs.list_models(room)
    session.read_address(list(models))
    st.html(STYLE % style)
    with st.sidebar:
        selection = controls.select(session.sources(), models)
    st.title(headline, anchor=False)
    notes = st.container()
    run = run_to_show(selection, instruction, out_of_domain)
    if run is None:
        st.skeleton(height=CANVAS_HEIGHT_PX)
    else:
        session.settle_layer(run.layers)
        show(run, selection, next(iter(models)))
    for note in st.session_state["notes"]:
        notes.info(note, icon=":material/link_off:")
    return selection
