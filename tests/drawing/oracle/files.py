"""Which nodes of SVG a list of marks becomes, in order; and what a list of amounts looks like."""

from __future__ import annotations

import base64
import io
from typing import Any
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from tests.drawing.oracle import signs
from tests.drawing.oracle.painter import HALO_EXTRA, TEXT_HALO, corners_of

Node = tuple[str, list[float], dict[str, Any]]  # its name, where it lies, how it looks
ANCHORS = {"left": "start", "center": "middle", "right": "end"}
PLACES = {
    "rect": ("x", "y", "width", "height"),
    "image": ("x", "y", "width", "height"),
    "circle": ("cx", "cy", "r"),
    "text": ("x", "y"),
}
NUMBERS = ("opacity", "fill-opacity", "stroke-width", "font-size", "font-weight")


def outline(mark: dict) -> tuple[str, list[float]]:
    if mark["kind"] == "rect":
        return "rect", [mark[name] for name in PLACES["rect"]]
    corners = mark.get("points") or corners_of(mark)
    if corners is None:
        return "circle", [mark["x"], mark["y"], mark["size"]]
    name = "polyline" if mark["kind"] == "line" else "polygon"
    return name, [float(number) for corner in corners for number in corner]


def expected(mark: dict) -> list[Node]:
    """The nodes of one mark: its halo, if it has one, and itself."""
    alpha = mark.get("alpha", 1)
    if mark["kind"] in ("image", "cells"):
        return [("image", [mark[name] for name in PLACES["image"]], {"opacity": alpha})]
    if mark["kind"] == "text":
        look = {
            "text": mark["text"], "fill": mark["fill"], "font-size": mark["size"],
            "font-weight": mark.get("weight", 500), "opacity": alpha,
            "text-anchor": ANCHORS[mark.get("align", "left")],
        }  # fmt: skip
        if "halo" in mark:
            look |= {"stroke": mark["halo"], "stroke-width": mark.get("haloWidth", TEXT_HALO)}
        return [("text", [mark["x"], mark["y"]], look)]
    name, place = outline(mark)
    width = mark.get("lineWidth") or 1
    dash = {"stroke-dasharray": [float(d) for d in mark["dash"]]} if mark.get("dash") else {}
    look = {
        "fill": mark.get("fill") or "none", "stroke": mark.get("stroke") or "none",
        "opacity": alpha, "fill-opacity": mark.get("fillAlpha", 1), **dash,
        **({"stroke-width": width} if mark.get("stroke") else {}),
    }  # fmt: skip
    nodes: list[Node] = [(name, place, look)]
    if mark.get("halo"):
        halo = {"fill": "none", "stroke": mark["halo"], "stroke-width": width + HALO_EXTRA}
        nodes.insert(0, (name, place, {**halo, "opacity": alpha, "fill-opacity": 1, **dash}))
    return nodes


def read(text: str) -> tuple[str, list[Node], list[ElementTree.Element]]:
    """Title, nodes in the order they are painted, and the elements that hold pictures."""
    title, *elements = ElementTree.fromstring(text)
    found, pictures = [], []
    for element in elements:
        name, given = element.tag.rpartition("}")[2], element.attrib
        if "points" in given:
            place = [float(n) for n in given["points"].replace(",", " ").split()]
        else:
            place = [float(given[each]) for each in PLACES[name]]
        look: dict[str, Any] = {
            each: float(given.get(each, 1))
            for each in NUMBERS
            if each in given or "opacity" in each and name != "image"
        }
        look |= {e: given[e] for e in ("fill", "stroke", "text-anchor") if e in given}
        if "stroke-dasharray" in given:
            look["stroke-dasharray"] = [float(n) for n in given["stroke-dasharray"].split()]
        if name == "text":
            look["text"] = element.text
            look.pop("fill-opacity")
        if name == "image":
            look["opacity"] = float(given.get("opacity", 1))
            pictures.append(element)
        found.append((name, place, look))
    return title.text or "", found, pictures


def picture_in(address: str) -> np.ndarray:
    """A data: address as an array [row column rgb]."""
    data = base64.b64decode(address.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def amounts(mark: dict) -> np.ndarray:
    """The colours of a mark of cells [row column rgb]."""
    low, high = mark["low"], mark["high"]
    shares = [(value - low) / ((high - low) or 1) for value in mark["values"]]
    colours = [signs.channels(signs.amount_fill(share)) for share in shares]
    return np.array(colours).reshape(mark["rows"], mark["columns"], 3)
