"""Recordings: what somebody recorded of a model of their own, opened as any run is."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from app import visitor, work
from app.canvas.kinds import GRID, SAMPLING, mount_picture
from app.dropped import RECORDINGS, let_go
from app.tasks.pictures import ComputedRun
from app.waiting import answer_or_wait
from deformviz.words import say

FOLDER = "DEFORMVIZ_RECORDINGS"
ENDING = ".deformviz"


def page() -> None:
    """The page, top to bottom."""
    read_link()
    st.markdown(say("page.recordings.what"))
    path = choose()
    if path is None:
        st.info(say("page.recordings.none"), icon=":material/adjust:")
        return
    key = work.key_of("recording", path, path.stat().st_mtime_ns)
    run = answer_or_wait(
        key,
        path.stem,
        lambda: found(key),
        lambda: work.ask(
            key,
            "app.tasks.recordings:opened",
            (key, str(path), path.stem),
            visitor=visitor.me().name,
        ),
    )
    if run is not None:
        show(run)


def read_link() -> None:
    """Take a recording's name from a link, and note what is not here."""
    link = visitor.asked()
    visitor.note_unknown(link, ("recording",))
    if "recording" not in link:
        return
    if link["recording"] in list_recordings():
        st.session_state["recording_name"] = link["recording"]
    else:
        visitor.note(say("page.recordings.no_recording"))


def found(key: str) -> ComputedRun | None:
    """The recording, laid out."""
    run = work.kept(key)
    return run if isinstance(run, ComputedRun) else None


def choose() -> Path | None:
    """A dropped recording, else one of the server's folder."""
    dropped = st.file_uploader(
        say("page.recordings.drop"), type=[ENDING.lstrip(".")], key="recording_file"
    )
    if dropped is not None:
        path = RECORDINGS.keep(dropped.getbuffer(), dropped.name)
        let_go(dropped)
        return path
    listed = list_recordings()
    if not listed:
        return None
    name = st.selectbox(say("page.recordings.choose"), list(listed), key="recording_name")
    return listed[name]


def list_recordings() -> dict[str, Path]:
    """The recordings in $DEFORMVIZ_RECORDINGS, by name."""
    folder = Path(os.environ.get(FOLDER, ""))
    if not os.environ.get(FOLDER) or not folder.is_dir():
        return {}
    return {path.stem: path for path in sorted(folder.glob(f"*{ENDING}")) if path.is_file()}


def show(run: ComputedRun) -> None:
    """Layer and canvas, and how far each replay was."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layer = st.selectbox(
            say("page.recordings.layer"),
            run.layers,
            index=len(run.layers) - 1,
            key=f"recorded_layer_{run.key}",
        )
    kind = GRID if run.layer(layer).header["kind"] == "grid" else SAMPLING
    mount_picture(
        kind,
        trace_url=f"trace/{run.key}/{layer}.bin",
        picture_url=f"picture/{run.key}.jpg",
        title=run.title,
        picture_hw=run.original_hw,
        view_id=run.key,
        key=f"recorded_{kind.name}",
    )
    rows = [row.partition(": ") for row in run.backend.split("; ")]
    proofs = {name: said for name, _, said in rows}
    st.caption(f"{run.model}, {run.honesty}. {proofs.get(layer, '')}")


page()
