"""What a picture of sampling points must consist of, from the float32 trace."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from deformviz.geometry import to_pixel_index
from tests.drawing.oracle import signs
from tests.drawing.oracle.amounts import mass_marks, reader_marks
from tests.drawing.oracle.stage import Window
from tests.drawing.oracle.subject import Subject

NUMBERED, INSET, ARM = 7.0, 15.0, 9.0
NAMED, ROOM_XY = 12, (60.0, 13.0)
STRIPE = 14.0
LETTER = 0.58  # of its size: how wide a letter is taken to be
BOX_ROUNDED_PX = 0.005  # of the original picture, in a packed header


class Sampling:
    """The marks of one view, layer by layer."""

    def __init__(self, subject: Subject, view: dict[str, Any], focus: dict | None = None):
        levels = len(subject.shapes)
        usual = {
            "heads": range(subject.weights.shape[1]),
            "levels": range(levels),
            "level": min(1, levels - 1),
            "colour": "head",
            "top": 0,
            "dim": 0.35,
            "lines": True,
        }
        self.subject, self.view, self.focus = subject, {**usual, **view}, focus
        self.query = view["query"]
        self.window = subject.window(view)
        self.scale = signs.scale_of(self.window.width, self.window.height)
        self.step_px = float((subject.location_step * self.window.px_per_unit).max())

    def layers(self) -> dict[str, dict[str, list[dict]]]:
        """Everything, by surface and layer, from the bottom up."""
        reverse = self.view.get("reverse")
        marks = {
            "queries": self.queries,
            "reference box": self.reference_box,
            "focus cells": self.focus_cells,
            "connectors": self.connectors,
            "samples": self.samples,
            "reference": self.reference,
            "focus": self.focus_ring,
            "name": self.name,
        }
        return {
            "photo": {"photo": self.photo()},
            "field": {"mass": mass_marks(self), "readers": reader_marks(self)},
            "marks": {} if reverse else {name: draw() for name, draw in marks.items()},
        }

    # -- the picture -----------------------------------------------------------------------------

    def photo(self) -> list[dict]:
        window = self.window
        extent = Window(window.frame, 1, 1).extent_xy  # of the picture, padding or not
        area = window.box([0, 0, *extent])
        whole = {"x": 0, "y": 0, "width": window.width, "height": window.height}
        marks = [{"kind": "rect", **whole, "fill": signs.GROUND}]
        if window.padding and (extent < 1).any():
            across = np.arange(-window.height, window.width, STRIPE)
            marks += [
                {
                    "kind": "line",
                    "points": [[x, window.height], [x + window.height, 0]],
                    "stroke": "#3b4252",
                    "lineWidth": 3,
                }
                for x in across
            ]
        if self.view["dim"]:
            marks.append({"kind": "rect", **area, "fill": signs.BLACK, "alpha": self.view["dim"]})
        return marks

    # -- one query -------------------------------------------------------------------------------

    def cell(self, query: int) -> dict[str, Any]:
        level, row, column = self.subject.cells[query]
        return self.cell_rect(level, row, column) | {
            "of": {"query": query, "level": level, "row": row, "column": column}
        }

    def cell_rect(self, level: int, row: int, column: int) -> dict[str, Any]:
        height, width = self.subject.shapes[level]
        corners = [column / width, row / height, (column + 1) / width, (row + 1) / height]
        return {"kind": "rect", **self.window.box(corners)}

    def queries(self) -> list[dict]:
        shown = {"stroke": signs.WHITE, "lineWidth": 1.5, "halo": signs.BLACK}
        if self.subject.is_encoder:
            return [{**self.cell(self.query), **shown, "fill": signs.WHITE, "fillAlpha": 0.18}]
        others = [each for each in self.choices() if each != self.query]
        sure = self.sure()
        marks, taken = [], [(one["x"], one["y"]) for one in self.name()]
        for query in others:
            if query not in sure:
                marks.append(self.dot(query))
                continue
            marks.append(self.box(query, chosen=False))
            name = self.named(query, chosen=False)
            free = all(
                abs(name["x"] - x) >= ROOM_XY[0] or abs(name["y"] - y) >= ROOM_XY[1]
                for x, y in taken
            )
            if sure.index(query) < NAMED and free:
                marks.append(name)
                taken.append((name["x"], name["y"]))
        if self.query in self.subject.found:
            marks.append(self.box(self.query, chosen=True))
        return marks

    def sure(self) -> list[int]:
        """Queries whose detection is sure enough to be shown, the surest first."""
        found, least = self.subject.found, self.subject.shown_score
        return sorted(
            (query for query in found if found[query]["score"] >= least),
            key=lambda query: (-found[query]["score"], query),
        )

    def choices(self) -> list[int]:
        """Queries one can point at: the sure ones, or all."""
        if not self.view.get("all") and self.sure():
            return self.sure()
        found, count = self.subject.found, len(self.subject.weights)
        score = {q: found[q]["score"] if q in found else -1.0 for q in range(count)}
        return sorted(score, key=lambda query: (-score[query], query))

    def dot(self, query: int) -> dict:
        x, y = self.window.place(self.subject.references[query, 0, :2])
        return {
            "kind": "marker", "shape": "circle", "x": x, "y": y, "size": 4,
            "fill": signs.WHITE, "alpha": 0.85, "stroke": signs.BLACK, "lineWidth": 1,
            "of": {"query": query, "part": "reference"},
        }  # fmt: skip

    def box_rect(self, query: int) -> dict[str, Any]:
        height, width = self.window.frame.original_hw
        rounded = BOX_ROUNDED_PX * self.window.zoom
        rounded *= max(self.window.width / width, self.window.height / height)
        rect = self.window.original_box(self.subject.found[query]["box"])
        return {"kind": "rect", **rect, "tolerance_px": 2 * rounded}

    def box(self, query: int, chosen: bool) -> dict:
        return {
            **self.box_rect(query), "of": {"query": query, "part": "box"},
            "stroke": signs.WHITE, "lineWidth": 2.5 if chosen else 1,
            "alpha": 1 if chosen else 0.6, "halo": "#000000aa",
        }  # fmt: skip

    def named(self, query: int, chosen: bool) -> dict:
        box, found = self.box_rect(query), self.subject.found[query]
        text, start = f"{found['name']} {found['score']:.2f}", box["x"] + 4
        if box["x"] < self.window.width:  # in sight: all of its letters, too
            ends = LETTER * (14 if chosen else 11) * len(text)
            start = min(start, self.window.width - 4 - ends)
        return {
            "kind": "text", "of": {"query": query, "part": "name"},
            "text": text,
            "x": max(4, start),
            "y": max(0, box["y"]) + 15 if box["y"] < 18 else box["y"] - 5,
            "size": 14 if chosen else 11, "weight": 700 if chosen else 500,
            "fill": signs.WHITE, "halo": "#000000dd", "alpha": 1 if chosen else 0.75,
            "tolerance_px": box["tolerance_px"],
        }  # fmt: skip

    def name(self) -> list[dict]:
        return [self.named(self.query, chosen=True)] if self.query in self.subject.found else []

    def reference_box(self) -> list[dict]:
        reference = self.subject.references[self.query, 0]
        if len(reference) == 2:
            return []
        (x, y, width, height) = reference
        corners = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        return [
            {
                "kind": "rect", **self.window.box(corners),
                "of": {"query": self.query, "part": "reference"}, "stroke": signs.WHITE,
                "lineWidth": 1.5, "dash": [6, 4], "halo": "#000000bb",
            }
        ]  # fmt: skip

    def reference(self) -> list[dict]:
        x, y = self.window.place(self.subject.references[self.query, 0, :2])
        across, down = signs.cross(x, y, ARM)
        line = {"kind": "line", "stroke": signs.WHITE, "lineWidth": 2, "of": {"query": self.query}}
        halo = {"halo": signs.BLACK}
        return [
            {**line, **halo, "points": across},
            {**line, **halo, "points": down},
            {**line, "points": across},
        ]

    # -- its samples -----------------------------------------------------------------------------

    def shown(self) -> list[tuple[int, int, int]]:
        """Head, level and point of what is shown, heaviest first."""
        weights = self.subject.weights[self.query]
        every = [
            (head, level, point)
            for head in self.view["heads"]
            for level in self.view["levels"]
            for point in range(weights.shape[2])
        ]
        every.sort(key=lambda at: -weights[at])
        return every[: self.view["top"] or None]

    def where(self, at) -> tuple[np.ndarray, np.ndarray, bool]:
        """A sample's true place on the stage, where its mark waits, and whether that differs."""
        _, level, _ = at
        true = self.window.place(self.subject.locations[self.query][at])
        if self.window.holds(true):
            return true, true, False
        return true, self.at_edge(self.start(level), true), True

    def start(self, level: int) -> np.ndarray:
        return self.window.place(self.subject.references[self.query, level, :2])

    def at_edge(self, start, true) -> np.ndarray:
        """The last place on the way out that keeps clear of the edge, found by halving."""
        inset = INSET * self.scale
        low = np.array([inset, inset])
        high = np.array([self.window.width, self.window.height]) - inset
        start = np.clip(start, low, high)
        good, bad = 0.0, 1.0
        for _ in range(60):
            middle = (good + bad) / 2
            place = start + middle * (true - start)
            inside = (place >= low - 1e-9).all() and (place <= high + 1e-9).all()
            good, bad = (middle, bad) if inside else (good, middle)
        return start + good * (true - start)

    def fill(self, at) -> tuple[str, int]:
        """A sample's colour, and how far quantisation may move its channels."""
        head, level, _ = at
        if self.view["colour"] == "level":
            return signs.level_fill(level, len(self.subject.shapes)), 0
        if self.view["colour"] == "outside":
            extent = Window(self.window.frame, 1, 1).extent_xy
            return signs.place_fill(*self.subject.locations[self.query][at], extent), 0
        if self.view["colour"] == "weight":
            weights = self.subject.weights[self.query]
            return signs.amount_fill(weights[at] / weights[self.shown()[0]]), 3
        return signs.head_fill(head), 0

    def named_sample(self, at) -> dict[str, Any]:
        head, level, point = at
        return {"query": self.query, "head": head, "level": level, "point": point}

    def radius(self, at) -> tuple[float, float]:
        """Radius, and how far quantisation may change it."""
        weight, step = self.subject.weights[self.query][at], self.subject.weight_step
        size = self.window.width, self.window.height
        radii = [signs.radius_of(max(0.0, weight + by), *size) for by in (-step, 0, step)]
        return radii[1], max(radii[2] - radii[1], radii[1] - radii[0])

    def edge_tolerance(self, at, beyond: bool) -> float:
        """Beyond the stage a small change of the way out moves the mark along the edge."""
        return self.step_px * (3 if beyond else 1)

    def connectors(self) -> list[dict]:
        marks = []
        for at in self.shown() if self.view["lines"] else []:
            _, place, beyond = self.where(at)
            fill, channel = self.fill(at)
            marks.append(
                {
                    "kind": "line", "of": self.named_sample(at), "stroke": fill, "lineWidth": 1.1,
                    "alpha": 0.7, "points": [self.start(at[1]), place],
                    "tolerance_px": self.edge_tolerance(at, beyond), "tolerance_channel": channel,
                    **self.ranked(at), **({"dash": [5, 4]} if beyond else {}),
                }
            )  # fmt: skip
        return marks

    def ranked(self, at) -> dict[str, float]:
        return {
            "rank": self.subject.weights[self.query][at],
            "tolerance_rank": 2 * self.subject.weight_step,
        }

    def samples(self) -> list[dict]:
        return [mark for at in self.shown() for mark in self.sample(at)]

    def sample(self, at) -> list[dict]:
        head, level, _ = at
        (fill, channel), (radius, change) = self.fill(at), self.radius(at)
        true, (x, y), beyond = self.where(at)
        common = {
            "of": self.named_sample(at), "fill": fill, "tolerance_channel": channel,
            "tolerance_px": self.edge_tolerance(at, beyond) + change, **self.ranked(at),
        }  # fmt: skip
        marker = {
            **common, "kind": "marker", "shape": signs.shape_of(level), "x": x, "y": y,
            "lineWidth": 1,
        }  # fmt: skip
        if beyond:
            return [
                {
                    **marker, "size": min(radius, self.scale * (INSET - 4)), "fillAlpha": 0.45,
                    "dash": [2, 2], "stroke": signs.WHITE,
                },
                {**common, **self.arrow(level, true, np.array([x, y]))},
            ]  # fmt: skip
        point = {**marker, "size": radius, "stroke": signs.EDGE, "halo": signs.HALO}
        if radius < NUMBERED:
            return [point]
        letters = min(14.0, 1.15 * radius)
        number = {
            **common, "kind": "text", "text": str(head), "x": x, "y": y + 0.36 * letters,
            "size": letters, "weight": 700, "align": "center", "fill": signs.ink_on(fill),
            "tolerance_px": common["tolerance_px"] + 1.5 * change,
        }  # fmt: skip
        return [point, number]

    def arrow(self, level: int, true, place) -> dict:
        """A triangle in front of the mark that points to the true place."""
        inset = INSET * self.scale
        size = np.array([self.window.width, self.window.height])
        start = np.clip(self.start(level), inset, size - inset)
        ahead = (true - start) / np.linalg.norm(true - start)
        aside = np.array([-ahead[1], ahead[0]])
        corners = [
            place + self.scale * (along * ahead + across * aside)
            for along, across in ((6, 4.5), (13.5, 0), (6, -4.5))
        ]
        return {"kind": "polygon", "points": corners, "stroke": signs.EDGE, "lineWidth": 1}

    # -- one sample in focus ---------------------------------------------------------------------

    def focused(self) -> tuple[int, int, int] | None:
        if self.focus is None:
            return None
        at = self.focus["head"], self.focus["level"], self.focus["point"]
        return at if at in self.shown() else None

    def focus_cells(self) -> list[dict]:
        at = self.focused()
        if at is None:
            return []
        height, width = self.subject.shapes[at[1]]
        x, y = to_pixel_index(self.subject.locations[self.query][at], (height, width))
        step = float((self.subject.location_step * [width, height]).sum())
        marks = []
        for row in (math.floor(y), math.floor(y) + 1):
            for column in (math.floor(x), math.floor(x) + 1):
                if not (0 <= row < height and 0 <= column < width):
                    continue
                share = (1 - abs(x - column)) * (1 - abs(y - row))
                marks.append(
                    {
                        **self.cell_rect(at[1], row, column),
                        "of": {**self.named_sample(at), "row": row, "column": column},
                        "stroke": signs.WHITE, "lineWidth": 1, "fill": signs.WHITE,
                        "fillAlpha": 0.5 * share, "halo": "#00000088",
                        "tolerance_share": 0.5 * step,
                    }
                )  # fmt: skip
        return marks

    def focus_ring(self) -> list[dict]:
        at = self.focused()
        if at is None:
            return []
        _, (x, y), beyond = self.where(at)
        radius, change = self.radius(at)
        return [
            {
                "kind": "marker", "shape": "circle", "of": self.named_sample(at), "x": x, "y": y,
                "size": radius + 5, "stroke": signs.WHITE, "lineWidth": 2, "halo": signs.BLACK,
                "tolerance_px": self.edge_tolerance(at, beyond) + change,
            }
        ]  # fmt: skip
