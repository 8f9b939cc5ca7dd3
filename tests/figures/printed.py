"""A figure as it was printed, read back: which marks its SVG has, and where in the picture."""

import re
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np

SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
PAIR = re.compile(r"(-?[\d.]+(?:e-?\d+)?) (-?[\d.]+(?:e-?\d+)?)")


def corners(path):
    """All points of a path [point xy]."""
    return np.array([[float(x), float(y)] for x, y in PAIR.findall(path)])


@dataclass(frozen=True)
class Marks:
    """Centres [mark xy] in the units of the panel's axes, and extents [mark wh] in points."""

    centres: np.ndarray
    extents: np.ndarray
    fills: list[str]


class PrintedFigure:
    """The SVG of a figure, part by part."""

    def __init__(self, svg):
        self.root = ElementTree.fromstring(svg)
        self.shapes = {  # drawn once, used by many marks
            node.get("id"): corners(node.get("d"))
            for defs in self.root.iter(f"{SVG}defs")
            for node in defs.iter(f"{SVG}path")
        }
        self.parts = {node.get("id"): node for node in self.root.iter() if node.get("id")}

    @property
    def letters(self):
        """Everything that is written as letters."""
        return ["".join(node.itertext()).strip() for node in self.root.iter(f"{SVG}text")]

    def frame(self, panel):
        """Left, top, right and bottom of a panel, in points."""
        (path,) = self.parts[f"frame-{panel}"].iter(f"{SVG}path")
        points = corners(path.get("d"))
        return *points.min(0), *points.max(0)

    def in_axes(self, panel, points, window):
        """Points of the paper in the panel's axes; `window` is what it shows from its upper left
        corner to its lower right one [x0, y0, x1, y1]."""
        left, top, right, bottom = self.frame(panel)
        x0, y0, x1, y1 = window
        share = (points - [left, top]) / [right - left, bottom - top]
        return np.array([x0, y0]) + share * [x1 - x0, y1 - y0]

    def marks(self, name, panel, window):
        """The marks of a part, in their order."""
        part = self.parts[name]
        found, fills = [], []
        inside = {id(node) for defs in part.iter(f"{SVG}defs") for node in defs.iter()}
        for node in part.iter():
            if id(node) in inside or node.tag not in (f"{SVG}path", f"{SVG}use"):
                continue
            if node.tag == f"{SVG}use":
                place = [float(node.get("x")), float(node.get("y"))]
                found.append(self.shapes[node.get(LINK).lstrip("#")] + place)
            else:
                found.append(corners(node.get("d")))
            style = dict(re.findall(r"([\w-]+): ([^;]+)", node.get("style") or ""))
            fills.append(style.get("fill", ""))
        low = np.array([points.min(0) for points in found])
        high = np.array([points.max(0) for points in found])
        return Marks(self.in_axes(panel, (low + high) / 2, window), high - low, fills)

    def lines(self, name, panel, window):
        """The corners of every line of a part, in the panel's axes."""
        return [
            self.in_axes(panel, corners(node.get("d")), window)
            for node in self.parts[name].iter(f"{SVG}path")
        ]
