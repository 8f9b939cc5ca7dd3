"""Train a small one now: a real run of the real loop on this server, watched as it learns."""

from __future__ import annotations

import streamlit as st

from app import visitor
from app.recorded_runs import LIVE
from app.training_runs import live_training, may_steer, start_live, watch_live
from deformviz.training.live import LiveError, LiveOptions
from deformviz.words.markdown import quoting

EXPLANATION = (
    "A small detector learns rendered scenes on this server's CPU, with the loop that "
    "trained the shipped one. One at a time: everybody here may watch it, and whoever started "
    "it may pause or stop it. It ends by itself a minute after the last who watched it has left, "
    "and after half an hour of pause."
)
STARTS = {"star": "star, as in the paper", "zero": "zero: all on the reference", "random": "random"}
LOSSES = {
    True: "set loss, and a dense one on the encoder",
    False: "set loss alone, as in the paper: slower to begin",
}
STATES = {
    "starting": "starting: loading torch takes some seconds",
    "running": "learning",
    "paused": "paused",
    "failed": "failed",
}
LOOK_EVERY_S = 1.0


def live_panel() -> None:
    """Where one can be started; while one is alive, `live_status` is what there is to see."""
    if live_training().state().is_alive:
        return
    st.subheader("Train a small one now", anchor=False)
    st.markdown(EXPLANATION)
    options_form()


def live_status() -> None:
    """How far the live training is, above what it has learned; looked after while it is alive."""
    alive = live_training().state().is_alive
    if alive or visitor.me().run == LIVE:
        (st.fragment(status, run_every=LOOK_EVERY_S) if alive else status)(alive)


def status(was_alive: bool) -> None:
    """A line in words, and what may be done to the training."""
    live = live_training()
    now = live.state()
    if now.name == "idle":
        return
    if was_alive != now.is_alive:
        st.rerun()
    loss = "" if now.loss is None else f", loss {now.loss:.2f}"
    words = f"{in_words(now)} iteration {now.iteration} of {now.iterations}{loss}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.progress(min(1.0, now.iteration / max(1, now.iterations)), text=words)
        if now.is_alive:
            if visitor.me().run == LIVE:
                watch_live()
            if may_steer():
                steer(live, now.name)
            if visitor.me().run != LIVE and st.button(
                "Watch it", icon=":material/visibility:", on_click=_watch
            ):
                st.rerun()
    if now.name == "failed":
        st.error(quoting(f"The training stopped by itself. Its last words: {now.error}"))


def in_words(now) -> str:
    """What goes before the iteration; one that ended was stopped, unless it reached its last."""
    if now.name != "ended":
        return f"{STATES[now.name]}:"
    return "finished at" if now.iteration >= now.iterations else "stopped at"


def steer(live, name: str) -> None:
    """Pause or resume, stop."""
    if name == "paused":
        pressed = st.button("Resume", icon=":material/play_arrow:", on_click=live.resume)
    else:
        pressed = st.button("Pause", icon=":material/pause:", on_click=live.pause)
    if st.button("Stop", icon=":material/stop:", on_click=live.stop) or pressed:
        st.rerun()


def _watch() -> None:
    visitor.change(run=LIVE)


def options_form() -> None:
    """What a training may be given; everything has bounds."""
    with st.form("live_options", border=True):
        left, middle, right = st.columns(3)
        with left:
            iterations = st.slider("Iterations", 100, 3000, 600, 100)
            rate = st.select_slider(
                "Learning rate",
                [1e-4, 3e-4, 1e-3, 3e-3],
                1e-3,
                format_func=lambda value: f"{value:g}",
            )
        with middle:
            heads = st.segmented_control("Heads", [1, 2, 4, 8], default=8, required=True)
            levels = st.slider("Levels", 1, 4, 4)
            points = st.slider("Points per head and level", 1, 8, 4)
        with right:
            start = st.selectbox(
                "Offsets begin as", list(STARTS), format_func=lambda name: STARTS[name]
            )
            dense = st.selectbox("Loss", list(LOSSES), format_func=lambda name: LOSSES[name])
        if st.form_submit_button("Train", icon=":material/model_training:", type="primary"):
            _start(
                iterations=iterations,
                learning_rate=rate,
                heads=heads,
                levels=levels,
                points=points,
                offset_start=start,
                dense_loss=dense,
            )


def _start(**choices) -> None:
    try:
        start_live(LiveOptions(**choices))
    except LiveError as problem:
        st.error(quoting(str(problem)))
        return
    visitor.change(run=LIVE)
    st.rerun()
