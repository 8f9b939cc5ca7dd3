"""Checkpoint: what is in this file of weights, and what do they look like?"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app import checkpoint_files as files
from app import dropped, visitor, work
from app.line import JobFailed, NoRoom
from app.rooms import ROOMS, SAMPLING, Page, Room
from app.tasks.checkpoints import Looked
from app.training_runs import NOBODY
from app.views import checkpoint_pair as pair
from app.views import checkpoint_parts as parts
from app.waiting import answer_or_wait
from deformviz.checkpoints.errors import CheckpointError
from deformviz.systems import SYSTEMS
from deformviz.words import say
from deformviz.words.markdown import quoting, visible

HEADLINE = "What is in this checkpoint?"
INSTRUCTION = (
    "A file of weights says a lot before any picture: what it is, how large, and where "
    "every head looks by default. Drop your own, or choose one."
)
PICKLES = ["pth", "pt", "bin"]
OPTIONS_HELP = "Only what the tensors cannot tell; leave it empty to take the usual value."
PARAMETERS = {"checkpoint": "checkpoint", "other_checkpoint": "with"}  # in an address


@dataclass(frozen=True)
class Chosen:
    """A checkpoint with everything that was said about it."""

    choice: files.Choice
    said: files.Said = ()
    iteration: int | None = None

    @property
    def title(self) -> str:
        if self.iteration is None:
            return self.choice.title
        return f"{self.choice.title} at iteration {self.iteration:,}"

    @property
    def key(self) -> str:
        return files.key_of(self.choice, self.said, self.iteration)


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
    if not choices:
        st.info(
            "There is no checkpoint here yet. Drop one, or start the app with "
            "`./run --checkpoints DIR`.",
            icon=":material/folder_open:",
        )
        return
    columns = (first, second)
    shown = [
        say_more(choice, place, column)
        for place, (choice, column) in enumerate(
            zip(choose(choices, columns), columns, strict=False)
        )
    ]
    if len(shown) == 1:
        with second:
            offer_training(shown[0].choice, choices)
    found = look(shown[0])
    if found is None:
        return
    if len(shown) == 2 and not found.problem:
        other = look(shown[1])  # one after the other: a newer wish replaces an older one
        if other is not None and not other.problem:
            pair.comparison(shown[0], shown[1], found, other)
    parts.one_checkpoint(shown[0].choice.title, found, lambda: go_on(shown[0], found))


def choose_defaults(choices: dict[str, files.Choice]) -> None:
    """What a link names, else what was chosen, else the first; what is gone is let go."""
    link = visitor.asked()
    for name, empty in (("checkpoint", next(iter(choices), NOBODY)), ("other_checkpoint", NOBODY)):
        wanted = link.get(PARAMETERS[name], getattr(visitor.me(), name))
        if wanted not in choices:
            if PARAMETERS[name] in link:
                visitor.note(say("link.checkpoint"))
            wanted = empty
        visitor.change(**{name: wanted})
    visitor.note_unknown(link, PARAMETERS.values())
    other = visitor.me().other_checkpoint
    if other and not can_be_other(choices, other):
        visitor.change(other_checkpoint=NOBODY)
    wanted = {parameter: getattr(visitor.me(), name) for name, parameter in PARAMETERS.items()}
    visitor.write({name: value for name, value in wanted.items() if value})


def drop() -> None:
    """A place to drop a file; what is wrong with it is said beside it."""
    state = st.session_state
    types = ["safetensors"] if files.is_shared() else ["safetensors", *PICKLES]
    key = f"dropped-{visitor.me().drops}"

    def take() -> None:
        file = state.get(key)
        if not isinstance(file, UploadedFile):  # cleared, or taken and let go before
            return
        try:
            visitor.change(checkpoint=files.take_upload(file.name, file.getbuffer()))
        except (CheckpointError, NoRoom) as problem:
            state["checkpoint_problem"] = str(problem)
        dropped.let_go(file)
        visitor.change(drops=visitor.me().drops + 1)  # the next one begins empty

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
    if problem := state.pop("checkpoint_problem", ""):
        st.error(quoting(problem), icon=":material/block:")
    if files.is_shared():
        st.caption("Only safetensors: this server is open to its network.")


def choose(choices: dict[str, files.Choice], columns) -> list[files.Choice]:
    """The checkpoint, and one to compare it with."""
    state = st.session_state

    def titles(name: str) -> str:
        return visible(choices[name].title) if name else "nothing"

    def keep(widget: str) -> None:
        visitor.change(**{widget: state[f"widget_{widget}"]})

    for column, widget, label, names in (
        (columns[0], "checkpoint", "Checkpoint", list(choices)),
        (
            columns[1],
            "other_checkpoint",
            "Compare with",
            [NOBODY, *(name for name in choices if can_be_other(choices, name))],
        ),
    ):
        state[f"widget_{widget}"] = getattr(visitor.me(), widget)
        column.selectbox(
            label, names, format_func=titles, key=f"widget_{widget}", on_change=keep, args=(widget,)
        )
    names = [visitor.me().checkpoint, visitor.me().other_checkpoint]
    return [choices[name] for name in names if name]


def can_be_other(choices: dict[str, files.Choice], name: str) -> bool:
    """Whether comparing the chosen checkpoint with it tells anything: itself only by snapshots."""
    return name != visitor.me().checkpoint or bool(choices[name].iterations)


def offer_training(choice: files.Choice, choices: dict[str, files.Choice]) -> None:
    """One step to the comparison of the last snapshot of a training with its first one."""
    training = choice.name if choice.iterations else files.TRAINED_BY.get(choice.name)
    if training not in choices:
        return

    def compare() -> None:
        visitor.change(checkpoint=training, other_checkpoint=training)

    st.button(
        "What did its training change?",
        icon=":material/difference:",
        key="offer_training",
        on_click=compare,
        width="stretch",
        help="Compares the last snapshot of its training with the first one.",
    )


def say_more(choice: files.Choice, place: int, column) -> Chosen:
    """The choice with its own snapshot or options, where it has some."""
    with column:
        if choice.iterations:
            iteration = st.select_slider(
                "Iteration",
                choice.iterations,
                value=choice.iterations[-1 if place == 0 else 0],
                key=f"iteration_{place}",
            )
            return Chosen(choice, (), int(iteration))
        return Chosen(choice, options(choice, place))


def look(chosen: Chosen) -> Looked | None:
    """What a worker found, or how far it is."""
    return answer_or_wait(
        chosen.key,
        chosen.title,
        lambda: work.kept(chosen.key),
        lambda: files.request(chosen.choice, chosen.said, chosen.iteration),
    )


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
    return tuple(sorted(said.items()))


def go_on(chosen: Chosen, found: Looked) -> None:
    """Straight to the other pages with it."""
    if found.report is None:
        return
    system = SYSTEMS.get(found.report.system)
    with st.container(horizontal=True):
        if system is not None and system.room in ROOMS:
            room = ROOMS[system.room]
            open_with(room.pages, room, chosen, bool(found.report.assumed))
        elif found.architecture is None:  # as transformers builds it: the picture alone
            room = ROOMS[SAMPLING]
            open_with(room.pages[:1], room, chosen, False)
        if chosen.choice.iterations and st.button(
            "Watch it learn", icon=":material/timeline:", key="go_training"
        ):
            visitor.change(run=chosen.choice.name.removeprefix(files.SNAPSHOT))
            st.switch_page("views/training.py")


def open_with(pages: Iterable[Page], room: Room, chosen: Chosen, assumed: bool) -> None:
    """A button per page that can show a checkpoint in a room."""
    for page in pages:
        if not st.button(say(page.of_model), icon=page.icon, key=f"go_{page.file}"):
            continue
        try:
            name = files.for_other_pages(chosen.choice, chosen.said, chosen.iteration, assumed)
        except (JobFailed, NoRoom) as problem:
            st.error(quoting(str(problem)))
            return
        visitor.change_here(room=room.name, model=name)
        visitor.change(study_room=room.name)
        st.switch_page(page.file)


checkpoint()
