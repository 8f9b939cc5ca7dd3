"""Pictures behind a bar of a study, and the way from one to its points on the page Explore."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from app import dropped, runs, surveys, visitor
from app.line import NoRoom
from app.rooms import SAMPLING
from app.sources import UPLOAD, own_picture
from app.surveys import KnownStudy
from deformviz.words import say
from deformviz.words.markdown import plain

ACROSS = 6


def gallery(known: KnownStudy, layer: str, behind: list[dict[str, Any]], *, clicked: bool) -> None:
    """Small pictures with their values; each leads to Explore."""
    if not behind:
        st.caption(say("page.survey.pictures.none"))
        return
    st.markdown(say("page.survey.pictures" if clicked else "page.survey.pictures.most"))
    model = model_of(known)
    for column, one in zip(st.columns(ACROSS), behind, strict=False):
        with column:
            data = surveys.small_picture(one["path"])
            if data:
                st.image(data, caption=f"{plain(one['name'])}: {one['value']:.3g}")
            else:
                st.caption(say("page.survey.pictures.gone", name=plain(one["name"])))
            if st.button(
                say("page.survey.explore"),
                key=f"explore_{known.name}_{one['picture']}",
                icon=":material/center_focus_strong:",
                disabled=not data or model is None,
            ):
                explore(one, layer, str(model))
    if model is None:
        st.caption(say("page.survey.pictures.no_model", model=plain(surveys.settings(known).model)))


def model_of(known: KnownStudy) -> str | None:
    """The name under which this server can run the study's model; None: it cannot."""
    wanted = surveys.settings(known).model
    choices = runs.list_models(SAMPLING)
    return next((n for n, one in choices.items() if wanted in (n, one.path)), None)


def explore(one: dict[str, Any], layer: str, model: str) -> None:
    """Open the page Explore at a picture, its layer, and the query of its best detection."""
    data = surveys.picture(one["path"])
    if not data:
        return
    name = f"{Path(one['name']).stem}.png"
    try:
        path = dropped.PICTURES.keep(data, name, visitor.me().name)
    except NoRoom as problem:
        visitor.note(str(problem))
        return
    has_query = one["query"] is not None and layer.startswith("decoder")
    view = {"pin": "1", "q": str(one["query"])} if has_query else {}
    visitor.change(own_picture=own_picture(one["name"], path))
    visitor.change_here(
        room=SAMPLING,
        picture=UPLOAD,
        model=model,
        layer=layer,
        link_view=view,
        start_view_of=None,
    )
    st.switch_page("views/explore.py")
