"""What samples are worth beside their weights: points, agreement, deletion curves, pixels."""

import numpy as np
import plotly.graph_objects as go

from deformviz.analysis.attribution_records import ORDERS, Faithfulness, Study
from deformviz.figures.theme import LEVEL_MARKS, LIGHT, PETROFF_10, chart_layout, head_colour

LARGEST_MARKER_PX = 26
PICTURE_HEIGHT_PX = 330
POINTS_HEIGHT_PX = 280
MANY_COLUMNS = 6  # of a table: beyond, its numbers are set smaller
WINDOW_ASPECT = 1.8  # width by height of the panels
SMALLEST_WINDOW = 0.3  # of the picture's longer side, high
COUNTS = 0.05  # of the largest amount: smaller samples may fall out of the window
ORDER_COLOURS = {"weight": PETROFF_10[0], "attribution": PETROFF_10[6], "random": PETROFF_10[3]}
ORDER_DASH = {"weight": "solid", "attribution": "solid", "random": "dot"}
# Cells are opaque and none is darker than its ends, so that one ink reads on all of them.
CELLS = ((0.0, "#3f90da"), (0.5, "#dfe2ea"), (1.0, "#e76300"))
CELL_INK = LIGHT["edge"]
LATTICE = 45  # places for a click along the picture's longer side
DIVERGING = ((0.0, "#3f90da"), (0.5, "rgba(128, 136, 155, 0)"), (1.0, "#e76300"))


def over_picture(
    picture: str,
    size_hw: tuple[int, int],
    *,
    opacity: float = 1.0,
    window_px: tuple[float, float, float, float] | None = None,
) -> go.Figure:
    """An empty figure over a picture, in pixel indices; `window_px` is the part (xyxy) to show."""
    height, width = size_hw
    x0, y0, x1, y1 = window_px or (-0.5, -0.5, width - 0.5, height - 0.5)
    figure = go.Figure()
    figure.add_layout_image(
        source=picture,
        x=-0.5,
        y=-0.5,
        sizex=width,
        sizey=height,
        xref="x",
        yref="y",
        sizing="stretch",
        layer="below",
        opacity=opacity,
    )
    return figure.update_layout(
        chart_layout(
            height=PICTURE_HEIGHT_PX,
            margin={"l": 0, "r": 0, "t": 0, "b": 0},
            xaxis={"visible": False, "range": [x0, x1], "constrain": "domain"},
            yaxis={
                "visible": False,
                "range": [y1, y0],
                "scaleanchor": "x",
                "constrain": "domain",
                "constraintoward": "top",
            },  # what a narrow column leaves free lies below
        )
    )


def _frame(figure: go.Figure, box_xyxy_px, **line) -> None:
    x0, y0, x1, y1 = (float(edge) - 0.5 for edge in box_xyxy_px)
    figure.add_shape(type="rect", x0=x0, y0=y0, x1=x1, y1=y1, line=line)


def boxes_over(
    boxes: dict[str, np.ndarray],
    chosen: str,
    size_hw: tuple[int, int],
    *,
    picture: str,
) -> go.Figure:
    """All boxes (name -> xyxy, px) thin, the chosen one with its name; points give a click a name.

    An invisible point in a box has the box's name as its text, where boxes overlap the smallest's.
    """
    figure = over_picture(picture, size_hw)
    for name, box in boxes.items():
        if name != chosen:
            _frame(figure, box, color="rgba(255, 255, 255, 0.75)", width=1.5)
    if chosen in boxes:
        _frame(figure, boxes[chosen], color="#11131a", width=5)
        _frame(figure, boxes[chosen], color=ORDER_COLOURS["attribution"], width=3)
        x0, y0 = (float(edge) - 0.5 for edge in boxes[chosen][:2])
        has_room = y0 > 0.1 * size_hw[0]
        figure.add_annotation(
            x=x0,
            y=y0,
            text=chosen,
            showarrow=False,
            xanchor="left",
            yanchor="bottom" if has_room else "top",
            bgcolor=ORDER_COLOURS["attribution"],
            font={"color": "#11131a", "size": 13},
            borderpad=2,
        )
    if boxes:
        _click_points(figure, boxes, size_hw)
    return figure


def _click_points(
    figure: go.Figure, boxes: dict[str, np.ndarray], size_hw: tuple[int, int]
) -> None:
    """A lattice of points over the boxes; a box too small for the lattice gets its centre."""
    height, width = size_hw
    step = max(size_hw) / LATTICE
    grid_xy = np.stack(
        np.meshgrid(np.arange(step / 2, width, step), np.arange(step / 2, height, step)), axis=-1
    ).reshape(-1, 2)
    free = np.ones(len(grid_xy), dtype=bool)
    places, names = [], []
    for name, box in sorted(boxes.items(), key=lambda item: np.prod(item[1][2:] - item[1][:2])):
        inside = free & np.all((grid_xy >= box[:2]) & (grid_xy <= box[2:]), axis=1)
        free &= ~inside
        mine = grid_xy[inside] if inside.any() else (box[:2] + box[2:])[None] / 2
        places.append(mine - 0.5)
        names += [name] * len(mine)
    where = np.concatenate(places)
    unseen = {"marker": {"opacity": 0}}
    figure.add_scatter(
        x=where[:, 0].tolist(),
        y=where[:, 1].tolist(),
        mode="markers",
        text=names,
        marker={"size": 12, "opacity": 0},
        selected=unseen,
        unselected=unseen,
        hovertemplate="%{text}<extra></extra>",
    )


def window_around(
    locations_px: np.ndarray,
    amounts: list[np.ndarray],
    size_hw: tuple[int, int],
    box_xyxy_px: np.ndarray | None = None,
) -> tuple[float, float, float, float]:
    """The part of the picture (xyxy, pixel indices) with the box and all samples that count."""
    counts = np.any([np.abs(a) >= COUNTS * np.abs(a).max() for a in amounts], axis=0)
    points = locations_px[counts]
    if box_xyxy_px is not None:
        points = np.concatenate([points, np.asarray(box_xyxy_px).reshape(2, 2)])
    low, high = points.min(0), points.max(0)
    (width, height), centre = 1.2 * (high - low) / 2, (low + high) / 2
    half = max(height, width / WINDOW_ASPECT, SMALLEST_WINDOW * max(size_hw) / 2)
    x0, x1 = centre[0] - WINDOW_ASPECT * half, centre[0] + WINDOW_ASPECT * half
    y0, y1 = centre[1] - half, centre[1] + half
    return (max(-0.5, x0), max(-0.5, y0), min(size_hw[1] - 0.5, x1), min(size_hw[0] - 0.5, y1))


def sample_amounts(
    locations_px: np.ndarray,
    amounts: np.ndarray,
    size_hw: tuple[int, int],
    *,
    picture: str,
    box_xyxy_px: np.ndarray | None = None,
    unit: str = "weight",
    of: str = "head",
    window_px: tuple[float, float, float, float] | None = None,
) -> go.Figure:
    """The samples of one query over the picture, each as large as its amount.

    Colour = head, shape = level, area = |amount|; hollow marks are negative.

    Args:
        locations_px: [head level point xy], pixel indices of the picture.
        amounts: [head level point]; attention weights or attributions.
        size_hw: of the picture in pixels.
        picture: address of the picture.
        box_xyxy_px: of the detection, edges from the picture's outer corner.
        of: what a colour stands for.
        window_px: from `window_around`; all of the picture if None.
    """
    heads, levels, points = amounts.shape
    largest = float(np.abs(amounts).max()) or 1.0
    figure = over_picture(picture, size_hw, opacity=0.6, window_px=window_px)
    figure.update_layout(height=POINTS_HEIGHT_PX)
    if box_xyxy_px is not None:
        _frame(figure, box_xyxy_px, color="#ffffff", width=2, dash="dash")
    for head in range(heads):
        flat = amounts[head].reshape(-1)
        size = LARGEST_MARKER_PX * np.sqrt(np.abs(flat) / largest) + 1.5
        marks = np.repeat([LEVEL_MARKS[i % len(LEVEL_MARKS)][1] for i in range(levels)], points)
        marks = [
            mark + "-open" if amount < 0 else mark for mark, amount in zip(marks, flat, strict=True)
        ]
        where = locations_px[head].reshape(-1, 2)
        numbers = np.column_stack(
            [np.repeat(np.arange(levels), points), np.tile(np.arange(points), levels), flat]
        )
        figure.add_scatter(
            x=where[:, 0].tolist(),
            y=where[:, 1].tolist(),
            mode="markers",
            name=f"{of} {head}",
            customdata=numbers.tolist(),
            marker={
                "symbol": marks,
                "size": size.tolist(),
                "color": head_colour(head),
                "opacity": 0.9,
                "line": {"width": 1.2, "color": "rgba(255, 255, 255, 0.85)"},
            },
            hovertemplate=(
                f"{of} {head}, level %{{customdata[0]}}, point %{{customdata[1]}}<br>"
                f"{unit} %{{customdata[2]:+.4f}}<extra></extra>"
            ),
        )
    return figure


def agreement_map(by_layer: dict[str, np.ndarray]) -> go.Figure:
    """Rank correlation of weights and attributions: a row per layer, a column per head."""
    heads = max(len(row) for row in by_layer.values())
    found = np.full((len(by_layer), heads), np.nan)
    for row, values in zip(found, by_layer.values(), strict=True):
        row[: len(values)] = values
    return coloured_table(
        found,
        found,
        rows=list(by_layer),
        columns=[str(head) for head in range(heads)],
        hover="%{y}, head %{x}<br>rank correlation %{z:.2f}",
        digits=2,
    ).update_layout(height=70 + 34 * len(by_layer), xaxis_title="head")


def coloured_table(
    shares: np.ndarray,
    numbers: np.ndarray,
    *,
    rows: list[str],
    columns: list[str],
    hover: str,
    digits: int,
) -> go.Figure:
    """Numbers [row column] in cells coloured by shares from -1, blue, to 1, orange.

    Cells and ink are the same on light and dark paper.
    """
    places = [(r, c) for r, c in np.ndindex(numbers.shape) if np.isfinite(numbers[r, c])]
    figure = go.Figure(
        go.Heatmap(
            z=[[round(s, 3) if np.isfinite(s) else None for s in row] for row in shares.tolist()],
            x=columns,
            y=rows,
            zmin=-1,
            zmax=1,
            colorscale=[list(stop) for stop in CELLS],
            showscale=False,
            xgap=3,
            ygap=3,
            customdata=numbers.tolist(),
            hoverongaps=False,
            hovertemplate=f"{hover}<extra></extra>",
        )
    )
    figure.add_scatter(
        x=[columns[c] for _, c in places],
        y=[rows[r] for r, _ in places],
        mode="text",
        text=[f"{numbers[place]:.{digits}f}" for place in places],
        hoverinfo="skip",
        textfont={"size": 12 if len(columns) <= MANY_COLUMNS else 10, "color": CELL_INK},
    )
    return figure.update_layout(
        chart_layout(
            xaxis={"showgrid": False, "type": "category"},
            yaxis={"autorange": "reversed", "showgrid": False, "type": "category"},
        )
    )


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
            x=share.tolist(),
            y=curve.tolist(),
            mode="lines+markers",
            name=f"{words}: {found.area(kind, order):.3f}",
            line={"color": ORDER_COLOURS[order], "width": 2.5, "dash": ORDER_DASH[order]},
            marker={"size": 4},
            customdata=found.counts.tolist(),
            hovertemplate=(
                f"{words}, %{{customdata}} of {found.points}<br>{unit} %{{y:.4f}}<extra></extra>"
            ),
        )
    gone = "deleted" if kind == "deletion" else "inserted"
    return figure.update_layout(
        chart_layout(
            height=300,
            showlegend=True,
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
            xaxis={"title": {"text": f"points {gone}"}, "ticksuffix": " %"},
            yaxis={"title": {"text": unit}, "rangemode": "tozero"},
        )
    )


def method_areas(study: Study) -> go.Figure:
    """Deletion areas: a row per method, a column per layer; orange is better than chance."""
    methods = list(dict.fromkeys((row.quantity, row.method) for row in study.rows))
    layers = list(dict.fromkeys(row.layer for row in study.rows))
    area = {(row.layer, row.quantity, row.method): row.deletion_area for row in study.rows}
    areas = np.array([[area[layer, *method] for layer in layers] for method in methods])
    chance = np.array([area[layer, "", "at random"] for layer in layers])
    better = chance - areas
    limit = float(np.abs(better).max()) or 1.0
    names = [f"{quantity}<br>{method}" if quantity else method for quantity, method in methods]
    return coloured_table(
        better / limit,
        areas,
        rows=names,
        columns=layers,
        digits=3,
        hover="%{y}<br>%{x}: area %{customdata:.4f}",
    ).update_layout(height=60 + 46 * len(methods), xaxis_side="top")


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
    figure = over_picture(picture, size_hw, opacity=0.5)
    figure.add_trace(
        go.Heatmap(
            z=np.round(values / limit, 4).tolist(),
            zmin=-1,
            zmax=1,
            showscale=False,
            colorscale=[list(stop) for stop in DIVERGING],
            opacity=0.85,
            x0=(width / columns - 1) / 2,
            dx=width / columns,
            y0=(height / rows - 1) / 2,
            dy=height / rows,
            hovertemplate=f"{unit} %{{z:.2f}} of the largest<extra></extra>",
        )
    )
    return figure
