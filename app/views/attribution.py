"""Attribution: do the points with large weight matter to the answer?"""

from __future__ import annotations

import streamlit as st

from app import controls, runs, session, studies
from app.jobs import QueueFull
from app.session import unpacked
from app.views import attribution_parts as parts
from app.waiting import failed, say

HEADLINE = "Do the weights mean anything?"
INSTRUCTION = ("A large weight says where a model reads, not that it needs what it reads. Choose a "
               "detection: its answer is traced back to every sample, and samples are taken away "
               "to see what happens.")
TARGETS = {"": "its score", "left": "its left side", "top": "its top", "right": "its right side",
           "bottom": "its bottom"}
PARTS = {"decoder": "Decoder", "encoder": "Encoder", studies.PIXELS: "Pixels"}
MOST_OFFERED = 12
REFRESH_SECONDS = 1.0


def attribution() -> None:
    """The page, top to bottom."""
    models = runs.list_models()
    session.read_address(list(models))
    st.html(parts.STYLE)
    with st.sidebar:
        selection = controls.select(session.sources(), models)
    st.title(HEADLINE, anchor=False)
    st.markdown(INSTRUCTION)
    run = run_of(selection)
    if run is None:
        st.skeleton(height=300)
        return
    found = detections(run)
    if not found:
        st.info("The model found nothing on this picture to explain.", icon=":material/search_off:")
        return
    question, chosen = ask(selection, found)
    answer_or_wait(question, chosen, run)


def run_of(selection: controls.Selection):
    """The run of the selection, put in line where there is none yet."""
    run = runs.finished(selection.source, selection.model)
    if run is not None:
        return run
    key = runs.key_of(selection.source, selection.model)
    progress = session.QUEUE.progress(key)
    if progress is not None and progress.state == "failed":
        failed(progress.error, key)
        return None
    try:
        runs.request(selection.source, selection.model, session.session_id())
        waiting_for(key, selection.source.title)
    except QueueFull as problem:
        st.markdown(f":material/groups: {problem}")
    return None


def detections(run) -> list[dict]:
    """What the model found, surest first, each with its query."""
    layer = next((name for name in reversed(run.layers) if name.startswith("decoder")), None)
    if layer is None:
        return []
    per_query = unpacked(run, layer).header["detections"]
    found = [{"query": query, **entry} for query, entry in enumerate(per_query) if entry]
    return sorted(found, key=lambda entry: -entry["score"])[:MOST_OFFERED]


def ask(selection: controls.Selection, found: list[dict]) -> tuple[studies.Question, dict]:
    """Widgets for the detection, the number and the part of the model."""
    by_query = {entry["query"]: entry for entry in found}
    names = {query: f"{entry['class_name']}, {entry['score']:.2f} (query {query})"
             for query, entry in by_query.items()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        query = st.selectbox("Detection", list(names), format_func=names.get, width=300,
                             key=f"detection-{selection.source.name}-{selection.model.name}")
        side = st.selectbox("What of it", list(TARGETS), format_func=TARGETS.get, width=170,
                            key="attributed_side")
        part = st.segmented_control("Traced back to", list(PARTS), format_func=PARTS.get,
                                    default="decoder", required=True, key="attributed_part")
    entry = by_query[query]
    return studies.Question(selection.source, selection.model, query, entry["label"], side,
                            part), entry


def answer_or_wait(question: studies.Question, chosen: dict, run) -> None:
    """The answer, or a button for it, or how far it is."""
    answer = studies.STUDIES.get(question.key)
    if answer is not None:
        parts.show(answer, question, chosen, run, TARGETS[question.side])
        return
    progress = session.QUEUE.progress(question.key)
    if progress is not None and progress.state == "failed":
        failed(progress.error, question.key)
        return
    if progress is not None and not progress.is_over:
        waiting_for(question.key, f"The {chosen['class_name']}")
        return
    cost = "under a minute" if question.part == "decoder" else "a few minutes"
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Trace it back", type="primary", icon=":material/balance:", key="trace_back"):
            try:
                studies.request(question, session.session_id())
                st.rerun()
            except QueueFull as problem:
                st.markdown(f":material/groups: {problem}")
        st.caption(f"Runs parts of the model a few hundred times; {cost} on a small model.")


@st.fragment(run_every=REFRESH_SECONDS)
def waiting_for(key: str, title: str) -> None:
    """Progress of a job, refreshed until it is over, with a way out."""
    progress = session.QUEUE.progress(key)
    if progress is None or progress.is_over:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.progress(min(1.0, progress.index / max(1, progress.count)), text=say(progress, title))
        if st.button("Cancel", key="cancel_study", width=120):
            session.QUEUE.leave(key, session.session_id())
            st.rerun()


attribution()
