"""Five attentions: what may one place of a picture look at, and what does it cost?"""

from __future__ import annotations

import streamlit as st

from app import controls, visitor
from app.canvas.kinds import KEYS, mount_picture
from app.picture_page import picture_page
from app.studio import studio, told_of
from deformviz.analysis.relatives import RELATIVES
from deformviz.tracing.packing import read_header
from deformviz.tracing.store import StoredTrace
from deformviz.words import say
from deformviz.words.markdown import plain

STYLE = """.st-key-keys_canvas { min-height: 38rem; }
.stMain table { display: block; max-width: 100%; overflow-x: auto; }
@media (max-width: 640px) {
  .stMain :is(th, td) { padding: 0.3rem; font-size: 0.8rem; }
}"""


def compare_attention() -> None:
    """The page, top to bottom."""
    picture_page(style=STYLE, show=show)


def show(run: StoredTrace, selection: controls.Selection, default_model: str) -> None:
    """What there is to see of a run."""
    stage(run, default_model=default_model)


@st.fragment
def stage(run: StoredTrace, *, default_model: str) -> None:
    """The five pictures, and a table of what they cost."""
    trace_url, view_id = f"trace/{run.key}/{run.layers[0]}.bin", visitor.view_id(run.key)
    with st.container(key="keys_canvas"):
        view = mount_picture(
            KEYS,
            trace_url=trace_url,
            picture_url=f"picture/{run.key}.jpg",
            title=run.title,
            picture_hw=run.original_hw,
            key="keys",
            view_id=view_id,
            view=visitor.start_view(run.key, "keys"),
            note=run.honesty,
        ).view
    table(run)
    on_show = visitor.on_show(view, trace_url, view_id)
    studio(("five-attentions",), run, {"query": on_show.get("query")}, told_of())
    visitor.write_view(on_show.get("params"), default_model)


def table(run: StoredTrace) -> None:
    """Keys and cost per query of each kind."""
    import gzip

    header = read_header(gzip.decompress(run.layer_gzip(run.layers[0])))[0]
    small, large = header["cost_sides"]
    rows = [
        f"| {say('canvas.keys.set.' + one['name'])} | {say('attention.' + one['name'] + '.sees')} "
        f"| {one['per_head']} "
        f"| {one['cost'][0]:,} | {one['cost'][1]:,} |"
        for one in header["sets"]
    ]
    st.markdown(
        f"| {say('page.compare_attention.columns', small=small, large=large)} |\n"
        "|---|---|---:|---:|---:|\n" + "\n".join(rows)
    )
    st.caption(
        f"{say('page.compare_attention.cost', channels=header['channels'])} "
        f"{say('page.compare_attention.shown', honesty=plain(run.honesty))}"
    )
    st.markdown(say("page.compare_attention.dat"))
    relatives(small, large)


def relatives(small: int, large: int) -> None:
    """Keys per query of five more kinds, which nothing is drawn of."""
    columns = say("page.compare_attention.relatives.columns", small=small, large=large)
    rows = [
        f"| {say(f'relative.{one.name}')} | {say(f'relative.{one.name}.sees', size=one.size)} "
        f"| {one.keys[0]} | {one.keys[1]} |"
        for one in RELATIVES
    ]
    with st.expander(say("page.compare_attention.relatives"), icon=":material/family_history:"):
        st.markdown("\n".join([f"| {columns} |", "|---|---|---:|---:|", *rows]))


compare_attention()
