"""Models that others published: the list, bringing one here, and looking with it."""

from __future__ import annotations

import streamlit as st

from app import visitor, work
from app.checkpoint_files import is_shared
from app.runs import published_title
from app.waiting import answer_or_wait
from deformviz.checkpoints.downloads import DOWNLOADS, HUB, Download, find
from deformviz.checkpoints.fetch import brought_names, cache_folder, cached, stopped_at
from deformviz.words import say
from deformviz.words.markdown import plain

MEGABYTE = 1e6


def offer() -> None:
    """The button, and the list once it was pressed."""
    if st.button(
        say("published.button"),
        icon=":material/photo_camera:",
        key="published",
        width="stretch",
    ):
        visitor.change(choosing_published=True)
    if visitor.me().choosing_published:
        st.dialog(say("published.title"), width="large", on_dismiss=_close)(_choose)()


def _close() -> None:
    """Whoever closes the list waits for no download."""
    _give_up(_key(visitor.me().wanted_model))
    visitor.change(choosing_published=False)


def _want(name: str) -> None:
    visitor.change(wanted_model=name)


def _key(name: str) -> str:
    return work.key_of("published", name)


def _give_up(key: str) -> None:
    work.leave(key, visitor.me().name)
    visitor.change(wanted_model="")


def _choose() -> None:
    st.markdown(say("published.what"))
    wanted, shared, here = visitor.me().wanted_model, is_shared(), brought_names()
    if wanted:
        _bring(wanted)
    how = work.progress(_key(wanted)) if wanted else None
    busy = how is not None and not how.is_over
    for name in dict.fromkeys([*DOWNLOADS, *here]):
        download = find(name)
        if download is not None and (name in here or not shared):
            _row(download, name in here, busy=busy)
    if shared:
        st.caption(say("published.shared"))
        return
    _any_of_the_hub(busy=busy)
    st.caption(say("published.folder", folder=cache_folder()))


def _row(download: Download, is_here: bool, *, busy: bool) -> None:
    """A model with its size and licence, and what can be done with it."""
    stopped = stopped_at(download.name) / MEGABYTE
    label = say("published.get")
    if is_here:
        label = say("published.use")
    elif stopped:
        label = say("published.get_more", here=f"{stopped:.3g}")
    told, offered = st.columns([3, 1], vertical_alignment="center")
    with told:
        st.markdown(
            say(
                "published.row",
                name=plain(download.name),
                size=say("published.size", megabytes=download.megabytes or "?"),
                licence=plain(download.licence),
                about=plain(download.about),
            )
        )
    with offered:
        st.button(
            label,
            key=f"published_{download.name}",
            width="stretch",
            disabled=busy,
            on_click=_want,
            args=(download.name,),
        )


def _any_of_the_hub(*, busy: bool) -> None:
    """A field for a name, of which the hub has more than any list."""

    def take() -> None:
        typed = st.session_state["published_other"].strip().removeprefix(HUB)
        if find(HUB + typed) is None:
            st.session_state["published_problem"] = say("published.other_wrong")
        else:
            _want(HUB + typed)

    with (
        st.form("published_form", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        st.text_input(
            say("published.other"),
            key="published_other",
            placeholder="OWNER/NAME",
            help=say("published.other_how"),
        )
        st.form_submit_button(say("published.get"), width=150, disabled=busy, on_click=take)
    if problem := st.session_state.pop("published_problem", ""):
        st.error(problem, icon=":material/error:")


def _bring(name: str) -> None:
    """How far a download is; once it is here, the page looks with it."""
    key = _key(name)
    found = answer_or_wait(
        key,
        published_title(name),
        lambda: cached(name),
        lambda: work.ask(
            key,
            "app.tasks.models:bring",
            (name,),
            visitor=visitor.me().name,
            lane=work.LONG,
            again=True,
        ),
        give_up=_give_up,
    )
    if found is None:
        return
    photographs = [s.name for s in visitor.sources().values() if s.group == "photograph"]
    picture = visitor.here().picture
    if visitor.sources()[picture].group == "scene" and photographs:
        picture = photographs[0]
    visitor.change_here(model=name, picture=picture)
    visitor.change(choosing_published=False, wanted_model="")
    st.rerun()
