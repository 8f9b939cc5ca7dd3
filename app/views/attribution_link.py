"""The address of the Attribution page: what it names is shown, and what is shown it names."""

from __future__ import annotations

import streamlit as st

from app import session

CLASSIFIER = "classifier"  # `kind` in an address; a detector goes without
WHO = {session.SAMPLING: "detection", session.GRID: "class"}
NUMBERED_BY = {session.SAMPLING: "query", session.GRID: "label"}


def remember_link() -> None:
    """Once per session: keep what the address asks for, and go to the kind of model it names."""
    state = st.session_state
    if "attribution_link" in state:
        return
    link = {name: value[: session.LONGEST_VALUE] for name, value in st.query_params.items()}
    state["attribution_link"] = link
    if link.get("kind") == CLASSIFIER:
        state["attribution_of"] = session.GRID


def detection_key(picture: str, model: str) -> str:
    """Key of the widget that chooses a detection or class; every picture has its own choice."""
    return f"detection-{picture}-{model}"


def part_key(room: str) -> str:
    """Key of the widget that chooses what an answer is traced back to."""
    return f"attributed_part-{room}"


def settle(found: list[dict], room: str, sides: list[str], parts: list[str]) -> None:
    """Once, as soon as there are answers: choose what the link names, note what fails.

    A link to another picture or model says nothing about this one.
    """
    state, link = st.session_state, st.session_state["attribution_link"]
    state["attribution_link"] = {}
    if any(link.get(name, state[name]) != state[name] for name in ("picture", "model")):
        return
    if link.get("kind", CLASSIFIER) != CLASSIFIER:
        note("The link names a kind of model that is not known, so you see a detector.")
    numbers = [str(entry[NUMBERED_BY[room]]) for entry in found]
    for name, options, values, key, fallback in (
        (
            WHO[room],
            numbers,
            range(len(found)),
            detection_key(state["picture"], state["model"]),
            "the first one",
        ),
        ("of", sides, sides, "attributed_side", "the score"),
        ("part", parts, parts, part_key(room), "the first part of the model"),
    ):
        asked = link.get(name)
        if asked in options:
            state[key] = values[options.index(asked)]
        elif asked is not None:
            note(
                f"The link names a {name} that is not here ({asked!r}), so you see {fallback}."
                if name != "of"
                else f"The link names a part of the answer that is not known ({asked!r}), so you "
                f"see {fallback}."
            )


def note(text: str) -> None:
    """Say what a link asked for in vain; it stays until another picture is chosen."""
    st.session_state.setdefault("notes", []).append(text)


def tell_notes(place) -> None:
    """What a link asked for in vain, in a container."""
    for text in st.session_state["notes"]:
        place.info(text, icon=":material/link_off:")


def write(question, chosen: dict, first_model: str, first_part: str) -> None:
    """Keep the address in step with the question, so that copying it copies the question."""
    room = question.model.room
    wanted = {"picture": question.source.name, WHO[room]: str(chosen[NUMBERED_BY[room]])}
    for name, value, usual in (
        ("kind", room, session.SAMPLING),
        ("model", question.model.name, first_model),
        ("of", question.side, ""),
        ("part", question.part, first_part),
    ):
        if value != usual:
            wanted[name] = CLASSIFIER if name == "kind" else value
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)
