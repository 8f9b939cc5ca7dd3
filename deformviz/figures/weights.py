"""What weights alone look like: offset stars, likeness of heads, differences between files."""

import numpy as np
import plotly.graph_objects as go

from deformviz.analysis.weight_records import Comparison, OffsetStar, TensorStatistics
from deformviz.figures.theme import (
    GRID,
    LEVEL_MARKS,
    PETROFF_10,
    SEQUENTIAL,
    chart_layout,
    head_colour,
)

STAR_HEIGHT_PX = 300
START = "rgba(128, 136, 155, 0.8)"


def offset_star_chart(star: OffsetStar, exaggerated: float = 1.0) -> go.Figure:
    """Where a layer samples before it sees a query: trained marks, thin lines to their start.

    Colour = head, shape = level; crosses are the initial star. y grows downwards, as in pictures.

    Args:
        exaggerated: how many times longer the way from the start is drawn; hover tells the truth.
    """
    heads, levels, points = star.trained.shape[:3]
    drawn = star.initial + exaggerated * (star.trained - star.initial)
    unit = "half boxes / points" if star.per_box else "level px"
    figure = go.Figure()
    starts = np.unique(star.initial.reshape(-1, 2).round(4), axis=0)
    figure.add_scatter(
        x=starts[:, 0].tolist(),
        y=starts[:, 1].tolist(),
        mode="markers",
        name="initial",
        hoverinfo="skip",
        marker={"symbol": "x-thin-open", "size": 13, "color": START, "line": {"width": 1.6}},
    )
    for head in range(heads):
        ways = np.stack([star.initial[head], drawn[head]], axis=2).reshape(-1, 2, 2)
        gap = np.full((len(ways), 1, 2), np.nan)
        line = np.concatenate([ways, gap], axis=1).reshape(-1, 2)
        figure.add_scatter(
            x=[None if np.isnan(v) else v for v in line[:, 0]],
            y=[None if np.isnan(v) else v for v in line[:, 1]],
            mode="lines",
            hoverinfo="skip",
            line={"color": head_colour(head), "width": 1.2},
            opacity=0.7,
            name=f"head {head}",
        )
        marks = np.repeat([LEVEL_MARKS[i % len(LEVEL_MARKS)][1] for i in range(levels)], points)
        numbers = np.column_stack(
            [
                np.repeat(np.arange(levels), points),
                np.tile(np.arange(points), levels),
                star.moved[head].reshape(-1),
                star.trained[head].reshape(-1, 2),
            ]
        )
        where = drawn[head].reshape(-1, 2)
        figure.add_scatter(
            x=where[:, 0].tolist(),
            y=where[:, 1].tolist(),
            mode="markers",
            name=f"head {head}",
            customdata=numbers.tolist(),
            marker={
                "symbol": marks.tolist(),
                "size": 7,
                "color": head_colour(head),
                "line": {"width": 0.75, "color": "rgba(17, 19, 26, 0.55)"},
            },
            hovertemplate=(
                f"head {head}, level %{{customdata[0]}}, point %{{customdata[1]}}<br>"
                f"Δx %{{customdata[3]:.2f}}, Δy %{{customdata[4]:.2f}} {unit}<br>"
                "moved by %{customdata[2]:.2f}<extra></extra>"
            ),
        )
    reach = 1.12 * float(max(np.abs(drawn).max(), np.abs(star.initial).max()))
    return figure.update_layout(
        chart_layout(
            height=STAR_HEIGHT_PX,
            xaxis={
                "range": [-reach, reach],
                "zeroline": True,
                "zerolinecolor": GRID,
                "nticks": 7,
                "constrain": "domain",
            },
            yaxis={
                "range": [reach, -reach],
                "zeroline": True,
                "zerolinecolor": GRID,
                "nticks": 7,
                "scaleanchor": "x",
                "constrain": "domain",
            },
        )
    )


def likeness_map(cosines: np.ndarray, what: str) -> go.Figure:
    """Cosines between the heads of one layer, in words of `what` they are alike."""
    names = [str(head) for head in range(len(cosines))]
    return go.Figure(
        go.Heatmap(
            z=np.round(cosines, 3).tolist(),
            x=names,
            y=names,
            zmin=-1,
            zmax=1,
            showscale=False,
            colorscale=[[0, PETROFF_10[0]], [0.5, "rgba(128, 136, 155, 0.10)"], [1, PETROFF_10[6]]],
            xgap=2,
            ygap=2,
            hovertemplate=f"heads %{{y}} and %{{x}}<br>{what}: cosine %{{z:.2f}}<extra></extra>",
        )
    ).update_layout(
        chart_layout(
            height=230,
            xaxis={"showgrid": False, "constrain": "domain"},
            yaxis={
                "autorange": "reversed",
                "showgrid": False,
                "scaleanchor": "x",
                "constrain": "domain",
            },
        )
    )


def weight_sizes(rows: tuple[TensorStatistics, ...]) -> go.Figure:
    """Typical size of the numbers of every tensor, in the model's order; one colour per kind."""
    figure = go.Figure()
    kinds = list(dict.fromkeys(row.kind for row in rows))
    for index, kind in enumerate(kinds):
        of_kind = [
            (place, row) for place, row in enumerate(rows) if row.kind == kind and row.rms > 0
        ]
        figure.add_scatter(
            x=[place for place, _ in of_kind],
            y=[row.rms for _, row in of_kind],
            mode="markers",
            name=kind,
            marker={"size": 6, "color": PETROFF_10[index % len(PETROFF_10)]},
            customdata=[[row.name, "×".join(map(str, row.shape))] for _, row in of_kind],
            hovertemplate="%{customdata[0]}<br>%{customdata[1]}, typical size %{y:.3g}"
            "<extra></extra>",
        )
    return figure.update_layout(
        chart_layout(
            height=280,
            showlegend=True,
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
            xaxis={
                "title": {"text": "tensors, in the order of the model"},
                "showticklabels": False,
            },
            yaxis={"type": "log", "dtick": 1, "title": {"text": "root mean square"}},
        )
    )


def layer_differences(found: Comparison) -> go.Figure:
    """How far every layer of the second file, B, is from the first, A, as a share of its size."""
    layers = [layer.layer for layer in found.layers]
    shares = [100 * layer.relative for layer in found.layers]
    numbers = [[layer.parameters, layer.cosine, layer.largest] for layer in found.layers]
    return go.Figure(
        go.Bar(
            y=layers,
            x=shares,
            orientation="h",
            customdata=numbers,
            marker={
                "color": shares,
                "colorscale": [[0, SEQUENTIAL[11]], [1, SEQUENTIAL[5]]],
                "line": {"width": 0},
            },
            hovertemplate=(
                "%{y}, %{customdata[0]:,} numbers<br>changed by %{x:.2f} % of their size"
                "<br>cosine %{customdata[1]:.4f}, largest change %{customdata[2]:.3g}"
                "<extra></extra>"
            ),
        )
    ).update_layout(
        chart_layout(
            height=90 + 19 * len(layers),
            bargap=0.3,
            xaxis={"title": {"text": "|B − A| / |A|"}, "ticksuffix": " %", "rangemode": "tozero"},
            yaxis={"autorange": "reversed", "showgrid": False},
        )
    )
