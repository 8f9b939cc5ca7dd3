"""Checkpoint: what is in this file of weights, and what do they look like?"""

from __future__ import annotations

import json

import streamlit as st

from app import checkpoint_files as files
from app.views import checkpoint_parts as parts

HEADLINE = "What is in this checkpoint?"
INSTRUCTION = ("A file of weights says a lot before any picture: what it is, how large, and where "
               "every head looks by default. Choose one, or drop your own.")
NOBODY = ""                             # "compare with" nothing
PICKLES = ["pth", "pt", "bin"]
OPTIONS_HELP = "Only what the tensors cannot tell; leave it empty to take the usual value."


def checkpoint() -> None:
    """The page, top to bottom."""
    choices = files.list_choices()
    choose_defaults(choices)
    st.html(parts.STYLE)
    with st.sidebar:
        drop()
        shown = choose(choices)
    st.title(HEADLINE, anchor=False)
    st.markdown(INSTRUCTION)
    if problem := st.session_state.pop("checkpoint_problem", ""):
        st.error(problem, icon=":material/block:")
    if not shown:
        st.info("There is no checkpoint here yet. Drop one, or start the app with "
                "`./run --checkpoints DIR`.", icon=":material/folder_open:")
        return
    inspections = [look(choice, place) for place, choice in enumerate(shown)]
    if len(inspections) == 2 and all(found.usable for found in inspections):
        parts.comparison(shown, inspections)
    parts.one_checkpoint(shown[0], inspections[0])
    if inspections[0].usable:
        go_on(shown[0], inspections[0])


def choose_defaults(choices: dict[str, files.Choice]) -> None:
    """What the session or the address names, else the first; what is gone is let go."""
    state, asked = st.session_state, st.query_params
    for name, parameter, empty in (("checkpoint", "checkpoint", next(iter(choices), NOBODY)),
                                   ("other_checkpoint", "with", NOBODY)):
        wanted = state.get(f"chosen_{name}", asked.get(parameter, empty))
        state[f"chosen_{name}"] = wanted if wanted in choices else empty
    address = {"checkpoint": state["chosen_checkpoint"]}
    if state["chosen_other_checkpoint"]:
        address["with"] = state["chosen_other_checkpoint"]
    if st.query_params.to_dict() != address:
        st.query_params.from_dict(address)


def drop() -> None:
    """A place to drop a file; what is wrong with it is said above the page."""
    state = st.session_state
    types = ["safetensors"] if files.is_shared() else ["safetensors", *PICKLES]

    def take() -> None:
        from deformviz.checkpoints.errors import CheckpointError

        if not (file := state["dropped"]):
            return
        try:
            state["chosen_checkpoint"] = files.take_upload(file.name, file.getvalue())
        except CheckpointError as problem:
            state["checkpoint_problem"] = str(problem)

    most = st.get_option("server.maxUploadSize")
    st.file_uploader("Drop a checkpoint", type=types, key="dropped", on_change=take,
                     help=f"Up to {most} MB. Nothing in it is executed, and it is gone when the "
                     "server ends. Larger files: start with `./run --checkpoints DIR`.")
    if files.is_shared():
        st.caption("Only safetensors: this server is open to its network.")


def choose(choices: dict[str, files.Choice]) -> list[files.Choice]:
    """The checkpoint, and one to compare it with."""
    state = st.session_state
    if not choices:
        return []

    def titles(name: str) -> str:
        return choices[name].title if name else "nothing"

    def keep(widget: str) -> None:
        state[f"chosen_{widget}"] = state[f"widget_{widget}"]

    for widget, label, names in (
        ("checkpoint", "Checkpoint", list(choices)),
        ("other_checkpoint", "Compare with", [NOBODY, *choices]),
    ):
        state[f"widget_{widget}"] = state[f"chosen_{widget}"]
        st.selectbox(label, names, format_func=titles, key=f"widget_{widget}", on_change=keep,
                     args=(widget,))
    names = [state["chosen_checkpoint"], state["chosen_other_checkpoint"]]
    return [choices[name] for name in names if name]


def look(choice: files.Choice, place: int):
    """The inspection of a choice, with its own snapshot or options where it has some."""
    with st.sidebar:
        if choice.iterations:
            iteration = st.select_slider(
                "Iteration" if place == 0 else "Iteration of the other", choice.iterations,
                value=choice.iterations[-1 if place == 0 else 0], key=f"iteration_{place}")
        else:
            said = options(choice, place)
    with st.spinner(f"Reading {choice.title} …"):
        if choice.iterations:
            return files.inspected_snapshot(choice.path, iteration)
        return files.inspected(choice.path, choice.stamp, said)


def options(choice: files.Choice, place: int) -> tuple:
    """What somebody may say about a file that its tensors cannot tell."""
    said = {}
    if choice.path == choice.name:          # shipped files carry all of it
        return ()
    with st.expander(f"What {choice.title} does not say", icon=":material/tune:"):
        st.caption(OPTIONS_HELP)
        said["heads"] = st.number_input("Attention heads", 1, 64, None, key=f"heads_{place}")
        said["queries"] = st.number_input("Queries (two-stage)", 1, 5000, None,
                                          key=f"queries_{place}")
        said["version"] = st.selectbox("DAT version", ["v1", "++"], index=None,
                                       key=f"version_{place}")
        if st.checkbox("Dilated last stage (DC5)", key=f"dilation_{place}"):
            said["dilation"] = True
        text = st.text_area("Configuration (JSON)", key=f"config_{place}",
                            help="Constructor values, or the tree of a DAT training.")
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
    state = st.session_state
    st.subheader("Go on with it", anchor=False)
    is_detector = inspection.report.system == "deformable-detr"
    with st.container(horizontal=True):
        if choice.loadable and is_detector:
            for title, page, icon in parts.PAGES:
                if st.button(title, icon=icon, key=f"go_{page}"):
                    plain = not inspection.report.assumed or choice.name == choice.path
                    state["model"] = choice.name if plain else files.converted(
                        choice.title, inspection)
                    st.switch_page(page)
        elif not choice.loadable:
            if st.button("Training", icon=":material/timeline:", key="go_training"):
                state["run"] = choice.name.removeprefix(files.SNAPSHOT)
                st.switch_page("views/training.py")
        else:
            st.caption("This is a classifier; the pages for detectors do not apply to it.")


checkpoint()
