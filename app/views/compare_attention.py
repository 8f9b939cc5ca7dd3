"""Five attentions: what may one place of a picture look at, and what does it cost?"""

from __future__ import annotations

import streamlit as st

from app import controls, session
from app.keys.component import KEYS_CANVAS
from deformviz.tracing.packing import read_header
from deformviz.tracing.store import StoredTrace

HEADLINE = "What may it look at?"
INSTRUCTION = ("The same picture and the same place under five kinds of attention. Move over any "
               "of them; click to keep a place.")
LAYER = "key-sets"
STYLE = """<style>
.stMainBlockContainer { padding-inline: clamp(1rem, 3vw, 3rem); max-width: 90rem; }
.stMain h1 { padding: 0; letter-spacing: -0.01em; }
.st-key-keys_canvas { min-height: 38rem; }
</style>"""
SEES = {
    "dense": "Everything, always. Cost grows with the number of keys.",
    "windows": "Its window only; the next layer's windows are shifted by half.",
    "convolution": "Nine taps, moved by offsets of this very place. Nothing is compared: each tap "
                   "has its own matrix.",
    "detector": "A few points per head, moved and weighed by the query alone; no keys.",
    "dat": "All knots of one grid per group, moved by the picture, compared with the query.",
}


def compare_attention() -> None:
    """The page, top to bottom."""
    session.enter(session.KEYS)
    stored = {trace.name: trace for trace in session.stored_traces(session.KEYS)}
    session.read_address([""])
    st.html(STYLE)
    state = st.session_state
    if state["picture"] not in stored:
        state["picture"] = next(iter(stored), "")
    st.title(HEADLINE, anchor=False)
    if not stored:
        st.info("There are no stored key sets here; make them with "
                "`python -m deformviz.analysis.key_sets_store`.")
        return
    with st.sidebar:
        controls.choose_stored(list(stored.values()))
    st.markdown(INSTRUCTION)
    for note in state["notes"]:
        st.info(note, icon=":material/link_off:")
    state["layer"] = LAYER
    stage(stored[state["picture"]])


@st.fragment
def stage(trace: StoredTrace) -> None:
    """The five pictures, and a table of what they cost."""
    with st.container(key="keys_canvas"):
        view = KEYS_CANVAS.mount(
            trace_url=f"trace/{trace.key}/{LAYER}.bin", picture_url=f"picture/{trace.key}.jpg",
            title=trace.title, picture_hw=trace.original_hw, key="keys", view_id=trace.key,
            view=session.start_view(trace.key, "keys"), note=trace.honesty,
        ).view
    table(trace)
    session.write_address((view or {}).get("params"), "")


def table(trace: StoredTrace) -> None:
    """Keys and cost per query of each kind."""
    import gzip

    header = read_header(gzip.decompress(trace.layer_gzip(LAYER)))[0]
    small, large = header["cost_sides"]
    rows = [f"| {one['title']} | {SEES[one['name']]} | {one['per_head']} "
            f"| {one['cost'][0]:,} | {one['cost'][1]:,} |" for one in header["sets"]]
    st.markdown(f"| kind | what a query may read | keys per head "
                f"| cost, {small} × {small} map | cost, {large} × {large} map |\n"
                "|---|---|---:|---:|---:|\n" + "\n".join(rows))
    st.caption(
        f"Cost: multiply-adds per query of one module with {header['channels']} channels and 4 "
        "heads, projections included, counted while it runs; deformable attention on one level "
        "with 4 points per head. Keys: as drawn. White dots say what may be read; only the "
        "detector and the DAT are trained, so only their discs carry weights. "
        f"Shown: {trace.honesty}.")


compare_attention()
