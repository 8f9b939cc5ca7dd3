"""What the Checkpoint page shows of two files side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import visitor, work
from app.tasks.checkpoints import Looked
from app.views.checkpoint_parts import CONFIG, star_chart, told
from app.waiting import answer_or_wait
from deformviz.analysis.weight_records import Comparison
from deformviz.words.markdown import plain, visible

if TYPE_CHECKING:
    from app.views.checkpoint import Chosen


def comparison(first: Chosen, second: Chosen, one: Looked, other: Looked) -> None:
    """What tells two checkpoints apart: settings, keys, layers, and their stars."""
    key = work.key_of("pair", first.key, second.key)
    both = [(chosen.choice.path, chosen.said, chosen.iteration) for chosen in (first, second)]
    found: Comparison | None = answer_or_wait(
        key,
        "Side by side",
        lambda: work.kept(key),
        lambda: work.ask(
            key, "app.tasks.checkpoints:compare", tuple(both), visitor=visitor.me().name
        ),
    )
    if found is not None:
        show(found, first.title, second.title)
        _stars_of_both(one, other)


def show(found: Comparison, first: str, second: str) -> None:
    """The differences, in words, tables and a chart."""
    st.subheader("Side by side", anchor=False)
    st.markdown(
        f"**A** is {plain(first)}, **B** is {plain(second)}. They have {len(found.layers)} layers "
        f"in common; {len(found.settings)} settings differ."
    )
    if found.settings:
        st.dataframe(
            [{"setting": name, "A": told(a), "B": told(b)} for name, a, b in found.settings],
            hide_index=True,
        )
    for words, keys in (
        ("only in A", found.only_first),
        ("only in B", found.only_second),
        ("of another shape", found.other_shape),
    ):
        if keys:
            with st.expander(f"{len(keys)} keys {words}"):
                st.code("\n".join(map(visible, keys)), language=None)
    if found.layers and found.relative == 0:
        st.success("The weights they have in common are equal, number by number.")
    elif found.layers:
        _differences(found)


def _differences(found: Comparison) -> None:
    from deformviz.analysis.verdict import percent
    from deformviz.figures.weights import layer_differences

    most = max(found.layers, key=lambda layer: layer.relative)
    least = min(found.layers, key=lambda layer: layer.relative)
    st.markdown(
        f"**{plain(most.layer)}** differs most, by {percent(most.relative)} of its size in A, "
        f"**{plain(least.layer)}** least, by {percent(least.relative)}."
    )
    st.plotly_chart(
        layer_differences(found),
        key="differences",
        config=CONFIG,
        alt="Relative difference of every layer between the two checkpoints.",
    )


def _stars_of_both(one: Looked, other: Looked) -> None:
    """The offset star of one layer in either file, where both have it."""
    stars = [one.stars, other.stars]
    both = [name for name in stars[0] if name in stars[1]]
    if not both:
        return
    name = st.segmented_control(
        "Star of layer", both, default=both[-1], required=True, key="star_layer"
    )
    for column, letter, of in zip(st.columns(2, gap="medium"), "AB", stars, strict=True):
        with column:
            star_chart(f"{letter}: {name}", of[name], key=f"star-{letter}")
