"""Cost lab: what dense, window, deformable and DAT attention cost, counted and measured here."""

from __future__ import annotations

from dataclasses import fields

import streamlit as st

from app import visitor, work
from app.tasks.costs import Costs
from app.waiting import answer_or_wait
from deformviz.analysis.cost_lab_records import (
    CHOICES,
    KINDS,
    Bill,
    LabSizes,
    levels_hw,
    per_layer,
    read_lab,
)
from deformviz.words import say

CONFIG = {"displayModeBar": False}
STYLE = """<style>
.stMainBlockContainer { padding-inline: clamp(1rem, 3vw, 3rem); max-width: 90rem; }
.stMain h1 { padding: 0; letter-spacing: -0.01em; }
.stMain table { display: block; max-width: 100%; overflow-x: auto; }
</style>"""
UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
SIZES, MEASURED = "cost_sizes", "cost_measured"


def costs() -> None:
    """The page, top to bottom."""
    st.html(STYLE)
    st.title(say("page.costs.headline"), anchor=False)
    st.markdown(say("page.costs.what"))
    read_link()
    lab()


def read_link() -> None:
    """Take the setting and whether it is measured from the address."""
    link, state = visitor.asked(), st.session_state
    state.setdefault(SIZES, LabSizes())
    state.setdefault(MEASURED, False)
    visitor.note_unknown(link, ("sizes", "measured"))
    if "sizes" in link:
        wanted = read_lab(link["sizes"])
        if wanted is None:
            visitor.note(say("walkthrough.note.sizes"))
        else:
            state[SIZES], state[MEASURED] = wanted, link.get("measured") == "1"


@st.fragment
def lab() -> None:
    """Sliders, bills and curves: what changes together."""
    sizes, state = choose(), st.session_state
    wanted = {"sizes": sizes.to_text()} if sizes != LabSizes() or state[MEASURED] else {}
    visitor.write(wanted | ({"measured": "1"} if state[MEASURED] else {}))
    counted = asked("count", sizes, work.QUICK)
    if counted is None:
        return
    flip(sizes)
    timed = asked("measure", sizes, work.MEDIUM) if state[MEASURED] else None
    table(sizes, (timed or counted).bills)
    if not state[MEASURED]:

        def measure() -> None:
            state[MEASURED] = True

        st.button(
            say("page.costs.measure"), icon=":material/timer:", on_click=measure, key="cost_measure"
        )
        st.caption(say("page.costs.measure.how"))
    charts(timed or counted)


def choose() -> LabSizes:
    """A slider for every size."""
    state = st.session_state
    now: LabSizes = state[SIZES]
    names = [field.name for field in fields(LabSizes)]
    for name in names:
        state[f"cost_{name}"] = getattr(now, name)

    def take() -> None:
        state[SIZES] = LabSizes(**{name: state[f"cost_{name}"] for name in names})

    for row in (names[:5], names[5:]):
        for column, name in zip(st.columns(5, gap="medium"), row, strict=False):
            column.select_slider(
                say(f"page.costs.{name}"),
                CHOICES[name],
                key=f"cost_{name}",
                on_change=take,
                format_func=said_queries if name == "queries" else str,
            )
    return state[SIZES]


def said_queries(count: int) -> str:
    """A number of queries in words."""
    return str(count) if count else say("page.costs.every_pixel")


def asked(what: str, sizes: LabSizes, lane: str) -> Costs | None:
    """The answer of a worker, or how far it is."""
    key = work.key_of("costs", what, sizes)
    return answer_or_wait(
        key,
        say(f"page.costs.title.{what}"),
        lambda: work.kept(key),
        lambda: work.ask(
            key, f"app.tasks.costs:{what}", (sizes,), visitor=visitor.me().name, lane=lane
        ),
    )


def flip(sizes: LabSizes) -> None:
    """Where min() of the deformable formula changes its mind, level by level."""
    said = [
        say(
            "page.costs.flip.level",
            map=f"{height}×{width}",
            flip=f"{height * width / sizes.points:,.0f}",
            queries=f"{sizes.queries or height * width:,}",
            way=say(
                "page.costs.flip.values"
                if (sizes.queries or height * width) * sizes.points >= height * width
                else "page.costs.flip.samples"
            ),
        )
        for height, width in levels_hw(sizes)
    ]
    st.markdown(f"{say('page.costs.flip')} " + " · ".join(said))


def short(number: float) -> str:
    """1234567 -> "1.23 M"."""
    size, unit = next(((s, f" {u}") for s, u in UNITS if number >= s), (1, ""))
    return f"{number / size:.3g}{unit}"


def cell(bill: Bill) -> str:
    """Count, bytes and time of one bill."""
    agrees = "" if bill.formula == bill.counted else f" (≠ {short(bill.formula)})"
    time = "–" if bill.milliseconds is None else f"{bill.milliseconds:.3g} ms"
    return f"{short(bill.counted)}{agrees} · {short(bill.bytes_written)}B · {time}"


def table(sizes: LabSizes, bills: tuple[Bill, ...]) -> None:
    """A row per kind: its formula, every level, all levels, and as many layers as there are."""
    whole = per_layer(bills)
    maps = levels_hw(sizes)
    head = [
        say("page.costs.kind"),
        say("page.costs.formula"),
        *(f"{height}×{width}" for height, width in maps),
        say("page.costs.layer"),
        say("page.costs.model", layers=sizes.layers),
    ]
    rows = []
    for kind in KINDS:
        own = [bill for bill in bills if bill.kind == kind]
        rows.append(
            [
                say(f"page.costs.kind.{kind}"),
                f"${say(f'page.costs.kind.{kind}.formula')}$",
                *(cell(bill) for bill in own),
                f"**{cell(whole[kind])}**",
                short(sizes.layers * whole[kind].counted),
            ]
        )
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    st.markdown("\n".join(lines))
    st.caption(say("page.costs.table.how"))


def charts(found: Costs) -> None:
    """Bars level by level, and, once measured, curves of growth; all axes are logarithmic."""
    from deformviz.figures.costs import cost_bars, growth_lines

    names = {kind: say(f"page.costs.kind.{kind}") for kind in KINDS}
    shown = ["counted", "bytes"] + (["milliseconds"] if found.growth else [])
    for column, quantity in zip(st.columns(len(shown), gap="medium"), shown, strict=True):
        title = say(f"page.costs.axis.{quantity}")
        column.plotly_chart(
            cost_bars(found.bills, quantity, names, title),
            key=f"cost-bars-{quantity}",
            config=CONFIG,
            alt=say("page.costs.bars.alt", quantity=title),
        )
    if not found.growth:
        return
    st.subheader(say("page.costs.growth"), anchor=False)
    axes = list(dict.fromkeys(line.axis for line in found.growth))
    for column, axis in zip(st.columns(len(axes), gap="medium"), axes, strict=True):
        lines = [line for line in found.growth if line.axis == axis]
        title = say(f"page.costs.{axis}")
        column.plotly_chart(
            growth_lines(lines, names, title, say("page.costs.axis.milliseconds")),
            key=f"cost-growth-{axis}",
            config=CONFIG,
            alt=say("page.costs.growth.alt", axis=title),
        )


costs()
