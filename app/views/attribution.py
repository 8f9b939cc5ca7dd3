"""Attribution: do the points with large weight matter to the answer?"""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import controls, runs, session, studies
from app.jobs import Progress, QueueFull
from app.session import unpacked
from app.views import attribution_link as link
from app.views import attribution_parts as parts
from app.waiting import failed, say

HEADLINE = "Do the weights mean anything?"
INSTRUCTION = {
    session.SAMPLING: "A large weight says where a model reads, not that it needs what it reads. "
    "Choose a detection, from the list or by a click on its box: its answer is "
    "traced back to every sample, and samples are taken away to see what "
    "happens.",
    session.GRID: "A large weight says where a model reads, not that it needs what it reads. "
    "Choose a class: its logit is traced back to every knot of the deformed grids, "
    "and knots are taken away to see what happens.",
}
KINDS = {session.SAMPLING: "Detector", session.GRID: "Classifier (DAT)"}
TARGETS = {
    "": "its score",
    "left": "its left side",
    "top": "its top",
    "right": "its right side",
    "bottom": "its bottom",
}
LOGIT = "its logit"
PARTS = {
    session.SAMPLING: {"decoder": "Decoder", "encoder": "Encoder", studies.PIXELS: "Pixels"},
    session.GRID: {"stages": "Deformed grids", studies.PIXELS: "Pixels"},
}
MOST_OFFERED = 12
REFRESH_SECONDS = 1.0


def attribution() -> None:
    """The page, top to bottom."""
    st.html(parts.STYLE)
    link.remember_link()
    with st.sidebar:
        room = choose_kind()
        session.enter(room)
        models = runs.list_models(room)
        session.read_address(list(models))
        selection = controls.select(session.sources(), models)
    st.title(HEADLINE, anchor=False)
    st.markdown(INSTRUCTION[room])
    notes = st.container()
    run = run_of(selection)
    if run is None:
        link.tell_notes(notes)
        st.skeleton(height=300)
        return
    found = classes(run) if room == session.GRID else detections(run)
    if not found:
        st.info(
            "The model found nothing on this picture to explain. Choose another picture.",
            icon=":material/search_off:",
        )
        return
    link.settle(found, room, list(TARGETS) if room == session.SAMPLING else [], list(PARTS[room]))
    link.tell_notes(notes)
    seen, asked = st.columns([2, 3], gap="medium", vertical_alignment="center")
    with asked:
        question, chosen = ask(selection, found)
        answer = answer_or_wait(question, chosen)
    link.write(question, chosen, next(iter(models)), next(iter(PARTS[room])))
    with seen:
        parts.overview(
            found, chosen, run, link.detection_key(selection.source.name, selection.model.name)
        )
    if answer is not None:
        what = LOGIT if question.is_of_grids else TARGETS[question.side]
        parts.show(answer, question, chosen, run, what)


def choose_kind() -> str:
    """Whose answers are asked: a detector's or a DAT's; the room of its pages."""
    state = st.session_state
    state["attribution_kind"] = state.setdefault("attribution_of", session.SAMPLING)

    def take() -> None:
        state["attribution_of"] = state["attribution_kind"]

    st.segmented_control(
        "Kind of model",
        list(KINDS),
        format_func=KINDS.get,
        required=True,
        key="attribution_kind",
        on_change=take,
        label_visibility="collapsed",
    )
    return state["attribution_of"]


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
    """What a detector found, surest first, each with its query and its name in a list.

    What Explore does not draw, mostly second boxes of the same thing, is left out here as well.
    """
    layer = next((name for name in reversed(run.layers) if name.startswith("decoder")), None)
    if layer is None:
        return []
    header = unpacked(run, layer).header
    found = [
        {
            "query": query,
            **entry,
            "box": np.array(entry["box_xyxy_px"]),
            "name": f"{entry['class_name']}, {entry['score']:.2f} (query {query})",
        }
        for query, entry in enumerate(header["detections"])
        if entry and entry["score"] >= header["shown_score"]
    ]
    return sorted(found, key=lambda entry: -entry["score"])[:MOST_OFFERED]


def classes(run) -> list[dict]:
    """What a classifier takes the picture for, likeliest first."""
    likely = unpacked(run, run.layers[-1]).header["classes"]
    return [
        {
            "query": 0,
            **entry,
            "box": None,
            "name": f"{entry['class_name']}, {100 * entry['probability']:.1f} %",
        }
        for entry in likely
    ]


def ask(selection: controls.Selection, found: list[dict]) -> tuple[studies.Question, dict]:
    """Widgets for the detection or class, the number of it, and the part of the model."""
    room = selection.model.room
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = st.selectbox(
            "Class" if room == session.GRID else "Detection",
            range(len(found)),
            format_func=lambda i: found[i]["name"],
            width=260,
            key=link.detection_key(selection.source.name, selection.model.name),
        )
        side = (
            ""
            if room == session.GRID
            else st.selectbox(
                "Which part of its answer",
                list(TARGETS),
                format_func=TARGETS.get,
                width=190,
                key="attributed_side",
            )
        )
        st.session_state.setdefault(link.part_key(room), next(iter(PARTS[room])))
        part = st.segmented_control(
            "Traced back to",
            list(PARTS[room]),
            required=True,
            format_func=PARTS[room].get,
            key=link.part_key(room),
        )
    entry = found[number]
    return studies.Question(
        selection.source, selection.model, entry["query"], entry["label"], side, part
    ), entry


def answer_or_wait(question: studies.Question, chosen: dict) -> studies.Answer | None:
    """The answer; else a button for it, or how far it is."""
    answer = studies.STUDIES.get(question.key)
    if answer is not None:
        return answer
    progress = session.QUEUE.progress(question.key)
    if progress is not None and progress.state == "failed":
        failed(progress.error, question.key)
    elif progress is not None and not progress.is_over:
        waiting_for(question.key, f"The {chosen['class_name']}")
    else:
        offer(question)
    return None


def offer(question: studies.Question) -> None:
    """The button that starts a study."""
    cost = "a few minutes" if question.part == "encoder" else "about a minute"
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Trace it back", type="primary", icon=":material/balance:", key="trace_back"):
            try:
                studies.request(question, session.session_id())
                st.rerun()
            except QueueFull as problem:
                st.markdown(f":material/groups: {problem}")
        st.caption(f"Runs parts of the model some hundred times; {cost} on a small model.")


@st.fragment(run_every=REFRESH_SECONDS)
def waiting_for(key: str, title: str) -> None:
    """Progress of a job, refreshed until it is over, with a way out."""
    progress = session.QUEUE.progress(key)
    if progress is None or progress.is_over:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.progress(min(1.0, progress.index / max(1, progress.count)), text=told(progress, title))
        if st.button("Cancel", key="cancel_study", width=120):
            session.QUEUE.leave(key, session.session_id())
            st.rerun()


def told(progress: Progress, title: str) -> str:
    """Progress in words; a study counts in per cent."""
    if progress.state == "running" and progress.count == 100:
        return f"{title}: {progress.stage}, {progress.index} %"
    return say(progress, title)


attribution()
