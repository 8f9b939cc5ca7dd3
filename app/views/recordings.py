"""Recordings: what somebody recorded of a model of their own, opened as any run is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app import recordings, visitor, work
from app.canvas.kinds import GRID, SAMPLING, mount_picture
from app.dropped import let_go
from app.folders import changed_at
from app.line import NoRoom
from app.tasks.pictures import ComputedRun
from app.waiting import answer_or_wait
from deformviz.words import say
from deformviz.words.markdown import plain, visible

CANVAS = "recorded"  # begins the keys of this page's canvases
OURS = ("recording", "layer")  # in an address; all other parameters belong to the canvas


def page() -> None:
    """The page, top to bottom."""
    read_link()
    st.markdown(say("page.recordings.what"))
    dropping, choosing, layers = st.columns([3, 3, 2], vertical_alignment="bottom")
    path = choose(dropping, choosing)
    if path is None:
        st.info(say("page.recordings.none"), icon=":material/adjust:")
        return
    key = work.key_of("recording", path, changed_at(path))
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
        with layers:
            layer = choose_layer(run)
        show(run, layer)


def read_link() -> None:
    """Take recording, layer and view from a link, and note what is not here."""
    link, listed = visitor.asked(), recordings.list_recordings()
    chosen = visitor.me().recording
    if chosen not in listed:
        chosen = next(iter(listed), "")
    if link.get("recording", chosen) in listed:
        chosen = link.get("recording", chosen)
    elif "recording" in link:
        visitor.note(say("page.recordings.no_recording"))
    visitor.change(recording=chosen)
    if link:
        visitor.change(
            written=link,
            recording_layer=link.get("layer", ""),
            recording_view={name: said for name, said in link.items() if name not in OURS},
        )


def found(key: str) -> ComputedRun | None:
    """The recording, laid out."""
    run = work.kept(key)
    return run if isinstance(run, ComputedRun) else None


def choose(dropping: Any, choosing: Any) -> Path | None:
    """A dropped recording, else one of the list; each widget in a place of its own."""
    state, drops = st.session_state, visitor.me().drops
    key = f"recording-{drops}"

    def take() -> None:
        file = state[key]
        if isinstance(file, UploadedFile):
            try:
                recordings.keep(file.name, file.getbuffer())
            except NoRoom as problem:
                visitor.note(str(problem))
            visitor.change(drops=drops + 1)  # the next one begins empty
            let_go(file)

    dropping.file_uploader(
        say("page.recordings.drop"),
        type=[recordings.ENDING.lstrip(".")],
        key=key,
        on_change=take,
    )
    listed = recordings.list_recordings()
    if not listed:
        return None
    state["recording_widget"] = visitor.me().recording
    choosing.selectbox(
        say("page.recordings.choose"),
        list(listed),
        format_func=visible,
        key="recording_widget",
        on_change=lambda: recordings.choose(state["recording_widget"]),
    )
    return listed[visitor.me().recording]


def show(run: ComputedRun, layer: str) -> None:
    """The canvas of a layer, and how far its replay was."""
    kind = GRID if run.layer(layer).header["kind"] == "grid" else SAMPLING
    key = f"{CANVAS}_{kind.name}"

    def take_step() -> None:
        at = run.layers.index(visitor.me().recording_layer) + st.session_state[key].layer
        visitor.change(recording_layer=run.layers[min(max(at, 0), len(run.layers) - 1)])

    trace_url = f"trace/{run.key}/{layer}.bin"
    result = mount_picture(
        kind,
        trace_url=trace_url,
        picture_url=f"picture/{run.key}.jpg",
        title=run.title,
        picture_hw=run.original_hw,
        view=dict(visitor.me().recording_view),
        view_id=visitor.view_id(run.key),
        key=key,
        on_layer=take_step,
    )
    if view := visitor.on_show(result.view, trace_url, visitor.view_id(run.key)):
        write_view(view["params"])
    rows = [row.partition(": ") for row in run.backend.split("; ")]
    proof = {name: said for name, _, said in rows}.get(layer, "")
    model, honesty = plain(run.model), plain(run.honesty)  # a stranger's words
    st.caption(say("page.recordings.of", model=model, honesty=honesty, proof=plain(proof)))


def choose_layer(run: ComputedRun) -> str:
    """One of the recorded layers, at first the last."""
    state, layer = st.session_state, visitor.me().recording_layer
    if layer not in run.layers:
        if layer:
            visitor.note(say("link.layer"))
        layer = run.layers[-1]
        visitor.change(recording_layer=layer)
    state["recorded_layer_widget"] = layer

    def take() -> None:
        visitor.change(recording_layer=state["recorded_layer_widget"])

    st.selectbox(
        say("page.recordings.layer"),
        run.layers,
        format_func=visible,
        key="recorded_layer_widget",
        on_change=take,
    )
    return layer


def write_view(params: dict[str, str]) -> None:
    """Keep the address in step with the canvas; a dropped file stays out of it."""
    chosen = visitor.me().recording
    named = {"recording": chosen} if chosen in recordings.in_folder() else {}
    visitor.write({**named, "layer": visitor.me().recording_layer, **params})


page()
