"""What a query of the chosen model is and where its reference comes from, rung by rung."""

from __future__ import annotations

import streamlit as st

from app import controls
from app.views.opened import computed
from deformviz.words import say


@st.fragment
def query_ladder(selection: controls.Selection) -> None:
    """The ladder; nothing is computed before somebody asks."""
    ladder = st.expander(
        say("ladder.expander"), icon=":material/stairs:", key="query_ladder", on_change="rerun"
    )
    if not ladder.open:
        return
    with ladder:
        st.markdown(say("ladder.what"))
        found = computed("ladder", "app.tasks.ladder:climb", selection)
        if found is not None:
            _rungs(found)
            _boxes(found)
            _arrows(found)


def _rungs(found) -> None:
    for rung in found.rungs:
        mark = ":green-badge[" if rung.here else ":gray-badge["
        said = say("ladder.here" if rung.here else "ladder.not_here")
        lines = [
            f"**{say(f'ladder.{rung.name}.title')}** {mark}{said}]",
            say(f"ladder.{rung.name}.what"),
        ]
        if rung.here:
            lines.append(f"*{say(f'ladder.{rung.name}.here', **rung.numbers)}*")
        st.markdown("  \n".join(lines))


def _boxes(found) -> None:
    st.markdown(f"**{say('ladder.boxes', query=found.query)}**")
    rows = [(say("ladder.start"), found.start)] if found.start else []
    rows += [(say("ladder.box_after", layer=layer), box) for layer, box in enumerate(found.boxes)]
    st.dataframe(
        [
            {"": name, **dict(zip(("cx", "cy", "w", "h"), numbers, strict=False))}
            for name, numbers in rows
        ],
        hide_index=True,
    )


def _arrows(found) -> None:
    """A row per box, a column per thing it may be made of."""
    st.markdown(f"**{say('ladder.arrows')}**")
    st.caption(say("ladder.arrows.how"))
    rows: dict[int, dict[str, str]] = {}
    for arrow in found.arrows:
        column = say(f"ladder.arrow.{arrow.source}", layer=arrow.of_layer)
        said = say("ladder.arrow.yes" if arrow.carries else "ladder.arrow.no")
        rows.setdefault(arrow.layer, {})[column] = said
    columns = dict.fromkeys(column for row in rows.values() for column in row)
    st.dataframe(
        [
            {"": say("ladder.box_after", layer=layer)}
            | {column: row.get(column, "–") for column in columns}
            for layer, row in rows.items()
        ],
        hide_index=True,
    )
