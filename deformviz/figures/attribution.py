"""What samples are worth beside their weights: points, agreement, deletion curves, pixels."""

import numpy as np
import plotly.graph_objects as go

from deformviz.analysis.attribution_table import Study
from deformviz.analysis.faithfulness import ORDERS, Faithfulness
from deformviz.figures.theme import GRID, LEVEL_MARKS, PETROFF_10, chart_layout, head_colour

LARGEST_MARKER_PX = 22
POINTS_HEIGHT_PX = 340
ORDER_COLOURS = {"weight": PETROFF_10[0], "attribution": PETROFF_10[6], "random": PETROFF_10[3]}
ORDER_DASH = {"weight": "solid", "attribution": "solid", "random": "dot"}
DIVERGING = ((0.0, "#3f90da"), (0.5, "rgba(128, 136, 155, 0)"), (1.0, "#e76300"))


def sample_amounts(
    locations_px: np.ndarray, amounts: np.ndarray, size_hw: tuple[int, int], *, picture: str,
    box_xyxy_px: np.ndarray | None = None, unit: str = "weight",
) -> go.Figure:
    """The samples of one query over the picture, each as large as its amount.

    Colour = head, shape = level, area = |amount|; hollow marks are negative.

    Args:
        locations_px: [head level point xy], pixel indices of the picture.
        amounts: [head level point]; attention weights or attributions.
        size_hw: of the picture in pixels.
        picture: address of the picture.
        box_xyxy_px: of the detection, edges from the picture's outer corner.
    """
    height, width = size_hw
    heads, levels, points = amounts.shape
    largest = float(np.abs(amounts).max()) or 1.0
    figure = go.Figure()
    figure.add_layout_image(source=picture, x=-0.5, y=-0.5, sizex=width, sizey=height, xref="x",
                            yref="y", sizing="stretch", layer="below", opacity=0.6)
    if box_xyxy_px is not None:
        x0, y0, x1, y1 = (float(edge) - 0.5 for edge in box_xyxy_px)
        figure.add_shape(type="rect", x0=x0, y0=y0, x1=x1, y1=y1,
                         line={"color": "#ffffff", "width": 2, "dash": "dash"})
    for head in range(heads):
        flat = amounts[head].reshape(-1)
        size = LARGEST_MARKER_PX * np.sqrt(np.abs(flat) / largest) + 1.5
        marks = np.repeat([LEVEL_MARKS[i % len(LEVEL_MARKS)][1] for i in range(levels)], points)
        marks = [mark + "-open" if amount < 0 else mark
                 for mark, amount in zip(marks, flat, strict=True)]
        where = locations_px[head].reshape(-1, 2)
        numbers = np.column_stack([np.repeat(np.arange(levels), points),
                                   np.tile(np.arange(points), levels), flat])
        figure.add_scatter(
            x=where[:, 0].tolist(), y=where[:, 1].tolist(), mode="markers", name=f"head {head}",
            customdata=numbers.tolist(),
            marker={"symbol": marks, "size": size.tolist(), "color": head_colour(head),
                    "opacity": 0.9, "line": {"width": 1.2, "color": "rgba(255, 255, 255, 0.85)"}},
            hovertemplate=(f"head {head}, level %{{customdata[0]}}, point %{{customdata[1]}}<br>"
                           f"{unit} %{{customdata[2]:+.4f}}<extra></extra>"),
        )
    return figure.update_layout(chart_layout(
        height=POINTS_HEIGHT_PX,
        xaxis={"visible": False, "range": [-0.5, width - 0.5], "constrain": "domain"},
        yaxis={"visible": False, "range": [height - 0.5, -0.5], "scaleanchor": "x",
               "constrain": "domain"},
    ))


def agreement_map(by_layer: dict[str, np.ndarray]) -> go.Figure:
    """Rank correlation of weights and attributions: a row per layer, a column per head."""
    heads = max(len(row) for row in by_layer.values())
    rows = [row.tolist() + [None] * (heads - len(row)) for row in by_layer.values()]
    shown = [[None if v is None or not np.isfinite(v) else round(v, 2) for v in row]
             for row in rows]
    return go.Figure(go.Heatmap(
        z=shown, x=[str(head) for head in range(heads)], y=list(by_layer), zmin=-1, zmax=1,
        colorscale=[list(stop) for stop in DIVERGING], showscale=False, xgap=3, ygap=3,
        text=[["" if v is None else f"{v:.2f}" for v in row] for row in shown],
        texttemplate="%{text}", hoverongaps=False,
        hovertemplate="%{y}, head %{x}<br>rank correlation %{z:.2f}<extra></extra>",
    )).update_layout(chart_layout(
        height=70 + 34 * len(by_layer), xaxis={"title": {"text": "head"}, "showgrid": False},
        yaxis={"autorange": "reversed", "showgrid": False},
    ))


def faithfulness_curves(found: Faithfulness, kind: str, unit: str = "score") -> go.Figure:
    """The answer while points are deleted or inserted, one line per order, its area in the name."""
    figure = go.Figure()
    share = 100 * found.counts / found.points
    for order in ORDERS:
        if (kind, order) not in found.curves:
            continue
        curve = found.curves[kind, order]
        words = "at random" if order == "random" else f"by {order}"
        figure.add_scatter(
            x=share.tolist(), y=curve.tolist(), mode="lines+markers",
            name=f"{words}: {found.area(kind, order):.3f}",
            line={"color": ORDER_COLOURS[order], "width": 2.5, "dash": ORDER_DASH[order]},
            marker={"size": 4}, customdata=found.counts.tolist(),
            hovertemplate=(f"{words}, %{{customdata}} of {found.points}<br>{unit} %{{y:.4f}}"
                           "<extra></extra>"),
        )
    gone = "deleted" if kind == "deletion" else "inserted"
    return figure.update_layout(chart_layout(
        height=300, showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        xaxis={"title": {"text": f"points {gone}"}, "ticksuffix": " %"},
        yaxis={"title": {"text": unit}, "rangemode": "tozero"},
    ))


def method_areas(study: Study) -> go.Figure:
    """Deletion areas of every method, a group per layer: short bars found what matters."""
    methods = list(dict.fromkeys((row.quantity, row.method) for row in study.rows))
    layers = list(dict.fromkeys(row.layer for row in study.rows))
    figure = go.Figure()
    for index, (quantity, method) in enumerate(methods):
        areas = {row.layer: row.deletion_area for row in study.rows
                 if (row.quantity, row.method) == (quantity, method)}
        name = f"{quantity}, {method}" if quantity else method
        figure.add_bar(
            y=layers, x=[areas[layer] for layer in layers], orientation="h", name=name,
            marker={"color": PETROFF_10[index % len(PETROFF_10)], "line": {"width": 0}},
            hovertemplate=f"{name}<br>%{{y}}: area %{{x:.4f}}<extra></extra>",
        )
    return figure.update_layout(chart_layout(
        height=120 + 90 * len(layers), barmode="group", bargap=0.25, showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        xaxis={"title": {"text": "mean score while deleting"}, "rangemode": "tozero"},
        yaxis={"autorange": "reversed", "showgrid": False},
    ))


def pixel_worth(
    values: np.ndarray, size_hw: tuple[int, int], *, picture: str, unit: str = "worth"
) -> go.Figure:
    """What pixels are worth over the picture: orange speaks for the answer, blue against it.

    Args:
        values: [height width] of the resized picture.
        size_hw: of the picture shown, in pixels.
    """
    height, width = size_hw
    rows, columns = values.shape
    limit = float(np.quantile(np.abs(values), 0.995)) or 1.0
    figure = go.Figure()
    figure.add_layout_image(source=picture, x=-0.5, y=-0.5, sizex=width, sizey=height, xref="x",
                            yref="y", sizing="stretch", layer="below", opacity=0.5)
    figure.add_trace(go.Heatmap(
        z=np.round(values / limit, 4).tolist(), zmin=-1, zmax=1, showscale=False,
        colorscale=[list(stop) for stop in DIVERGING], opacity=0.85,
        x0=(width / columns - 1) / 2, dx=width / columns,
        y0=(height / rows - 1) / 2, dy=height / rows,
        hovertemplate=f"{unit} %{{z:.2f}} of the largest<extra></extra>",
    ))
    return figure.update_layout(chart_layout(
        height=POINTS_HEIGHT_PX,
        xaxis={"visible": False, "range": [-0.5, width - 0.5], "constrain": "domain"},
        yaxis={"visible": False, "range": [height - 0.5, -0.5], "scaleanchor": "x",
               "constrain": "domain", "gridcolor": GRID},
    ))
