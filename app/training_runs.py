"""Which trainings a visitor can choose among, and the room that suits the chosen one."""

from __future__ import annotations

import functools
from functools import partial
from pathlib import Path

import streamlit as st

from app import recorded_runs, visitor, work
from app.checkpoint_files import is_shared
from app.rooms import GRID, SAMPLING
from app.temporary import folder_for
from deformviz.training.live import LiveOptions, LiveTraining
from deformviz.words import say

NOBODY = ""  # "compare with" nothing
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PARAMETERS = {"run": "run", "other_run": "with"}  # what the address calls them


@functools.cache
def live_training() -> LiveTraining:
    """The one training that people of this server may start and watch."""
    return LiveTraining(partial(folder_for, "trainings"))


@st.cache_resource(show_spinner=False)
def _started_by() -> dict[str, str]:
    """The visitor who began the live training, under LIVE."""
    return {}


def start_live(options: LiveOptions) -> None:
    """Begin the live training for this visitor, whom it belongs to. Raises LiveError."""
    live_training().start(options)
    _started_by()[recorded_runs.LIVE] = visitor.me().name
    work.unwatch(recorded_runs.LIVE)  # who watched the one before
    watch_live()


def watch_live() -> None:
    """This visitor watches the live training: it goes on while anybody does."""
    work.watch(recorded_runs.LIVE, visitor.me().name, live_training().stop)


def may_steer() -> bool:
    """Whether this visitor may pause or stop it: who started it, and who sits at this machine."""
    return is_local() or _started_by().get(recorded_runs.LIVE) == visitor.me().name


def known_runs() -> dict[str, recorded_runs.RecordedRun]:
    """Every training this visitor can choose, by name."""
    live = live_training()
    return recorded_runs.list_runs(live.folder, live_grows=live.state().is_alive, own=own_folder())


def own_folder() -> Path | None:
    """The folder somebody at this machine follows; nobody else may name one."""
    text = st.session_state.get("own_run", "").strip()
    if not (text and is_local()):
        return None
    try:
        return Path(text).expanduser()
    except RuntimeError:  # ~of-nobody
        return Path(text)


def is_local() -> bool:
    """Whether only this very machine can reach the server; behind a proxy the operator says so."""
    return st.get_option("server.address") in LOOPBACK and not is_shared()


def choose_defaults(known: dict[str, recorded_runs.RecordedRun]) -> None:
    """The trainings a link names, else the ones chosen; what is gone is let go."""
    link = visitor.asked()
    for name, empty in (("run", next(iter(known), "")), ("other_run", NOBODY)):
        wanted = getattr(visitor.me(), name)
        if (asked := link.get(PARAMETERS[name])) is not None:
            wanted = asked
            if asked not in known:
                visitor.note(say("link.run"))
        visitor.change(**{name: wanted if wanted in known else empty})


def room() -> str:
    """The room of the chosen training: pictures of one object for a DAT, else of many."""
    known = known_runs()
    choose_defaults(known)
    chosen = known.get(visitor.me().run)
    return GRID if chosen is not None and chosen.drawing == "grid" else SAMPLING
