"""Below the grid: statistics, the chosen query's attention and bias, and the codes compared."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import proof, visitor, work
from app.runs import grid
from app.tasks.grids import Undeformed
from app.waiting import answer_or_wait
from deformviz.lessons.ablations import (
    ACCURACY,
    AS_IT_IS,
    REPORTED,
    SCENES,
    SMALL_ACCURACY,
    SMALL_SCENES,
)
from deformviz.words import say

CONFIG = {"displayModeBar": False}
PLACEHOLDER_PX = 190


def numbers(run, layer: str, view: dict, *, drawn: bool) -> None:
    """Statistics of the layer and maps of the query on show; their places until it is drawn.

    Args:
        view: what the canvas reported of this layer, {} before it has.
        drawn: whether the canvas has drawn, so that Plotly may load.
    """
    packed = grid(run, layer)
    if not proof.may_be_drawn([packed.header.get("proof")], beside_canvas=True):
        return
    statistics(packed)
    query = view.get("query", packed.header["start_query"])
    heads = view.get("heads") or list(range(packed.header["heads"]))
    _, width = packed.header["query_hw"]
    attention, bias = st.columns(2, gap="medium")
    with attention:
        of = say("page.dat.attention.of", row=query // width, column=query % width)
        st.markdown(f"**{say('page.dat.attention')}**  \n:small[:gray[{of}]]")
        _maps(packed.trace.attention_weights, packed, query, heads, "attention", drawn)
    with bias:
        st.markdown(f"**{say('page.dat.bias')}**  \n:small[:gray[{say('page.dat.bias.of')}]]")
        if packed.trace.position_bias is None:
            st.caption(say("page.dat.no_bias"))
        else:
            _maps(packed.trace.position_bias, packed, query, heads, "bias", drawn)


def _maps(values: np.ndarray, packed, query: int, heads: list[int], name: str, drawn: bool) -> None:
    if not drawn:
        st.skeleton(height=PLACEHOLDER_PX)
        return
    from deformviz.figures.grid import head_maps

    figure = head_maps(values[heads, query], packed.trace.grid_hw, heads, name=name)
    st.plotly_chart(
        figure,
        key=f"chart-{name}",
        config=CONFIG,
        alt=say("page.dat.chart", name=name, query=query),
    )


def statistics(packed) -> None:
    """How far the grid moved, how much it stretched, how much of it is on the object."""
    from deformviz.analysis.grid import grid_statistics, mask_share

    found = grid_statistics(packed.trace)
    cells = say("page.dat.displacement.cells", cells=f"{found.displacement:.2f}")
    cards = [("displacement", cells), ("stretch", f"{found.stretch:.2f}")]
    if packed.mask is not None:
        share = mask_share(packed.trace, packed.mask)
        cards += [
            ("on_object", f"{share.weighted:.0%}"),
            ("on_object.knots", f"{share.plain:.0%}"),
            ("on_object.undeformed", f"{share.undeformed:.0%}"),
        ]
    with st.container(horizontal=True, key="grid_statistics"):
        for name, value in cards:
            label, meaning = say(f"page.dat.{name}"), say(f"page.dat.{name}.means")
            st.metric(label, value, help=meaning, width="content")


def ablations() -> None:
    """What the shipped model loses without a part of it."""
    usual = ACCURACY[AS_IT_IS]
    rows = [
        f"| {say(f'ablation.{name}')} | {share:.1%} | {100 * (share - usual):+.1f} |"
        for name, share in ACCURACY.items()
    ]
    with st.expander(say("ablation.title"), icon=":material/science:"):
        st.markdown("\n".join([f"| {say('ablation.columns')} |", "|---|---:|---:|", *rows]))
        st.caption(say("ablation.how", scenes=f"{SCENES:,}"))
        whole, without = (f"{share:.1%}" for share in SMALL_ACCURACY.values())
        st.caption(say("ablation.small", whole=whole, without=without, scenes=SMALL_SCENES))
        st.caption(say("ablation.reported", **REPORTED))


def versions() -> None:
    """Four codes at zero offset, on demand: their modules need torch."""
    with st.container(key="grid_versions"):
        if st.toggle(
            say("page.dat.versions"),
            key="versions_on",
            help=say("page.dat.versions.help"),
        ):
            _versions()


def _versions() -> None:
    from deformviz.figures.grid import undeformed_grids as drawn

    key = work.key_of("undeformed grids")
    grids: tuple[Undeformed, ...] | None = answer_or_wait(
        key,
        say("page.dat.versions.wait"),
        lambda: work.kept(key),
        lambda: work.ask(key, "app.tasks.grids:undeformed", visitor=visitor.me().name),
    )
    if grids is None:
        return
    st.plotly_chart(
        drawn({g.title: g.knots_xy for g in grids}, {g.title: g.starts_xy for g in grids}, (6, 8)),
        key="chart-versions",
        config=CONFIG,
        alt=say("page.dat.versions.alt"),
    )
    rows = "\n".join(
        f"| {g.title} | {g.mean_shift[0]:+.2f}, {g.mean_shift[1]:+.2f} | {g.largest_shift:.2f} |"
        for g in grids
    )
    st.markdown(f"| {say('page.dat.versions.columns')} |\n|---|---|---|\n{rows}")
    st.caption(say("page.dat.versions.how"))
