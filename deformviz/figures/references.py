"""How a decoder query moves and resizes its box from layer to layer."""

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from deformviz.figures.theme import GRID, SEQUENTIAL, chart_layout

# The ends of the scale vanish on light or on dark paper.
FIRST_SHADE, LAST_SHADE = 0.82, 0.25


def box_history(
    boxes_xyxy_px: np.ndarray, size_hw: tuple[int, int], *, picture: str | None = None
) -> go.Figure:
    """The box of one query after each decoder layer, over the picture it belongs to.

    Args:
        boxes_xyxy_px: [layer xyxy], pixels of the picture, edges from its outer corner.
        size_hw: height and width of the picture in pixels.
        picture: address of the picture; None leaves the frame empty.
    """
    height, width = size_hw
    figure = go.Figure()
    if picture:
        figure.add_layout_image(
            source=picture,
            x=0,
            y=0,
            sizex=width,
            sizey=height,
            xref="x",
            yref="y",
            sizing="stretch",
            layer="below",
            opacity=0.55,
        )
    figure.add_shape(type="rect", x0=0, y0=0, x1=width, y1=height, line={"color": GRID})
    layers = len(boxes_xyxy_px)
    steps = np.linspace(FIRST_SHADE, LAST_SHADE, layers)
    for layer, (box, shade) in enumerate(
        zip(boxes_xyxy_px, sample_colorscale(list(SEQUENTIAL), steps.tolist()), strict=True)
    ):
        x0, y0, x1, y1 = (float(edge) for edge in box)
        last = layer == layers - 1
        figure.add_scatter(
            x=[x0, x1, x1, x0, x0],
            y=[y0, y0, y1, y1, y0],
            mode="lines",
            line={
                "color": shade,
                "width": 3.5 if last else 1.75,
                "dash": "solid" if last else "dot",
            },
            name=f"after decoder layer {layer}",
            text=[
                f"after decoder layer {layer}<br>{x1 - x0:.0f} × {y1 - y0:.0f} px around "
                f"({(x0 + x1) / 2:.0f}, {(y0 + y1) / 2:.0f})"
            ]
            * 5,
            hovertemplate="%{text}<extra></extra>",
        )
    low, high = boxes_xyxy_px.reshape(-1, 2).min(0), boxes_xyxy_px.reshape(-1, 2).max(0)
    return figure.update_layout(
        chart_layout(
            xaxis={
                "visible": False,
                "range": [min(0, low[0]), max(width, high[0])],
                "constrain": "domain",
            },
            yaxis={
                "visible": False,
                "range": [max(height, high[1]), min(0, low[1])],
                "scaleanchor": "x",
                "constrain": "domain",
            },
        )
    )
