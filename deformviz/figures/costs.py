"""Costs of kinds of attention on logarithmic axes: bars level by level, and lines that grow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import plotly.graph_objects as go

from deformviz.analysis.cost_lab_records import KINDS, Bill, Growth
from deformviz.figures.theme import PETROFF_10, chart_layout

COLOURS: dict[str, str] = dict(
    zip(KINDS, (PETROFF_10[8], PETROFF_10[1], PETROFF_10[0], PETROFF_10[4]), strict=True)
)
QUANTITIES: dict[str, Callable[[Bill], float | None]] = {
    "counted": lambda bill: bill.counted,
    "bytes": lambda bill: bill.bytes_written,
    "milliseconds": lambda bill: bill.milliseconds,
}
HEIGHT_PX = 300
LEGEND = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"}


def cost_bars(bills: Sequence[Bill], quantity: str, names: dict[str, str], title: str) -> go.Figure:
    """A group of bars per level, one bar per kind, on a logarithmic axis.

    Args:
        quantity: one of QUANTITIES.
        names: what each kind is called.
        title: of the axis.
    """
    value = QUANTITIES[quantity]
    maps = list(dict.fromkeys(bill.map_hw for bill in bills))
    figure = go.Figure()
    for kind in KINDS:
        own = [bill for bill in bills if bill.kind == kind]
        figure.add_bar(
            x=[f"{height}×{width}" for height, width in maps],
            y=[value(bill) for bill in own],
            name=names[kind],
            marker={"color": COLOURS[kind], "line": {"width": 0}},
            hovertemplate=f"{names[kind]}, %{{x}}<br>%{{y:.4s}}<extra></extra>",
        )
    return figure.update_layout(
        chart_layout(
            height=HEIGHT_PX,
            barmode="group",
            showlegend=True,
            legend=LEGEND,
            xaxis={"type": "category"},
            yaxis={"type": "log", "dtick": 1, "title": {"text": title}},
        )
    )


def growth_lines(
    lines: Sequence[Growth], names: dict[str, str], x_title: str, y_title: str
) -> go.Figure:
    """Measured times of each kind along one axis; both axes are logarithmic."""
    figure = go.Figure()
    for line in lines:
        known = [(x, y) for x, y in zip(line.at, line.milliseconds, strict=True) if y is not None]
        figure.add_scatter(
            x=[x for x, _ in known],
            y=[y for _, y in known],
            mode="lines+markers",
            name=names[line.kind],
            line={"color": COLOURS[line.kind], "width": 2.5},
            hovertemplate=f"{names[line.kind]}, %{{x}}<br>%{{y:.3g}} ms<extra></extra>",
        )
    return figure.update_layout(
        chart_layout(
            height=HEIGHT_PX,
            showlegend=True,
            legend=LEGEND,
            xaxis={"type": "log", "title": {"text": x_title}, "tickvals": list(lines[0].at)},
            yaxis={"type": "log", "title": {"text": y_title}},
        )
    )
