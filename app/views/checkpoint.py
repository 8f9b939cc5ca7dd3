"""Checkpoint: what is in this file of weights, and what do they look like?"""

from __future__ import annotations

import json

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app import checkpoint_files as files
from app.session import GRID, SAMPLING, choose_model
from app.views import checkpoint_pair as pair
from app.views import checkpoint_parts as parts
from deformviz.systems import SYSTEMS

HEADLINE = "What is in this checkpoint?"
INSTRUCTION = (
    "A file of weights says a lot before any picture: what it is, how large, and where "
    "every head looks by default. Drop your own, or choose one."
)
NOBODY = ""  # "compare with" nothing
PICKLES = ["pth", "pt", "bin"]
OPTIONS_HELP = "Only what the tensors cannot tell; leave it empty to take the usual value."
ATTRIBUTION = ("Do its weights mean anything?", "views/attribution.py", ":material/balance:")
# Pages by their room.
ONWARD = {
    SAMPLING: (
        ("Explore where it looks", "views/explore.py", ":material/center_focus_strong:"),
        ("Follow its equations", "views/walkthrough.py", ":material/function:"),
        ATTRIBUTION,
    ),
    GRID: (("See its deformed grids", "views/dat.py", ":material/grid_4x4:"), ATTRIBUTION),
}


def checkpoint() -> None:
    """The page, top to bottom."""
    choices = files.list_choices()
    choose_defaults(choices)
    st.html(parts.STYLE)
    st.title(HEADLINE, anchor=False)
    st.markdown(INSTRUCTION)
    dropping, first, second = st.columns(3, gap="medium")
    with dropping:
        drop()
    problem = st.session_state.pop("checkpoint_problem", "")
    if problem:
        st.error(problem, icon=":material/block:")
    if not choices:
        st.info(
            "There is no checkpoint here yet. Drop one, or start the app with "
            "`./run --checkpoints DIR`.",
            icon=":material/folder_open:",
        )
        return
    shown = choose(choices, (first, second))
    inspections = [
        look(choice, place, column)
        for place, (choice, column) in enumerate(zip(shown, (first, second), strict=False))
    ]
    if len(shown) == 1:
        with second:
            offer_training(shown[0], choices)
    if len(inspections) == 2 and all(found.usable for found in inspections):
        pair.comparison(shown, inspections)
    parts.one_checkpoint(shown[0], inspections[0], go_on)


def choose_defaults(choices: dict[str, files.Choice]) -> None:
    """What the session or the address names, else the first; what is gone is let go."""
    state, asked = st.session_state, st.query_params
    for name, parameter, empty in (
        ("checkpoint", "checkpoint", next(iter(choices), NOBODY)),
        ("other_checkpoint", "with", NOBODY),
    ):
        wanted = state.get(f"chosen_{name}", asked.get(parameter, empty))
        state[f"chosen_{name}"] = wanted if wanted in choices else empty
    other = state["chosen_other_checkpoint"]
    if other and not can_be_other(choices, other):
        state["chosen_other_checkpoint"] = NOBODY
    address = {"checkpoint": state["chosen_checkpoint"]}
    if state["chosen_other_checkpoint"]:
        address["with"] = state["chosen_other_checkpoint"]
    if st.query_params.to_dict() != address:
        st.query_params.from_dict(address)


def drop() -> None:
    """A place to drop a file; what is wrong with it is said above the page."""
    state = st.session_state
    types = ["safetensors"] if files.is_shared() else ["safetensors", *PICKLES]
    key = f"dropped-{state.get('drops', 0)}"

    def take() -> None:
        from deformviz.checkpoints.errors import CheckpointError

        file = state.get(key)
        if not isinstance(file, UploadedFile):  # cleared, or taken and let go before
            return
        try:
            state["chosen_checkpoint"] = files.take_upload(file.name, file.getvalue())
        except CheckpointError as problem:
            state["checkpoint_problem"] = str(problem)
        files.let_go(file)
        state["drops"] = state.get("drops", 0) + 1  # the next one begins empty

    st.file_uploader(
        "Drop a checkpoint",
        type=types,
        key=key,
        on_change=take,
        help="Nothing in it is executed, and it is gone when the server ends.",
    )
    st.caption(
        "Larger files: put them in a folder and start the app with `./run --checkpoints DIR`."
    )
    if files.is_shared():
        st.caption("Only safetensors: this server is open to its network.")


def choose(choices: dict[str, files.Choice], columns) -> list[files.Choice]:
    """The checkpoint, and one to compare it with."""
    state = st.session_state

    def titles(name: str) -> str:
        return choices[name].title if name else "nothing"

    def keep(widget: str) -> None:
        state[f"chosen_{widget}"] = state[f"widget_{widget}"]

    for column, widget, label, names in (
        (columns[0], "checkpoint", "Checkpoint", list(choices)),
        (
            columns[1],
            "other_checkpoint",
            "Compare with",
            [NOBODY, *(name for name in choices if can_be_other(choices, name))],
        ),
    ):
        state[f"widget_{widget}"] = state[f"chosen_{widget}"]
        column.selectbox(
            label, names, format_func=titles, key=f"widget_{widget}", on_change=keep, args=(widget,)
        )
    names = [state["chosen_checkpoint"], state["chosen_other_checkpoint"]]
    return [choices[name] for name in names if name]


def can_be_other(choices: dict[str, files.Choice], name: str) -> bool:
    """Whether comparing the chosen checkpoint with it tells anything: itself only by snapshots."""
    return name != st.session_state["chosen_checkpoint"] or bool(choices[name].iterations)


def offer_training(choice: files.Choice, choices: dict[str, files.Choice]) -> None:
    """One step to the comparison of the last snapshot of a training with its first one."""
    training = choice.name if choice.iterations else files.TRAINED_BY.get(choice.name)
    if training not in choices:
        return

    def compare() -> None:
        st.session_state["chosen_checkpoint"] = training
        st.session_state["chosen_other_checkpoint"] = training

    st.button(
        "What did its training change?",
        icon=":material/difference:",
        key="offer_training",
        on_click=compare,
        width="stretch",
        help="Compares the last snapshot of its training with the first one.",
    )


def look(choice: files.Choice, place: int, column):
    """The inspection of a choice, with its own snapshot or options where it has some."""
    with column:
        if choice.iterations:
            iteration = st.select_slider(
                "Iteration",
                choice.iterations,
                value=choice.iterations[-1 if place == 0 else 0],
                key=f"iteration_{place}",
            )
        else:
            said = options(choice, place)
    with st.spinner(f"Reading {choice.title} …"):
        if choice.iterations:
            return files.inspected_snapshot(choice.path, iteration)
        return files.inspected(choice.path, choice.stamp, said)


def options(choice: files.Choice, place: int) -> tuple:
    """What somebody may say about a file that its tensors cannot tell."""
    said = {}
    if choice.path == choice.name:  # shipped files carry all of it
        return ()
    with st.expander("What the file does not say", icon=":material/tune:"):
        st.caption(OPTIONS_HELP)
        said["heads"] = st.number_input("Attention heads", 1, 64, None, key=f"heads_{place}")
        said["queries"] = st.number_input(
            "Queries (two-stage)", 1, 5000, None, key=f"queries_{place}"
        )
        said["version"] = st.selectbox(
            "DAT version", ["v1", "++"], index=None, key=f"version_{place}"
        )
        if st.checkbox("Dilated last stage (DC5)", key=f"dilation_{place}"):
            said["dilation"] = True
        text = st.text_area(
            "Configuration (JSON)",
            key=f"config_{place}",
            help="Constructor values, or the tree of a DAT training.",
        )
    if text and text.strip():
        try:
            said["config"] = json.loads(text)
        except ValueError:
            st.error("The configuration is not JSON.")
    said = {name: value for name, value in said.items() if value is not None}
    return tuple(sorted((name, _hashable(value)) for name, value in said.items()))


def _hashable(value):
    return _Config(value) if isinstance(value, dict) else value


class _Config(dict):
    """A configuration a cache can remember; equal text, equal configuration."""

    def __hash__(self):
        return hash(json.dumps(self, sort_keys=True))


def go_on(choice: files.Choice, inspection) -> None:
    """Straight to the other pages with it."""
    room = SYSTEMS[inspection.report.system].room
    with st.container(horizontal=True):
        for title, page, icon in ONWARD.get(room, ()):
            if st.button(title, icon=icon, key=f"go_{page}"):
                choose_model(files.for_other_pages(choice, inspection), room)
                st.session_state["attribution_of"] = room
                st.switch_page(page)
        if choice.iterations and st.button(
            "Watch it learn", icon=":material/timeline:", key="go_training"
        ):
            st.session_state["run"] = choice.name.removeprefix(files.SNAPSHOT)
            st.switch_page("views/training.py")


checkpoint()
