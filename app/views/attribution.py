"""Attribution: do the points with large weight matter to the answer?"""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import controls, linked, proof, runs, studies, visitor, work
from app.line import QueueFull
from app.picture_page import wanted_run
from app.rooms import GRID, ROOMS, Room
from app.tasks.pictures import ComputedRun
from app.tasks.studies import Answer
from app.views import attribution_link as link
from app.views import attribution_parts as parts
from app.waiting import failed, waiting
from deformviz.analysis.layers_studied import LayersStudied
from deformviz.tracing.store import StoredTrace
from deformviz.words import say
from deformviz.words.markdown import quoting, visible

HEADLINE = "Do the weights mean anything?"
TARGETS = {
    "": "its score",
    "left": "its left side",
    "top": "its top",
    "right": "its right side",
    "bottom": "its bottom",
}
LOGIT = "its logit"
PARTS = {
    "decoder": "Decoder",
    "encoder": "Encoder",
    "stages": "Deformed grids",
    "pixels": "Pixels",
}
MOST_OFFERED = 12
DRAWN = ("layer", "credit", "method")  # of an answer, in the address


def attribution() -> None:
    """The page, top to bottom."""
    st.html(parts.STYLE)
    room = ROOMS[visitor.me().room]
    models = runs.list_models(room.name)
    link.remember()
    linked.begin("attribution", DRAWN)
    visitor.read_address(list(models))
    with st.sidebar:
        choose_kind()
        selection = controls.select(visitor.sources(), models)
    st.title(HEADLINE, anchor=False)
    controls.row_of_pictures(visitor.sources(), selection.model)
    st.markdown(room.say("study"))
    run = wanted_run(selection)
    if run is None:
        st.skeleton(height=300)
        return
    if isinstance(run, ComputedRun) and run.foreign:
        st.info(say("foreign.attribution"), icon=":material/balance:")
        return
    found = classes(run) if room.name == GRID else detections(run)
    if not found:
        st.info(
            "The model found nothing on this picture to explain. Choose another picture.",
            icon=":material/search_off:",
        )
        return
    if not proof.may_be_drawn(run.header(name).get("proof") for name in run.layers):
        return
    link.settle(found, room)
    seen, asked = st.columns([2, 3], gap="medium", vertical_alignment="center")
    with asked:
        question, chosen = ask(selection, found, room)
        answer = answer_or_offer(question, chosen)
    with seen:
        parts.overview(
            found, chosen, run, link.detection_key(selection.source.name, selection.model.name)
        )
    if answer is not None and may_be_drawn(answer):
        what = LOGIT if question.is_of_grids else TARGETS[question.side]
        parts.show(answer, question, chosen, run, what)
    link.write(question, chosen, room)


def may_be_drawn(answer: Answer) -> bool:
    """Whether the pass that was studied is proven; else a line says that it is not."""
    return not isinstance(answer, LayersStudied) or proof.may_be_drawn(
        answer.proofs, beside_canvas=True
    )


def choose_kind() -> None:
    """Whose answers are asked: a detector's or a DAT's."""
    state = st.session_state
    state["attribution_kind"] = visitor.me().study_room
    rooms = [name for name, room in ROOMS.items() if room.asked is not None]

    def take() -> None:
        visitor.change(study_room=state["attribution_kind"])

    st.segmented_control(
        "Kind of model",
        rooms,
        format_func=lambda name: ROOMS[name].say("kind"),
        required=True,
        key="attribution_kind",
        on_change=take,
        label_visibility="collapsed",
    )


def detections(run: StoredTrace) -> list[dict]:
    """What a detector found, surest first, each with its query and its name in a list.

    What Explore does not draw, mostly second boxes of the same thing, is left out here as well.
    """
    layer = next((name for name in reversed(run.layers) if name.startswith("decoder")), None)
    if layer is None:
        return []
    header = run.header(layer)
    found = [
        {
            "query": query,
            **entry,
            "box": np.array(entry["box_xyxy_px"]),
            "name": f"{visible(entry['class_name'])}, {entry['score']:.2f} (query {query})",
        }
        for query, entry in enumerate(header["detections"])
        if entry and entry["score"] >= header["shown_score"]
    ]
    return sorted(found, key=lambda entry: -entry["score"])[:MOST_OFFERED]


def classes(run: StoredTrace) -> list[dict]:
    """What a classifier takes the picture for, likeliest first."""
    likely = run.header(run.layers[-1])["classes"]
    return [
        {
            "query": 0,
            **entry,
            "box": None,
            "name": f"{visible(entry['class_name'])}, {100 * entry['probability']:.1f} %",
        }
        for entry in likely
    ]


def ask(
    selection: controls.Selection, found: list[dict], room: Room
) -> tuple[studies.Question, dict]:
    """Widgets for the detection or class, the number of it, and the part of the model."""
    asked = link.asked_in(room)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = st.selectbox(
            asked.who.capitalize(),
            range(len(found)),
            format_func=lambda i: found[i]["name"],
            width=260,
            key=link.detection_key(selection.source.name, selection.model.name),
        )
        side = ""
        if len(asked.sides) > 1:
            side = st.selectbox(
                "Which part of its answer",
                asked.sides,
                format_func=lambda name: TARGETS[name],
                width=190,
                key="attributed_side",
            )
        st.session_state.setdefault(link.part_key(room.name), asked.parts[0])
        part = st.segmented_control(
            "Traced back to",
            asked.parts,
            required=True,
            format_func=lambda name: PARTS[name],
            key=link.part_key(room.name),
        )
    entry = found[number]
    return studies.Question(
        selection.source,
        selection.model,
        entry["query"],
        entry["label"],
        side,
        part or asked.parts[0],
    ), entry


def answer_or_offer(question: studies.Question, chosen: dict) -> Answer | None:
    """The answer; else a button for it, or how far it is."""
    answer = studies.find(question)
    if answer is not None:
        return answer
    if (shipped := studies.stored(question)) is not None:
        st.caption(f":material/inventory_2: {say('attribution.stored')}")
        return shipped
    progress = work.progress(question.key)
    if progress is not None and progress.state == "failed":
        failed(progress.error, question.key)
    elif progress is not None and not progress.is_over:
        waiting(question.key, f"The {chosen['class_name']}")
    else:
        offer(question)
    return None


def offer(question: studies.Question) -> None:
    """The button that starts a study."""
    cost = "a few minutes" if question.part == "encoder" else "about a minute"
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Trace it back", type="primary", icon=":material/balance:", key="trace_back"):
            try:
                studies.request(question, visitor.me().name)
                st.rerun()
            except QueueFull as problem:
                st.markdown(f":material/groups: {quoting(str(problem))}")
        st.caption(f"Runs parts of the model some hundred times; {cost} on a small model.")


attribution()
