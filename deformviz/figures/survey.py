"""Charts of a study: heads by layer, levels by size of objects, pictures by a measure, changes."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from deformviz.figures.theme import (
    GRID,
    LEVEL_MARKS,
    PETROFF_10,
    chart_layout,
    head_colour,
    letters,
    level_colour,
)
from deformviz.survey.contrast import Change
from deformviz.survey.questions import Bars, LayerMeans
from deformviz.words import say

TOLD = 24  # changes that a figure shows at most
SPREAD = 0.5  # of the room between two layers, which the dots of their heads take


def heads_by_layer(means: LayerMeans, title: str, *, percent: bool = False) -> go.Figure:
    """A dot for every head, layer by layer: its mean over pictures, in the head's colour."""
    names = list(dict.fromkeys(means.layers))
    place = np.array([names.index(layer) for layer in means.layers], float)
    most = max(int(means.heads.max(initial=0)), 1)
    across = place + SPREAD * (means.heads / most - 0.5)
    scale = 100 if percent else 1
    return go.Figure(
        go.Scatter(
            x=across.tolist(),
            y=(scale * means.mean).tolist(),
            mode="markers",
            marker={
                "size": 9,
                "color": [head_colour(int(head)) for head in means.heads],
                "line": {"width": 0.75, "color": "rgba(17, 19, 26, 0.55)"},
            },
            customdata=[
                [letters(layer), int(head)]
                for layer, head in zip(means.layers, means.heads, strict=True)
            ],
            hovertemplate=_place("%{customdata[0]}", "%{customdata[1]}")
            + "<br>"
            + title
            + (" %{y:.1f} %" if percent else " %{y:.3g}")
            + "<extra></extra>",
        )
    ).update_layout(
        chart_layout(
            xaxis={
                "tickvals": list(range(len(names))),
                "ticktext": list(map(letters, names)),
                "showgrid": False,
            },
            yaxis={"rangemode": "tozero", "ticksuffix": " %" if percent else ""},
        )
    )


def level_shares(shares: Mapping[str, np.ndarray]) -> go.Figure:
    """Stacked bars: how weight is shared out among levels; name of the bar -> [level]."""
    figure = go.Figure()
    names = list(map(letters, shares))
    levels = max((len(one) for one in shares.values()), default=0)
    for level in range(levels):
        part = [100 * float(one[level]) if level < len(one) else 0.0 for one in shares.values()]
        mark = LEVEL_MARKS[level % len(LEVEL_MARKS)][0]
        figure.add_bar(
            y=names,
            x=part,
            orientation="h",
            name=f"{mark} {say('page.survey.level', level=level)}",
            marker={"color": level_colour(level, levels), "line": {"width": 0}},
            hovertemplate=f"%{{y}}<br>{say('page.survey.level', level=level)}: %{{x:.1f}} %"
            "<extra></extra>",
        )
    return figure.update_layout(
        chart_layout(
            height=90 + 24 * len(names),
            barmode="stack",
            bargap=0.3,
            showlegend=True,
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
            xaxis={"range": [0, 100], "ticksuffix": " %", "showgrid": False},
            yaxis={"autorange": "reversed", "showgrid": False},
        )
    )


def picture_bars(bars: Bars, colour: str, meaning: str) -> go.Figure:
    """How many pictures have how much of a measure; a bar may be clicked."""
    middles = (bars.edges[:-1] + bars.edges[1:]) / 2
    ranges = np.stack([bars.edges[:-1], bars.edges[1:]], axis=1)
    return go.Figure(
        go.Bar(
            x=middles.tolist(),
            y=bars.counts.tolist(),
            width=np.diff(bars.edges).tolist(),
            marker={"color": colour, "line": {"width": 1, "color": "rgba(0, 0, 0, 0.2)"}},
            customdata=ranges.tolist(),
            hovertemplate=say(
                "page.survey.bar",
                count="%{y}",
                low="%{customdata[0]:.3g}",
                high="%{customdata[1]:.3g}",
            )
            + "<extra></extra>",
        )
    ).update_layout(
        chart_layout(
            bargap=0,
            xaxis={"title": {"text": meaning}, "showgrid": False},
            yaxis={"title": {"text": say("page.survey.bar.pictures")}, "gridcolor": GRID},
        )
    )


def change_intervals(changes: Sequence[Change]) -> go.Figure:
    """The largest differences of two studies in standard deviations over pictures.

    The bar is the 95 % interval of the difference, in the same unit.
    """
    shown = list(changes[:TOLD])
    names = [letters(_change(one)) for one in shown]
    effects = np.array([c.effect for c in shown], float)
    differences = np.array([c.after - c.before for c in shown], float)
    unit = np.abs(
        np.divide(effects, differences, out=np.zeros_like(effects), where=differences != 0)
    )
    above = [(c.high - (c.after - c.before)) * u for c, u in zip(shown, unit, strict=True)]
    below = [((c.after - c.before) - c.low) * u for c, u in zip(shown, unit, strict=True)]
    return go.Figure(
        go.Scatter(
            y=names,
            x=effects.tolist(),
            mode="markers",
            marker={"size": 8, "color": [head_colour(c.head) for c in shown]},
            error_x={"type": "data", "array": above, "arrayminus": below, "color": PETROFF_10[8]},
            customdata=[[c.before, c.after, c.low, c.high] for c in shown],
            hovertemplate="%{y}<br>%{customdata[0]:.3g} → %{customdata[1]:.3g}<br>"
            + say(
                "page.survey.change.interval",
                low="%{customdata[2]:.3g}",
                high="%{customdata[3]:.3g}",
                effect="%{x:.2f}",
            )
            + "<extra></extra>",
        )
    ).update_layout(
        chart_layout(
            height=80 + 22 * len(shown),
            xaxis={
                "title": {"text": say("page.survey.change.deviations")},
                "zeroline": True,
                "zerolinecolor": GRID,
            },
            yaxis={"autorange": "reversed", "showgrid": False},
        )
    )


def _place(layer: str, head: object) -> str:
    """A head as it is called in words."""
    return say("page.survey.place", layer=layer, head=head)


def _change(one: Change) -> str:
    """What differs: a head, its measure, and the level on which it was taken."""
    measure, level = say(f"page.survey.measure.{one.measure}"), one.level
    return f"{_place(one.layer, one.head)} · {measure}, {say('page.survey.level', level=level)}"
