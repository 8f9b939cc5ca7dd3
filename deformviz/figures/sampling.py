"""Charts of one query: its weights, its offsets, its levels."""

import numpy as np
import plotly.graph_objects as go

from deformviz.analysis.sampling import QuerySampling, level_share, mean_offset
from deformviz.figures.theme import (
    GRID,
    LEVEL_MARKS,
    chart_layout,
    head_colour,
    level_label,
    translucent,
)

LARGEST_MARKER_PX = 18
FULL = 0.998  # short of the next head's stretch of the scale


def weight_map(sampling: QuerySampling) -> go.Figure:
    """Attention weights of one query as heads × (level, point): a row per head, in its colour.

    Opacity grows with the weight, from 0 to the largest one of the query.
    """
    heads, levels, points = sampling.weights.shape
    flat = sampling.weights.reshape(heads, -1)
    names = [f"level {level}, point {point}" for level in range(levels) for point in range(points)]
    ramp = []  # one stretch of the scale per head, from pale to full
    for head in range(heads):
        colour = head_colour(head)
        ramp += [[head / heads, translucent(colour, 0.07)], [(head + 1) / heads, colour]]
    full = FULL * flat / (float(flat.max()) or 1.0)
    figure = go.Figure(
        go.Heatmap(
            z=(np.arange(heads)[:, None] + full).tolist(),
            zmin=0,
            zmax=heads,
            colorscale=ramp,
            showscale=False,
            xgap=1.5,
            ygap=3,
            y=[f"head {head}" for head in range(heads)],
            customdata=flat.tolist(),
            text=[names] * heads,
            hovertemplate="%{y}, %{text}<br>weight %{customdata:.4f}<extra></extra>",
        )
    )
    for level in range(1, levels):
        figure.add_vline(x=level * points - 0.5, line={"color": GRID, "width": 1})
    middles = [(level + 0.5) * points - 0.5 for level in range(levels)]
    return figure.update_layout(
        chart_layout(
            xaxis={"tickvals": middles, "ticktext": _level_labels(sampling), "showgrid": False},
            yaxis={"autorange": "reversed", "showgrid": False},
        )
    )


def offset_rose(sampling: QuerySampling) -> go.Figure:
    """Offsets of one query as direction and length; up is up in the picture.

    Lengths count feature pixels of each point's own level, so the levels lie over one another.
    A line runs to each head's offset averaged by weight.
    """
    heads, levels, points = sampling.weights.shape
    length, angle = _polar(sampling.offsets_px)
    mean_length, mean_angle = _polar(mean_offset(sampling.offsets_px, sampling.weights))
    area = sampling.weights / (sampling.weights.max() or 1.0)
    figure = go.Figure()
    for head in range(heads):
        colour = head_colour(head)
        figure.add_scatterpolar(
            r=[0, float(mean_length[head])],
            theta=[0, float(mean_angle[head])],
            mode="lines",
            line={"color": colour, "width": 2.5},
            hoverinfo="skip",
            name=f"head {head}, mean",
        )
        marks = np.repeat(
            [LEVEL_MARKS[level % len(LEVEL_MARKS)][1] for level in range(levels)], points
        )
        offsets = sampling.offsets_px[head].reshape(-1, 2)
        numbers = np.column_stack(
            [
                np.repeat(np.arange(levels), points),
                np.tile(np.arange(points), levels),
                offsets,
                sampling.weights[head].reshape(-1),
            ]
        )
        figure.add_scatterpolar(
            r=length[head].reshape(-1).tolist(),
            theta=angle[head].reshape(-1).tolist(),
            mode="markers",
            name=f"head {head}",
            customdata=numbers.tolist(),
            marker={
                "color": colour,
                "symbol": marks.tolist(),
                "opacity": 0.85,
                "size": (LARGEST_MARKER_PX * np.sqrt(area[head].reshape(-1)) + 2).tolist(),
                "line": {"width": 0.75, "color": "rgba(17, 19, 26, 0.55)"},
            },
            hovertemplate=(
                f"head {head}, level %{{customdata[0]}}, point %{{customdata[1]}}<br>"
                "Δx %{customdata[2]:.2f}, Δy %{customdata[3]:.2f} level px<br>"
                "weight %{customdata[4]:.4f}<extra></extra>"
            ),
        )
    polar_axis = {"gridcolor": GRID, "linecolor": GRID}
    return figure.update_layout(
        chart_layout(
            margin={"l": 40, "r": 40, "t": 22, "b": 22},
            polar={
                "bgcolor": "rgba(0, 0, 0, 0)",
                "angularaxis": {
                    **polar_axis,
                    "tickvals": [0, 90, 180, 270],
                    "ticktext": ["right", "up", "left", "down"],
                },
                "radialaxis": {
                    **polar_axis,
                    "nticks": 4,
                    "angle": 22.5,
                    "tickangle": 0,
                    "ticksuffix": " px",
                    "tickfont": {"size": 10},
                },
            },
        )
    )


def level_bars(sampling: QuerySampling) -> go.Figure:
    """How the query's attention is shared out among levels, one colour per head.

    Each head gives 1 / heads, so all bars together are 100 %.
    """
    heads = sampling.weights.shape[0]
    share = level_share(sampling.weights) / heads * 100
    names = _level_labels(sampling)
    figure = go.Figure()
    for head in range(heads):
        figure.add_bar(
            x=share[head].tolist(),
            y=names,
            orientation="h",
            name=f"head {head}",
            marker={"color": head_colour(head), "line": {"width": 0}},
            hovertemplate=f"head {head}, %{{y}}<br>%{{x:.1f}} % of all weight<extra></extra>",
        )
    totals = share.sum(axis=0)
    figure.add_scatter(
        x=totals.tolist(),
        y=names,
        mode="text",
        text=[f" {total:.0f} %" for total in totals],
        textposition="middle right",
        hoverinfo="skip",
        cliponaxis=False,
    )
    return figure.update_layout(
        chart_layout(
            barmode="stack",
            bargap=0.45,
            xaxis={"visible": False, "range": [0, max(1.0, float(totals.max())) * 1.2]},
            yaxis={"autorange": "reversed", "showgrid": False},
        )
    )


def _level_labels(sampling: QuerySampling) -> list[str]:
    return [level_label(level, *hw) for level, hw in enumerate(sampling.spatial_shapes.tolist())]


def _polar(offsets_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Length and direction in degrees, counter-clockwise from right as one sees it."""
    x, y = offsets_px[..., 0], offsets_px[..., 1]
    return np.hypot(x, y), np.degrees(np.arctan2(-y, x))
