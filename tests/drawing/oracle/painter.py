"""Which calls of a 2-D context paint a list of marks, as `recorder.js` writes them down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

HALO_EXTRA, TEXT_HALO = 2.0, 3.0


def number(value: float) -> str:
    """A number as the recorder writes it, to a hundredth."""
    rounded = math.floor(float(value) * 100 + 0.5) / 100 + 0.0
    return str(int(rounded)) if rounded == int(rounded) else repr(rounded)


def line(name: str, *values: Any) -> str:
    return " ".join([name, *(v if isinstance(v, str) else number(v) for v in values)])


def painted(marks: Sequence[dict], size: tuple[float, float], ratio: float = 1) -> list[str]:
    """All calls and set properties from the clearing of a canvas on."""
    width, height = size
    device = round(width * ratio), round(height * ratio)
    calls = [
        line("clearRect", 0, 0, *device),
        line("setTransform", device[0] / width, 0, 0, device[1] / height, 0, 0),
    ]
    for mark in marks:
        calls.append(line("globalAlpha =", mark.get("alpha", 1)))
        if mark["kind"] in ("image", "cells"):
            calls += enlarged(mark)
        elif mark["kind"] == "text":
            calls += written(mark)
        else:
            calls += outlined(mark)
    return [*calls, "globalAlpha = 1", "setLineDash []"]


def enlarged(mark: dict) -> list[str]:
    source = "image" if mark["kind"] == "image" else f"canvas:{mark['columns']}x{mark['rows']}"
    return [
        f"imageSmoothingEnabled = {str(mark['smooth']).lower()}",
        "imageSmoothingQuality = high",
        line(f"drawImage {source}", mark["x"], mark["y"], mark["width"], mark["height"]),
    ]


def written(mark: dict) -> list[str]:
    calls = [
        f"font = {mark.get('weight', 500)} {mark['size']!r}px {mark['font']}",
        f"textAlign = {mark.get('align', 'left')}",
        "textBaseline = alphabetic",
    ]
    place = f"{mark['text']} {number(mark['x'])} {number(mark['y'])}"
    if "halo" in mark:
        calls += ["lineJoin = round", f"strokeStyle = {mark['halo']}"]
        calls += [line("lineWidth =", mark.get("haloWidth", TEXT_HALO)), f"strokeText {place}"]
    return [*calls, f"fillStyle = {mark['fill']}", f"fillText {place}"]


def outlined(mark: dict) -> list[str]:
    calls = ["beginPath", *traced(mark)]
    dash = " ".join(number(each) for each in mark.get("dash", []))
    calls += [f"setLineDash [{dash}]", "lineJoin = round"]
    alpha, width = mark.get("alpha", 1), mark.get("lineWidth", 1)
    if mark.get("halo"):
        calls += stroked(mark["halo"], width + HALO_EXTRA)
    if mark.get("fill"):
        calls.append(line("globalAlpha =", alpha * mark.get("fillAlpha", 1)))
        calls += [f"fillStyle = {mark['fill']}", "fill", line("globalAlpha =", alpha)]
    if mark.get("stroke"):
        calls += stroked(mark["stroke"], width)
    return calls


def stroked(colour: str, width: float) -> list[str]:
    return [f"strokeStyle = {colour}", line("lineWidth =", width), "stroke"]


def traced(mark: dict) -> list[str]:
    if mark["kind"] == "rect":
        return [line("rect", mark["x"], mark["y"], mark["width"], mark["height"])]
    corners = mark.get("points") or corners_of(mark)
    if corners is None:
        return [line("arc", mark["x"], mark["y"], mark["size"], 0, 2 * math.pi)]
    first, *rest = corners
    calls = [line("moveTo", *first), *(line("lineTo", *corner) for corner in rest)]
    return calls if mark["kind"] == "line" else [*calls, "closePath"]


# Corners of each shape and the direction of its first one, in turns; y grows downwards.
SHAPES = {
    "square": (4, 1 / 8),
    "diamond": (4, 0.0),
    "triangle-up": (3, -1 / 4),
    "pentagon": (5, -1 / 4),
}


def corners_of(mark: dict) -> list[list[float]] | None:
    """A regular polygon with the area of a disc of radius `size`; None for the disc itself."""
    if mark["shape"] not in SHAPES:
        return None
    count, first = SHAPES[mark["shape"]]
    area = math.pi * mark["size"] ** 2
    reach = math.sqrt(2 * area / (count * math.sin(2 * math.pi / count)))
    turns = (first + corner / count for corner in range(count))
    return [
        [
            mark["x"] + reach * math.cos(2 * math.pi * turn),
            mark["y"] + reach * math.sin(2 * math.pi * turn),
        ]
        for turn in turns
    ]
