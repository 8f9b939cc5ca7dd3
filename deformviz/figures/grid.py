"""Charts of one query on a deformed grid, and undeformed grids of several codes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from deformviz.figures.theme import GRID, SEQUENTIAL, chart_layout, head_colour

COLUMNS = 4
PANEL_PX = 150
MARGIN_CELLS = 0.6


def head_maps(
    values: np.ndarray,
    grid_hw: tuple[int, int],
    heads: Sequence[int],
    *,
    name: str,
) -> go.Figure:
    """One number per knot as a small map for each head, on one scale; darker is less.

    Args:
        values: [head knot] of the heads that `heads` names, in their order.
        grid_hw: rows and columns of the grid; drawn undeformed.
        name: what the numbers are, for the hover text and the scale.
    """
    rows = -(-len(heads) // COLUMNS)
    figure = make_subplots(
        rows,
        min(COLUMNS, len(heads)),
        horizontal_spacing=0.03,
        vertical_spacing=0.2 / rows,
        subplot_titles=[f"head {head}" for head in heads],
    )
    low, high = float(values.min()), float(values.max())
    for index, head in enumerate(heads):
        figure.add_heatmap(
            z=values[index].reshape(grid_hw).tolist(),
            zmin=low,
            zmax=high,
            xgap=1,
            ygap=1,
            colorscale=list(SEQUENTIAL),
            showscale=index == 0,
            colorbar={"thickness": 10, "len": 0.9, "tickfont": {"size": 10}},
            hovertemplate=(
                f"head {head}, knot (%{{y}}, %{{x}})<br>{name} %{{z:.4f}}<extra></extra>"
            ),
            row=index // COLUMNS + 1,
            col=index % COLUMNS + 1,
        )
    titles: Any = figure.layout
    for title, head in zip(titles.annotations, heads, strict=True):
        title.font = {"size": 12, "color": head_colour(head)}
    figure.update_xaxes(visible=False, constrain="domain", fixedrange=True)
    figure.update_yaxes(visible=False, autorange="reversed", fixedrange=True, constrain="domain")
    for index in range(len(heads)):  # square knots
        suffix = "" if index == 0 else str(index + 1)
        figure.layout[f"yaxis{suffix}"].scaleanchor = f"x{suffix}"
    layout = chart_layout(height=PANEL_PX * rows + 40, margin={"l": 4, "r": 4, "t": 28, "b": 4})
    return figure.update_layout({k: v for k, v in layout.items() if k not in ("xaxis", "yaxis")})


def undeformed_grids(
    knots_xy: Mapping[str, np.ndarray],
    starts_xy: Mapping[str, np.ndarray],
    map_hw: tuple[int, int],
) -> go.Figure:
    """Where codes put their knots before any offset, over the cells of one map.

    Args:
        knots_xy: title -> [knot xy], normalised.
        starts_xy: title -> [query xy], where displacements start, normalised.
        map_hw: rows and columns of the map whose cells are drawn.
    """
    height, width = map_hw
    figure = make_subplots(1, len(knots_xy), horizontal_spacing=0.03, subplot_titles=list(knots_xy))
    for column, (title, knots) in enumerate(knots_xy.items(), start=1):
        cells = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), -1)
        for points, style, meaning in (
            (cells.reshape(-1, 2), {"size": 3, "color": GRID}, "middle of a cell"),
            (
                starts_xy[title] * [width, height],
                {
                    "size": 8,
                    "symbol": "cross-thin",
                    "line": {"color": head_colour(0), "width": 1.5},
                },
                "a query's displacements start here",
            ),
            (
                knots * [width, height],
                {"size": 9, "color": head_colour(6), "line": {"color": "#11131a", "width": 1}},
                "a knot, read here at zero offset",
            ),
        ):
            figure.add_scatter(
                x=points[:, 0].tolist(),
                y=points[:, 1].tolist(),
                mode="markers",
                marker=style,
                name=meaning,
                showlegend=column == 1,
                legendgroup=meaning,
                hovertemplate=f"{meaning}<br>column %{{x:.3f}}, row %{{y:.3f}}<extra></extra>",
                row=1,
                col=column,
            )
    for index in range(1, len(knots_xy) + 1):
        suffix = "" if index == 1 else str(index)
        figure.layout[f"yaxis{suffix}"].scaleanchor = f"x{suffix}"
    axis = {
        "showticklabels": False,
        "zeroline": False,
        "gridcolor": GRID,
        "fixedrange": True,
        "constrain": "domain",
    }
    reach = np.concatenate(
        [knots * [width, height] for knots in knots_xy.values()]
        + [np.array([[0, 0], [width, height]])]
    )
    (left, top), (right, bottom) = reach.min(0) - MARGIN_CELLS, reach.max(0) + MARGIN_CELLS
    figure.update_xaxes(**axis, range=[left, right], tickvals=list(range(width + 1)))
    figure.update_yaxes(**axis, range=[bottom, top], tickvals=list(range(height + 1)))
    figure.add_shape(
        type="rect",
        x0=0,
        y0=0,
        x1=width,
        y1=height,
        line={"color": GRID, "width": 2},
        row="all",
        col="all",
    )
    layout = chart_layout(
        height=300,
        margin={"l": 4, "r": 4, "t": 30, "b": 40},
        showlegend=True,
        legend={"orientation": "h", "y": -0.02, "x": 0.5, "xanchor": "center"},
    )
    return figure.update_layout({k: v for k, v in layout.items() if k not in ("xaxis", "yaxis")})
