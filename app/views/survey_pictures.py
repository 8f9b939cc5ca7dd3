"""Pictures behind a bar of a study, and the way from one to its points on the page Explore."""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import Any

import streamlit as st

from app import dropped, runs, surveys, visitor
from app.rooms import SAMPLING
from app.sources import UPLOAD, own_picture
from app.surveys import KnownStudy
from deformviz.survey.pictures import ENDINGS, SCENES, Picture
from deformviz.words import say
from deformviz.words.markdown import plain

ACROSS = 6
SMALL_PX = 320
LARGEST_BYTES = 20 * 2**20


def gallery(known: KnownStudy, layer: str, behind: list[dict[str, Any]], *, clicked: bool) -> None:
    """Small pictures with their values; each leads to Explore."""
    if not behind:
        st.caption(say("page.survey.pictures.none"))
        return
    st.markdown(say("page.survey.pictures" if clicked else "page.survey.pictures.most"))
    model = model_of(known)
    for column, one in zip(st.columns(ACROSS), behind, strict=False):
        with column:
            data = small(one["path"])
            if data is not None:
                st.image(data, caption=f"{plain(one['name'])}: {one['value']:.3g}")
            else:
                st.caption(say("page.survey.pictures.gone", name=plain(one["name"])))
            if st.button(
                say("page.survey.explore"),
                key=f"explore_{known.name}_{one['picture']}",
                icon=":material/center_focus_strong:",
                disabled=data is None or model is None,
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
    data = whole(one["path"])
    if data is None:
        return
    name = f"{Path(one['name']).stem}.png"
    path = dropped.PICTURES.keep(data, name, visitor.me().name)
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


def whole(path: str) -> bytes | None:
    """The bytes of a picture of a study, as a file; None where it is not here any more."""
    from PIL import Image

    if path.startswith(SCENES):
        image, _ = Picture("", path).read()
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        return buffer.getvalue()
    file = Path(path)
    if file.suffix.lower() not in ENDINGS or not file.is_file():
        return None
    return file.read_bytes() if file.stat().st_size <= LARGEST_BYTES else None


@functools.lru_cache(maxsize=96)
def small(path: str) -> bytes | None:
    """A small version of a picture as JPEG; None where it cannot be shown."""
    from PIL import Image

    try:
        data = whole(path)
        if data is None:
            return None
        with Image.open(io.BytesIO(data)) as image:
            image.draft("RGB", (SMALL_PX, SMALL_PX))
            image = image.convert("RGB")
            image.thumbnail((SMALL_PX, SMALL_PX))
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=84)
            return buffer.getvalue()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
