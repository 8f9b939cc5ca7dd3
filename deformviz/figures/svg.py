"""Marks as SVG text: what the browser's painter does with each, in one writer for Python.

The fields of a mark are those that the built scripts of `deformviz.bundles` hand out.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

HALO_EXTRA = 2  # how much wider a halo is than the line above it
ANCHORS = {"left": "start", "center": "middle", "right": "end"}
CORNERS = {"square": 4, "diamond": 4, "triangle-up": 3, "pentagon": 5}


def svg_document(figure: Mapping[str, Any], picture_jpeg: bytes = b"") -> str:
    """The marks of a figure as one SVG document.

    Args:
        figure: {marks, width, height, title}.
        picture_jpeg: what stands for the mark of the photo; without one it is left out.
    """
    nodes = [node for mark in figure["marks"] for node in _nodes(mark, picture_jpeg)]
    width, height = _short(figure["width"]), _short(figure["height"])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img"><title>{escape(figure["title"])}</title>'
        + "".join(nodes)
        + "</svg>"
    )


def _nodes(mark: Mapping[str, Any], picture_jpeg: bytes) -> Iterable[str]:
    kind = mark["kind"]
    if kind == "text":
        yield _text(mark)
        return
    if kind in ("image", "cells"):
        address = _cells_png(mark) if kind == "cells" else _jpeg(picture_jpeg)
        if address:
            yield _node(
                "image",
                x=mark["x"],
                y=mark["y"],
                width=mark["width"],
                height=mark["height"],
                opacity=mark.get("alpha"),
                preserveAspectRatio="none",
                href=address,
                style=None if mark.get("smooth") else "image-rendering:pixelated",
            )
        return
    name, geometry = _outline(mark)
    line = mark.get("lineWidth") or 1
    dash = " ".join(_short(part) for part in mark.get("dash") or ()) or None
    if mark.get("halo"):
        yield _node(
            name,
            **geometry,
            fill="none",
            stroke=mark["halo"],
            **{"stroke-width": line + HALO_EXTRA, "stroke-dasharray": dash},
            opacity=mark.get("alpha"),
        )
    yield _node(
        name,
        **geometry,
        fill=mark.get("fill") or "none",
        stroke=mark.get("stroke") or "none",
        opacity=mark.get("alpha"),
        **{
            "fill-opacity": mark.get("fillAlpha"),
            "stroke-width": line if mark.get("stroke") else None,
            "stroke-dasharray": dash,
            "stroke-linejoin": "round",
        },
    )


def _outline(mark: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and geometry of the node that has a mark's outline."""
    if mark["kind"] == "rect":
        return "rect", {name: mark[name] for name in ("x", "y", "width", "height")}
    corners = mark.get("points") or _corners(mark["shape"], mark["x"], mark["y"], mark["size"])
    if not corners:
        return "circle", {"cx": mark["x"], "cy": mark["y"], "r": mark["size"]}
    points = " ".join(f"{_short(x)},{_short(y)}" for x, y in corners)
    return "polyline" if mark["kind"] == "line" else "polygon", {"points": points}


def _corners(shape: str, x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """Corners of a marker whose area is that of a disc of `radius`; none for a disc."""
    count = CORNERS.get(shape)
    if count is None:
        return []
    area_of_unit = count / 2 * math.sin(2 * math.pi / count)
    reach = radius * math.sqrt(math.pi / area_of_unit)
    first = -math.pi / 2 + (math.pi / 4 if shape == "square" else 0)
    angles = [first + 2 * math.pi * index / count for index in range(count)]
    return [(x + reach * math.cos(angle), y + reach * math.sin(angle)) for angle in angles]


def _text(mark: Mapping[str, Any]) -> str:
    halo = mark.get("halo")
    return _node(
        "text",
        escape(str(mark["text"])),
        x=mark["x"],
        y=mark["y"],
        fill=mark.get("fill"),
        opacity=mark.get("alpha"),
        stroke=halo,
        **{
            "text-anchor": ANCHORS[mark.get("align") or "left"],
            "font-family": mark.get("font"),
            "font-size": mark["size"],
            "font-weight": mark.get("weight") or 500,
            "stroke-width": (mark.get("haloWidth") or 3) if halo else None,
            "stroke-linejoin": "round" if halo else None,
            "paint-order": "stroke" if halo else None,
        },
    )


def _cells_png(mark: Mapping[str, Any]) -> str:
    """Values row by row through their colour table, as an address of data."""
    from PIL import Image

    colours = np.asarray(mark["colours"], np.float64).reshape(-1, 3)
    values = np.asarray(mark["values"], np.float64).reshape(mark["rows"], mark["columns"])
    span = (mark["high"] - mark["low"]) or 1.0
    share = np.clip((values - mark["low"]) / span, 0, 1)
    pixels = colours[np.rint(share * (len(colours) - 1)).astype(int)].astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _jpeg(picture_jpeg: bytes) -> str:
    encoded = base64.b64encode(picture_jpeg).decode()
    return f"data:image/jpeg;base64,{encoded}" if encoded else ""


def _short(number: float) -> str:
    return f"{round(float(number), 2):g}"


def _node(name: str, content: str = "", /, **attributes: Any) -> str:
    said = "".join(
        f" {key}={quoteattr(value if isinstance(value, str) else _short(value))}"
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{said}>{content}</{name}>" if content else f"<{name}{said}/>"
