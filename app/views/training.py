"""Training: how did it learn to look there?"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app import controls, runs, session
from app.canvas.kinds import mount_replay
from app.jobs import QueueFull
from app.replay import compute, frames, library
from app.views.live_training import live_panel, live_status
from app.waiting import say

HEADLINE = "How did it learn to look there?"
INSTRUCTIONS = {
    "sampling": "Drag through the training, or move over a curve: before the first step every "
    "query looks the same way, in a star. Point at any picture to ask for that place.",
    "grid": "Drag through the training, or move over a curve: before the first step the grid that "
    "all queries share is regular. Point at any picture to ask for that place.",
}
EMPTY = (
    "There is no recorded training here. Train a small one below, or start the app with "
    "`DEFORMVIZ_RUNS` naming a run folder."
)
STARTING = "The training is being started; its first pictures come in some seconds."
NO_SNAPSHOT = "This training has kept no snapshot yet."
LOOKS_AGAIN = "This page looks again every moment."
NOBODY = ""  # "compare with" nothing
LOOK_EVERY_S = 1.5
# A replay that still grows is looked after every moment; it must not fade each time.
STYLE = """<style>
.stMainBlockContainer { padding-inline: clamp(1rem, 3vw, 3rem); max-width: 90rem; }
.stMain h1 { padding: 0; letter-spacing: -0.01em; }
.stMain [data-stale="true"] { opacity: 1 !important; }
</style>"""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def training() -> None:
    """The page, top to bottom."""
    live = session.live_training_if_any()
    known = library.list_runs(
        live and live.folder, live_grows=bool(live and live.state().is_alive), own=_own_folder()
    )
    choose_defaults(known)
    model = enter_room(known.get(st.session_state["run"]))
    write_address()
    st.html(STYLE)
    with st.sidebar:
        chosen = choose_runs(known)
        source = choose_picture(chosen, model)
    st.title(HEADLINE, anchor=False)
    if chosen:
        st.markdown(INSTRUCTIONS[chosen[0].drawing or "sampling"])
        live_status()
        show(chosen, source)
    else:
        st.markdown(f":material/timeline: {EMPTY}")
        live_status()
    live_panel()


def enter_room(run: library.RecordedRun | None) -> runs.ModelChoice:
    """The gallery that suits a run: pictures of one object for a DAT, else of many."""
    room = session.GRID if run is not None and run.drawing == "grid" else session.SAMPLING
    session.enter(room)
    models = runs.list_models(room)
    session.read_address(list(models))
    st.session_state["notes"] = []  # the picture in the address may be another run's
    return models[st.session_state["model"]]


def _own_folder() -> Path | None:
    """The folder somebody at this machine follows; nobody else may name one."""
    text = st.session_state.get("own_run", "").strip()
    return Path(text).expanduser() if text and is_local() else None


def is_local() -> bool:
    """Whether only this very machine can reach the server."""
    return st.get_option("server.address") in LOOPBACK


def choose_defaults(known: dict[str, library.RecordedRun]) -> None:
    """Once per session the runs of the address, then the ones chosen; what is gone is let go."""
    state, asked = st.session_state, st.query_params
    if "next_run" in state:  # a button below the widget wished for another run
        state["run"] = state.pop("next_run")
    for name, empty in (("run", next(iter(known), "")), ("other_run", NOBODY)):
        parameter = {"run": "run", "other_run": "with"}[name]
        wanted = state.get(name, asked.get(parameter, empty))
        state[name] = wanted if wanted in known else empty


def write_address() -> None:
    """Keep the address in step with what is chosen, so that copying it copies the choice."""
    state = st.session_state
    address = {"run": state["run"], "picture": state["picture"]}
    if state["other_run"]:
        address["with"] = state["other_run"]
    if st.query_params.to_dict() != address:
        st.query_params.from_dict(address)


def choose_runs(known: dict[str, library.RecordedRun]) -> list[library.RecordedRun]:
    """The run, one to compare it with, and a folder of one's own."""
    state = st.session_state
    if known:
        st.selectbox("Training", list(known), key="run", format_func=lambda n: known[n].title)
        st.caption(library.describe(known[state["run"]]))
        kind = known[state["run"]].kind
        others = [
            NOBODY,
            *(name for name, run in known.items() if name != state["run"] and run.kind == kind),
        ]
        if state["other_run"] not in others:
            state["other_run"] = NOBODY
        if len(others) > 1:
            st.selectbox(
                "Compare with",
                others,
                key="other_run",
                format_func=lambda n: known[n].title if n else "nothing",
            )
    if is_local():
        with st.expander(
            "Follow a run folder",
            icon=":material/folder_open:",
            expanded=bool(state.get("own_run")),
        ):
            st.text_input(
                "Folder on this machine",
                key="own_run",
                on_change=_choose_own,
                placeholder="runs/mine",
                help="What `deformviz train … --out` or a "
                "`Recorder` writes; also while it is written.",
            )
    return [known[name] for name in (state["run"], state["other_run"]) if name in known]


def _choose_own() -> None:
    if st.session_state["own_run"].strip():
        st.session_state["run"] = library.OWN


def choose_picture(chosen: list[library.RecordedRun], model):
    """A picture of the gallery; of a recording, one of its own probe pictures."""
    if chosen and chosen[0].kind == "recording":
        count = compute.probe_count(chosen[0])
        if count > 1:
            return st.segmented_control(
                "Probe picture",
                range(count),
                default=0,
                required=True,
                format_func=lambda number: str(number + 1),
            )
        return 0
    return controls.select_picture(session.sources(), model)


def show(chosen: list[library.RecordedRun], source) -> None:
    """The replay; looked after every moment while something is computed or still grows."""
    for run in chosen:
        if run.problem and run.growing:
            st.fragment(wait_for_folder, run_every=LOOK_EVERY_S)(run)
            return
        if run.problem:
            st.error(run.problem, icon=":material/folder_off:")
            return
    settled = all(_is_settled(run, source) for run in chosen)
    still = st.fragment(stage) if settled else st.fragment(stage, run_every=LOOK_EVERY_S)
    still(chosen, source, settled)


def wait_for_folder(run: library.RecordedRun) -> None:
    """A training that has just been started has no folder yet; one that is none stays that."""
    words = STARTING if run.name == library.LIVE else f"{run.problem} {LOOKS_AGAIN}"
    st.info(words, icon=":material/hourglass_top:")
    if not library.open_run(run.path, run.name, run.title).problem:
        st.rerun()


def _key(run: library.RecordedRun, source) -> str:
    content = f"probe {source}" if isinstance(source, int) else source.content()
    return frames.key_of(run, content)


def _is_settled(run: library.RecordedRun, source) -> bool:
    view = frames.find(_key(run, source))
    return view is not None and not run.growing and frames.is_current(view)


def _has_failed(run: library.RecordedRun, source) -> bool:
    progress = session.QUEUE.progress(_key(run, source))
    return progress is not None and progress.state == "failed"


def stage(chosen: list[library.RecordedRun], source, settled: bool) -> None:
    """What there is to see so far, and a line about what is on its way."""
    views = []
    for run in chosen:
        view = look_after(run, source)
        if view is None or not view.frames:
            break
        views.append(view)
    if views:
        mount_replay(
            manifests=[f"replay/{v.key}/manifest.json?v={v.version}" for v in views],
            pictures=[f"replay/{v.key}/picture.jpg" for v in views],
            drawing=chosen[0].drawing,
        )
    elif not any(_has_failed(run, source) for run in chosen):
        st.skeleton(height=420)
    if not settled and all(_is_settled(run, source) for run in chosen):
        st.rerun()


def look_after(run: library.RecordedRun, source) -> frames.ReplayView | None:
    """The view of a run; what is missing is put in line, and how far it is is said."""
    key = _key(run, source)
    view = frames.find(key)
    if view is not None and frames.is_current(view):
        return frames.with_run(view, run)
    if run.growing and run.kind != "recording" and not library.snapshots_on_disk(run):
        # Asked for now, it would fail for good; the first snapshot comes in a moment.
        words = STARTING if run.name == library.LIVE else f"{NO_SNAPSHOT} {LOOKS_AGAIN}"
        st.info(words, icon=":material/hourglass_top:")
        return None
    progress = session.QUEUE.progress(key)
    if progress is not None and progress.state == "failed":
        st.error(progress.error, icon=":material/error:")
        if st.button("Try again", key=f"retry_{key}"):
            session.QUEUE.forget(key)
            st.rerun(scope="fragment")
        return view
    try:
        compute.request(run, source, session.session_id())
        progress = session.QUEUE.progress(key)
        if progress is not None and not progress.is_over and not (view and run.growing):
            st.progress(
                min(1.0, progress.index / max(1, progress.count)), text=say(progress, run.title)
            )
    except QueueFull as problem:
        st.markdown(f":material/groups: {problem}")
    return view


training()
