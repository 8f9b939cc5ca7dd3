"""What stands around the head atlas: findings in words, charts, and the pictures behind them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from app import surveys
from app.surveys import KnownStudy
from app.views import survey_pictures
from deformviz.survey.pictures import SurveyError
from deformviz.words import say
from deformviz.words.markdown import plain

if TYPE_CHECKING:
    from deformviz.survey.verdicts import Verdict

CONFIG = {"displayModeBar": False}
MEASURES = ("outside_share", "spread", "entropy", "heaviest", "inside_share")
PERCENT = ("outside_share", "inside_share", "heaviest")
Found = TypeVar("Found")


def or_sentence(find: Callable[[], Found]) -> Found | None:
    """What is found, or a sentence on why it is not."""
    try:
        return find()
    except SurveyError as problem:
        st.info(plain(str(problem)), icon=":material/query_stats:")
        return None


def about(known: KnownStudy) -> str:
    """A study in a line: its model, its pictures; "" where it cannot be read."""
    try:
        settings = surveys.settings(known)
    except SurveyError:
        return ""
    return say(
        "page.survey.about",
        model=plain(settings.model),
        count=f"{settings.pictures:,}",
        images=plain(settings.images),
        queries=plain(settings.queries),
    )


# -- findings ------------------------------------------------------------------------------------


def verdict_list(known: KnownStudy, go_to: Callable[[int], None]) -> None:
    """What stands out, kind by kind; each head leads to its map."""
    found = or_sentence(lambda: surveys.findings(known))
    if found is None:
        return
    st.subheader(say("page.survey.verdicts"), anchor=False)
    if not found:
        st.markdown(say("page.survey.no_verdicts"))
        return
    counted = Counter(verdict.kind for verdict in found)
    for kind, count in counted.most_common():
        mine = [verdict for verdict in found if verdict.kind == kind]
        if count == 1:
            _finding(mine[0], known, go_to)
            continue
        with st.expander(say(f"page.survey.verdict.{kind}", count=count)):
            for verdict in mine:
                _finding(verdict, known, go_to)
    st.caption(say("page.survey.verdicts.how"))


def _finding(verdict: Verdict, known: KnownStudy, go_to: Callable[[int], None]) -> None:
    number = surveys.map_of(known, verdict.layer, verdict.heads[0])
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(plain(verdict.text), width="content")
        if number is not None:
            st.button(
                say("page.survey.show"),
                key=f"find_{verdict.kind}_{verdict.layer}_{verdict.heads}",
                type="tertiary",
                on_click=go_to,
                args=(number,),
            )


# -- two studies ---------------------------------------------------------------------------------


def changes(known: KnownStudy, other: KnownStudy) -> None:
    """Which heads differ from one study to the other, how much, and how sure that is."""
    from deformviz.figures.survey import change_intervals

    st.subheader(say("page.survey.changes"), anchor=False)
    found = or_sentence(lambda: surveys.compared(other, known))
    if found is None:
        return
    if not found:
        st.markdown(say("page.survey.no_changes"))
        return
    st.markdown(
        say(
            "page.survey.changes.count",
            count=len(found),
            before=plain(other.title),
            after=plain(known.title),
        )
    )
    st.plotly_chart(
        change_intervals(found),
        key="survey_changes",
        config=CONFIG,
        alt=say("page.survey.changes.alt"),
    )
    st.caption(say("page.survey.changes.how"))


# -- charts --------------------------------------------------------------------------------------


def layer_charts(known: KnownStudy, group: str) -> None:
    """Entropy and weight outside the map by layer, and levels by the size of objects."""
    from deformviz.figures.survey import heads_by_layer, level_shares

    shares = or_sentence(lambda: surveys.shares(known))
    if shares is None:
        return
    st.subheader(say("page.survey.layers"), anchor=False)
    means = or_sentence(
        lambda: {
            name: surveys.answer(known, "layer_means", name, group)
            for name in ("entropy", "outside_share")
        }
    )
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(
            f"**{say('page.survey.sizes')}**  \n:small[:gray[{say('page.survey.sizes.how')}]]"
        )
        st.plotly_chart(
            level_shares(shares), key="survey_sizes", config=CONFIG, alt=say("page.survey.sizes")
        )
    if means is None:
        return
    with right:
        for name, found in means.items():
            meaning = say(f"page.survey.measure.{name}")
            rows = say("page.survey.rows", count=f"{found.pictures:,}")
            st.markdown(f"**{meaning}**  \n:small[:gray[{rows}]]")
            st.plotly_chart(
                heads_by_layer(found, meaning, percent=name in PERCENT),
                key=f"survey_{name}",
                config=CONFIG,
                alt=meaning,
            )
    correct = or_sentence(lambda: surveys.answer(known, "correctness", group))
    if correct:
        st.markdown(f"**{say('page.survey.correct')}**")
        st.markdown(correlation_table(correct))
        st.caption(say("page.survey.correct.how"))


def correlation_table(correct: dict[str, tuple[float, int]]) -> str:
    """Correlations with being right, the strongest first."""
    rows = sorted(correct.items(), key=lambda item: -abs(item[1][0]))
    lines = [
        f"| {say(f'page.survey.measure.{name}')} | {r:+.2f} | {count:,} |"
        for name, (r, count) in rows
    ]
    head = f"| {say('page.survey.correct.measure')} | r | {say('page.survey.correct.count')} |"
    return "\n".join([head, "|---|---:|---:|", *lines])


# -- one head ------------------------------------------------------------------------------------


def head_panel(known: KnownStudy, group: str, query: int | None) -> None:
    """How one head's measure is spread over pictures; a bar leads to the pictures behind it."""
    from deformviz.figures.survey import picture_bars
    from deformviz.figures.theme import head_colour

    place = surveys.head_of(known, group, query)
    st.subheader(say("page.survey.head"), anchor=False)
    if place is None:
        st.markdown(say("page.survey.head.none"))
        return
    layer, head = place
    measure = st.segmented_control(
        say("page.survey.measure"),
        MEASURES,
        default=MEASURES[0],
        required=True,
        format_func=lambda name: say(f"page.survey.measure.{name}"),
        key="survey_measure",
    )
    bars = or_sentence(lambda: surveys.answer(known, "bars", measure, layer, head, group))
    if bars is None:
        return
    if not len(bars.counts):
        st.caption(say("page.survey.head.empty"))
        return
    st.markdown(say("page.survey.head.click", layer=plain(layer), head=head))
    event: Any = st.plotly_chart(
        picture_bars(bars, head_colour(head), say(f"page.survey.measure.{measure}")),
        key=f"survey_bars_{known.name}_{layer}_{head}_{measure}_{group}",
        config=CONFIG,
        on_select="rerun",
        selection_mode="points",
        alt=say("page.survey.head.click", layer=layer, head=head),
    )
    points = event.selection.points if event and event.selection else []
    low, high = (points[0]["customdata"][:2]) if points else (bars.edges[0], bars.edges[-1])
    asked = (measure, layer, head, float(low), float(high), group)
    behind = or_sentence(lambda: surveys.answer(known, "pictures_behind", *asked))
    if behind is not None:
        survey_pictures.gallery(known, layer, behind, clicked=bool(points))


def farthest(known: KnownStudy) -> None:
    """Recordings of the pictures that are farthest out, where the study keeps some."""
    found = or_sentence(lambda: surveys.extremes(known))
    if not found:
        return
    with st.expander(say("page.survey.extremes", count=len(found))):
        for one in found:
            layer = one.layer
            if one.head >= 0:
                layer = say("page.survey.place", layer=one.layer, head=one.head)
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(
                    say(
                        f"page.survey.extreme.{one.kind}",
                        layer=plain(layer),
                        name=plain(one.name),
                        value=f"{one.value:.2f}",
                    )
                )
                st.download_button(
                    say("page.survey.recording"),
                    key=f"extreme_{one.file}",
                    icon=":material/adjust:",
                    on_click="ignore",
                    data=lambda one=one: (known.path / one.file).read_bytes(),
                    file_name=f"{one.kind}-{one.layer}-{one.picture}.deformviz",
                )
        st.caption(say("page.survey.extremes.how"))


def take_along(known: KnownStudy) -> None:
    """The tables, and a report that stands alone."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            say("page.survey.report"),
            icon=":material/description:",
            on_click="ignore",
            data=lambda: surveys.report(known),
            file_name=f"survey-{known.name}.html",
            mime="text/html",
        )
        for name in ("layers", "detections"):
            st.download_button(
                say(f"page.survey.csv.{name}"),
                icon=":material/table:",
                on_click="ignore",
                data=lambda name=name: surveys.csv(known, name),
                file_name=f"survey-{known.name}-{name}.csv",
                mime="text/csv",
            )
        st.download_button(
            say("page.survey.tables"),
            icon=":material/folder_zip:",
            on_click="ignore",
            data=lambda: surveys.tables(known),
            file_name=f"survey-{known.name}.zip",
            mime="application/zip",
        )
