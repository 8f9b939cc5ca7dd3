"""Training: how did it learn to look there?"""

from __future__ import annotations

import streamlit as st

from app import controls, recorded_runs, replays, runs, visitor, work
from app.canvas.kinds import mount_replay
from app.line import QueueFull
from app.rooms import ROOMS
from app.sources import Source
from app.studio import OF_GRIDS, OF_SAMPLES, OF_TRAINING, studio, told_of
from app.tasks import replay_view
from app.training_runs import NOBODY, PARAMETERS, is_local, known_runs
from app.views.live_training import live_panel, live_status
from app.waiting import bar, failed
from deformviz.words import say
from deformviz.words.markdown import quoting, visible

HEADLINE = "How did it learn to look there?"
EMPTY = (
    "There is no recorded training here. Train a small one below, or start the app with "
    "`DEFORMVIZ_RUNS` naming a run folder."
)
STARTING = "The training is being started; its first pictures come in some seconds."
NO_SNAPSHOT = "This training has kept no snapshot yet."
LOOKS_AGAIN = "This page looks again every moment."
LOOK_EVERY_S = 1.5
# A replay that still grows is looked after every moment; it must not fade each time.
STYLE = """<style>
.stMainBlockContainer { padding-inline: clamp(1rem, 3vw, 3rem); max-width: 90rem; }
.stMain h1 { padding: 0; letter-spacing: -0.01em; }
.stMain [data-stale="true"] { opacity: 1 !important; }
</style>"""


def training() -> None:
    """The page, top to bottom."""
    known = known_runs()
    room = ROOMS[visitor.me().room]
    models = runs.list_models(room.name)
    if "model" in visitor.asked():
        visitor.note(say("link.only_trainings"))
    visitor.read_address(list(models))
    st.html(STYLE)
    with st.sidebar:
        chosen = choose_runs(known)
        source = choose_picture(chosen, models[visitor.here().model])
    write_address()
    st.title(HEADLINE, anchor=False)
    if chosen:
        st.markdown(room.say("training"))
        live_status()
        show(chosen, source)
    else:
        st.markdown(f":material/timeline: {EMPTY}")
        live_status()
    live_panel()


def write_address() -> None:
    """Keep the address in step with what is chosen, so that copying it copies the choice."""
    me = visitor.me()
    wanted = {parameter: getattr(me, name) for name, parameter in PARAMETERS.items()}
    address = {name: value for name, value in wanted.items() if value}
    visitor.write({"run": me.run, "picture": visitor.here().picture} | address)


def choose_runs(known: dict[str, recorded_runs.RecordedRun]) -> list[recorded_runs.RecordedRun]:
    """The run, one to compare it with, and a folder of one's own."""
    if known:
        choose("Training", "run", list(known), known)
        run = known[visitor.me().run]
        st.caption(recorded_runs.describe(run))
        others = [
            NOBODY,
            *(name for name, one in known.items() if name != run.name and one.kind == run.kind),
        ]
        if visitor.me().other_run not in others:
            visitor.change(other_run=NOBODY)
        if len(others) > 1:
            choose("Compare with", "other_run", others, known)
    if is_local():
        follow_a_folder()
    return [known[name] for name in (visitor.me().run, visitor.me().other_run) if name in known]


def choose(label: str, name: str, options: list[str], known: dict) -> None:
    """A training of several; the widget forgets itself on other pages, the visitor does not."""
    state, key = st.session_state, f"{name}_widget"
    state[key] = getattr(visitor.me(), name)

    def take() -> None:
        visitor.change(**{name: state[key]})

    st.selectbox(
        label,
        options,
        key=key,
        format_func=lambda run: visible(known[run].title) if run else "nothing",
        on_change=take,
    )


def follow_a_folder() -> None:
    """A field for a run folder on this machine."""
    state = st.session_state

    def take() -> None:
        if state["own_run"].strip():
            visitor.change(run=recorded_runs.OWN)

    with st.expander(
        "Follow a run folder", icon=":material/folder_open:", expanded=bool(state.get("own_run"))
    ):
        st.text_input(
            "Folder on this machine",
            key="own_run",
            on_change=take,
            placeholder="runs/mine",
            help="What `deformviz train … --out` or a `Recorder` writes; also while it is written.",
        )


def choose_picture(
    chosen: list[recorded_runs.RecordedRun], model: runs.ModelChoice
) -> Source | int:
    """A picture of the gallery; of a recording, one of its own probe pictures."""
    if chosen and chosen[0].kind == "recording":
        count = replays.probe_count(chosen[0])
        if count > 1:
            return st.segmented_control(
                "Probe picture",
                range(count),
                default=0,
                required=True,
                format_func=lambda number: str(number + 1),
            )
        return 0
    return controls.select_picture(visitor.sources(), model)


def show(chosen: list[recorded_runs.RecordedRun], source: Source | int) -> None:
    """The replay; looked after every moment while something is computed or still grows."""
    for run in chosen:
        if run.problem and run.growing:
            st.fragment(wait_for_folder, run_every=LOOK_EVERY_S)(run)
            return
        if run.problem:
            st.error(quoting(run.problem), icon=":material/folder_off:")
            return
    settled = all(_is_settled(run, source) for run in chosen)
    still = st.fragment(stage) if settled else st.fragment(stage, run_every=LOOK_EVERY_S)
    still(chosen, source, settled)


def wait_for_folder(run: recorded_runs.RecordedRun) -> None:
    """A training that has just been started has no folder yet; one that is none stays that."""
    words = STARTING if run.name == recorded_runs.LIVE else f"{run.problem} {LOOKS_AGAIN}"
    st.info(quoting(words), icon=":material/hourglass_top:")
    if not recorded_runs.open_run(run.path, run.name, run.title).problem:
        st.rerun()


def _is_settled(run: recorded_runs.RecordedRun, source: Source | int) -> bool:
    return not run.growing and _is_whole(replays.find(replays.key_of(run, source)), run)


def _is_whole(view: replay_view.ReplayView | None, run: recorded_runs.RecordedRun) -> bool:
    """Whether a view shows all there is by now; one made while the run still grew does not."""
    return view is not None and view.run == run and replay_view.is_current(view)


def _has_failed(run: recorded_runs.RecordedRun, source: Source | int) -> bool:
    progress = work.progress(replays.key_of(run, source))
    return progress is not None and progress.state == "failed"


def stage(chosen: list[recorded_runs.RecordedRun], source: Source | int, settled: bool) -> None:
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
        if settled and chosen[0].kind != "recording":
            figures = OF_GRIDS if chosen[0].drawing == "grid" else (*OF_TRAINING, *OF_SAMPLES)
            studio(figures, views[0], {}, told_of(run=chosen[0].name))
    elif not any(_has_failed(run, source) for run in chosen):
        st.skeleton(height=420)
    if not settled and all(_is_settled(run, source) for run in chosen):
        st.rerun()


def look_after(
    run: recorded_runs.RecordedRun, source: Source | int
) -> replay_view.ReplayView | None:
    """The view of a run; what is missing is put in line, and how far it is is said."""
    key = replays.key_of(run, source)
    view = replays.find(key)
    if _is_whole(view, run):
        return view
    if run.growing and run.kind != "recording" and not recorded_runs.snapshots_on_disk(run):
        # Asked for now, it would fail for good; the first snapshot comes in a moment.
        words = STARTING if run.name == recorded_runs.LIVE else f"{NO_SNAPSHOT} {LOOKS_AGAIN}"
        st.info(words, icon=":material/hourglass_top:")
        return None
    progress = work.progress(key)
    if progress is not None and progress.state == "failed":
        failed(progress.error, key)
        return view
    try:
        replays.request(run, source, visitor.me().name)
    except QueueFull as problem:
        st.markdown(f":material/groups: {quoting(str(problem))}")
        return view
    progress = work.progress(key)
    if progress is not None and not progress.is_over and not (view and run.growing):
        bar(progress, run.title)
    return view


training()
