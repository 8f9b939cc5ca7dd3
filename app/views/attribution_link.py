"""The address of the Attribution page: what it names is shown, and what is shown it names."""

from __future__ import annotations

import streamlit as st

from app import linked, visitor
from app.rooms import ROOMS, Asked, Room
from app.studies import Question
from deformviz.words import say
from deformviz.words.markdown import plain

LINK = "attribution_link"  # what a link asks for, until there are answers to look for it in
FALLBACKS = {"of": "the score", "part": "the first part of the model"}


def asked_in(room: Room) -> Asked:
    """What can be asked in a room."""
    if room.asked is None:
        raise ValueError(f"Nothing is traced back in the room {room.name}.")
    return room.asked


def room() -> str:
    """The room of the page: the one a link names, else the one that was chosen."""
    kind = visitor.asked().get("kind")
    if visitor.asked():
        kinds = {one.asked.kind: name for name, one in ROOMS.items() if one.asked is not None}
        if kind is not None and kind not in kinds:
            visitor.note(say("link.kind"))
        visitor.change(study_room=kinds.get(kind or "", visitor.me().study_room))
    return visitor.me().study_room


def remember() -> None:
    """Keep what a link asks for."""
    if visitor.asked():
        st.session_state[LINK] = visitor.asked()


def detection_key(picture: str, model: str) -> str:
    """Key of the widget that chooses a detection or class; every picture has its own choice."""
    return f"detection-{picture}-{model}"


def part_key(room: str) -> str:
    """Key of the widget that chooses what an answer is traced back to."""
    return f"attributed_part-{room}"


def settle(found: list[dict], room: Room) -> None:
    """Once there are answers: choose what the link names, note what fails.

    A link to another picture or model says nothing about this one.
    """
    state, link, here = st.session_state, st.session_state.pop(LINK, {}), visitor.here()
    now = {"picture": here.picture, "model": here.model}
    if any(link.get(name, value) != value for name, value in now.items()):
        return
    asked = asked_in(room)
    numbers = tuple(str(entry[asked.number]) for entry in found)
    for name, options, values, key in (
        (asked.who, numbers, range(len(found)), detection_key(here.picture, here.model)),
        ("of", asked.sides, asked.sides, "attributed_side"),
        ("part", asked.parts, asked.parts, part_key(room.name)),
    ):
        wanted = link.get(name)
        if link:
            state[key] = values[0]  # what a link leaves out is usual
        if wanted in options:
            state[key] = values[options.index(wanted)]
        elif wanted is not None:
            instead = FALLBACKS.get(name, "the first one")
            visitor.note(say("link.asked", what=name, value=plain(wanted), instead=instead))


def write(question: Question, chosen: dict, room: Room) -> None:
    """Keep the address in step with the question, so that copying it copies the question."""
    asked = asked_in(room)
    wanted = {"picture": question.source.name, asked.who: str(chosen[asked.number])}
    for name, value, usual in (
        ("kind", asked.kind, ""),
        ("model", question.model.name, room.shipped),
        ("of", question.side, ""),
        ("part", question.part, asked.parts[0]),
    ):
        if value != usual:
            wanted[name] = value
    visitor.write(wanted | linked.said())
