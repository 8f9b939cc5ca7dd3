"""A second picture beside the first: another layer, picture, moment of training or model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import streamlit as st

from app import runs, visitor
from app.canvas.kinds import kind_of, mount_picture
from app.controls import layer_title
from app.second import LAYER, MODEL, PICTURE, TRAINING, Second, iterations, snapshot_name
from app.sources import Source
from app.waiting import answer_or_wait
from deformviz.tracing.store import StoredTrace
from deformviz.words import say
from deformviz.words.markdown import visible

NOBODY = ""
PAIR = "looked-at"  # the name under which both pictures find each other in the browser


STYLE = """@media (max-width: 999px) {
  .st-key-pair { flex-direction: column-reverse; }
}
@media (min-width: 1000px) {
  .st-key-pair:has(.st-key-beside_canvas > *) { flex-direction: row; align-items: flex-start; }
  .st-key-pair:has(.st-key-beside_canvas > *) > * { flex: 1 1 0; min-width: 0; }
}"""  # of the container "pair", which holds the first picture and "beside_canvas"


def choose_second(
    run: StoredTrace,
    layer: str,
    source: Source,
    *,
    name_layer: Callable[[str], str] = layer_title,
) -> Second:
    """Which other thing is looked at beside the first, and which one of its kind.

    Args:
        name_layer: a layer in words.
    """
    models, chosen = runs.list_models(visitor.me().room), visitor.here().model
    kinds = {f"{kind}:": kind for kind in _kinds_here(run, models[chosen])}
    names = [NOBODY, *kinds, *(name for name in models if name != chosen)]
    now = Second.read(visitor.here().beside)
    shown = now.which if now.kind == MODEL else f"{now.kind}:"
    st.session_state["beside"] = shown if shown in names else NOBODY

    def take() -> None:
        wanted = st.session_state["beside"]
        if wanted in kinds:
            kind = kinds[wanted]
            wanted = Second(kind, _choices(kind, run, layer, source)[0]).text
        visitor.change_here(beside=wanted)

    def name_of(value: str) -> str:
        if value in kinds:
            return say(f"beside.{kinds[value]}")
        return visible(models[value].title) if value else say("beside.nobody")

    with st.container(
        horizontal=True, vertical_alignment="center", width="content", key="beside_choice"
    ):
        st.selectbox(
            say("beside.choose"),
            names,
            format_func=name_of,
            key="beside",
            on_change=take,
            width=230,
            label_visibility="collapsed",
        )
        if f"{now.kind}:" in kinds:
            _which(now, _choices(now.kind, run, layer, source), name_layer)
        if now.kind and shown in names:
            swap = partial(_swap, Second.read(visitor.here().beside), models[chosen], layer, source)
            st.button(
                say("beside.swap"),
                icon=":material/swap_horiz:",
                key="beside_swap",
                on_click=swap,
                help=say("beside.swap.how"),
            )
    return Second.read(visitor.here().beside) if shown in names else Second("")


def _swap(second: Second, model: runs.ModelChoice, layer: str, source: Source) -> None:
    """What was second is first, and the other way round."""
    if second.kind == LAYER:
        visitor.change_here(layer=second.which, beside=replace(second, which=layer).text)
    elif second.kind == PICTURE:
        visitor.choose_picture(second.which)
        visitor.change_here(beside=replace(second, which=source.name).text)
    elif second.kind == MODEL or model.iteration is None:
        is_model = second.kind == MODEL
        other = second.which if is_model else snapshot_name(int(second.which))
        visitor.change_here(model=other, beside=model.name)
    else:
        name = snapshot_name(int(second.which))
        visitor.change_here(model=name, beside=Second(TRAINING, str(model.iteration)).text)


def _kinds_here(run: StoredTrace, model: runs.ModelChoice) -> list[str]:
    """What can be different here beside the model."""
    kinds = [LAYER] if len(run.layers) > 1 else []
    if len(visitor.sources()) > 1:
        kinds.append(PICTURE)
    if model.of_training and len(iterations()) > 1:
        kinds.append(TRAINING)
    return kinds


def _choices(kind: str, run: StoredTrace, layer: str, source: Source) -> list[str]:
    """The others of a kind; the most telling one comes first."""
    if kind == LAYER:
        others = [name for name in run.layers if name != layer]
        part = layer.split(".")[0]
        return sorted(others, key=lambda name: (name.split(".")[0] != part, name.count(".")))
    if kind == PICTURE:
        return [name for name in visitor.sources() if name != source.name]
    return [str(each) for each in iterations()]


def _which(now: Second, choices: list[str], name_layer: Callable[[str], str]) -> None:
    """Which layer, picture or moment."""
    key = f"beside_{now.kind}"
    if now.which not in choices:
        now = replace(now, which=choices[0])
        visitor.change_here(beside=now.text)
    st.session_state[key] = now.which

    def take() -> None:
        visitor.change_here(beside=replace(now, which=st.session_state[key]).text)

    def name_of(which: str) -> str:
        if now.kind == LAYER:
            return name_layer(which)
        if now.kind == PICTURE:
            return visible(visitor.sources()[which].title)
        return say("beside.iteration", iteration=f"{int(which):,}")

    choose = st.select_slider if now.kind == TRAINING else st.selectbox
    choose(
        say(f"beside.{now.kind}.which"),
        choices,
        format_func=name_of,
        key=key,
        on_change=take,
        width=220,
        label_visibility="collapsed",
    )


def beside(second: Second, run: StoredTrace, layer: str, source: Source) -> None:
    """The second picture, once it is there; pointer, query and size are those of the first."""
    if not second.kind:
        return
    found = _run_of(second, run, source)
    if found is None:
        return
    its_layer = second.which if second.kind == LAYER else same_layer(layer, found.layers)
    if its_layer not in found.layers:
        st.markdown(say("link.layer"))
        return
    kind = kind_of(runs.unpacked(found, its_layer))
    mount_picture(
        kind,
        trace_url=f"trace/{found.key}/{its_layer}.bin",
        picture_url=f"picture/{found.key}.jpg",
        title=found.title,
        picture_hw=found.original_hw,
        view_id=f"{found.key}-{its_layer}",
        key=f"beside_{kind.name}",
        pair={"name": PAIR, "second": True, "relation": second.kind},
    )


def _run_of(second: Second, run: StoredTrace, source: Source) -> StoredTrace | None:
    """The run of the second picture; else this place says how far it is."""
    models, pictures = runs.list_models(visitor.me().room), visitor.sources()
    model = models[visitor.here().model]
    if second.kind == LAYER:
        return run
    if second.kind == MODEL:
        model = models[second.which]
    elif second.kind == PICTURE:
        source = pictures[second.which]
    else:
        model = runs.snapshot(snapshot_name(int(second.which))) or model
    return runs.finished(source, model) or answer_or_wait(
        runs.key_of(source, model),
        f"{source.title}, {model.title}",
        lambda: None,
        lambda: runs.request(source, model, visitor.me().name),
        give_up=_give_up,
    )


def _give_up(key: str) -> None:
    visitor.change_here(beside=NOBODY)


def same_layer(layer: str, layers: tuple[str, ...]) -> str:
    """The layer of that name, else the last one of the same part, else the last one."""
    part = layer.split(".")[0]
    return next(
        (n for n in (layer, *reversed(layers)) if n in layers and n.startswith(part)), layers[-1]
    )
