"""What a picture of a deformed grid must consist of, from the float32 trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from deformviz.geometry import normalised_to_grid
from tests.drawing.oracle import signs
from tests.drawing.oracle.grid_subject import GridSubject
from tests.drawing.oracle.stage import Window

GAP, INSET, NARROW = 6.0, 7.0, 560.0
ARM, TIP, WING, LEAST_ARROW, DOT = 7.0, 5.0, 2.6, 5.0, 1.4
SURFACE = 72  # cells of the bias surface, each way


class Grid:
    """The marks of one view, layer by layer."""

    def __init__(self, subject: GridSubject, view: dict[str, Any], focus: dict | None = None):
        usual = {
            "slide": 1.0, "importance": False, "arrows": True, "mesh": True, "lines": True,
            "top": 6, "dim": 0.45, "padding": False, "split": False,
        }  # fmt: skip
        self.subject, self.view, self.focus = subject, {**usual, **view}, focus
        self.query = view["query"]
        self.heads = view["heads"]
        self.groups = list(dict.fromkeys(subject.group_of(head) for head in self.heads))
        self.start, self.end = subject.places("reference_grid"), subject.places("positions")
        self.panels = self.lay_out()

    # -- the stage -------------------------------------------------------------------------------

    def lay_out(self) -> list[tuple[Window, float, str]]:
        """Each picture's window, how far its knots have gone, and its name."""
        padding, width = self.view["padding"], self.subject.width
        extent = Window(self.subject.frame, 1, 1, padding).extent_xy
        high, wide = self.subject.frame.padded_hw
        aspect = extent[0] * wide / (extent[1] * high)
        slide = self.view["slide"]
        if not self.view["split"]:
            self.size = (width, width / aspect)
            return [(Window(self.subject.frame, *self.size, padding), slide, "")]
        if width < NARROW:
            self.size = (width, 2 * width / aspect)
            each, moves = (width, (self.size[1] - GAP) / 2), (0.0, 1.0)
        else:
            self.size = (width, width / aspect / 2)
            each, moves = ((width - GAP) / 2, self.size[1]), (1.0, 0.0)
        return [
            (
                Window(
                    self.subject.frame, *each, padding,
                    left=number * moves[0] * (each[0] + GAP),
                    top=number * moves[1] * (each[1] + GAP),
                ),
                share,
                name,
            )
            for number, (share, name) in enumerate(
                [(0.0, "regular grid"), (slide, "deformed grid")]
            )
        ]  # fmt: skip

    def everywhere(self, draw) -> list[dict]:
        """`draw(window, share)` on every panel, each mark with its panel's number."""
        return [
            {**mark, "panel": number}
            for number, (window, share, _) in enumerate(self.panels)
            for mark in draw(window, share)
        ]

    def knot(self, window: Window, share: float, group: int, knot: int) -> tuple[np.ndarray, bool]:
        """Where a knot is drawn; one beyond its picture waits at the edge."""
        start, end = self.start[group, knot], self.end[group, knot]
        true = window.place(start + share * (end - start))
        low = np.array([window.left, window.top])
        held = np.clip(true, low, low + [window.width, window.height])
        return held, bool((held != true).any())

    def asked(self, window: Window) -> np.ndarray:
        """Where the query's displacements start."""
        if self.subject.record.query_grid is not None:
            return window.place(self.subject.places("query_grid")[self.query])
        height, width = self.subject.record.query_hw
        row, column = divmod(self.query, width)
        return window.place([(column + 0.5) / width, (row + 0.5) / height])

    def layers(self) -> dict[str, dict[str, list[dict]]]:
        return {
            "photo": {"photo": self.photo()},
            "field": {"surface": self.surface(), "object": self.outline()},
            "marks": {
                "cell": self.cell(),
                "mesh": self.mesh(),
                "arrows": self.arrows(),
                "key lines": self.key_lines(),
                "knots": self.knots(),
                "start": self.cross(),
                "focus": self.focus_marks(),
                "names": self.names(),
            },
        }

    # -- below -----------------------------------------------------------------------------------

    def photo(self) -> list[dict]:
        width, height = self.size
        ground = {"kind": "rect", "x": 0, "y": 0, "width": width, "height": height}
        extent = Window(self.subject.frame, 1, 1).extent_xy
        dim = {"fill": signs.BLACK, "alpha": self.view["dim"], "kind": "rect"}
        shown = self.everywhere(lambda window, _: [{**window.box([0, 0, *extent]), **dim}])
        return [{**ground, "fill": signs.GROUND}, *(shown if self.view["dim"] else [])]

    def surface(self) -> list[dict]:
        """The bias a knot would get anywhere, read as grid_sample reads the table."""
        subject = self.subject
        if not self.view.get("surface") or subject.surface is None:
            return []
        at = (np.arange(SURFACE) + 0.5) / SURFACE
        places = np.stack(np.meshgrid(at, at), -1).reshape(-1, 2)
        record = subject.record
        asked = np.asarray(record.query_grid, np.float64)[self.query]
        knots = normalised_to_grid(places, record.query_hw, align_corners=record.align_corners)
        lookup = torch.as_tensor((asked - knots)[:, ::-1].copy() / 2)[None, None]
        table = subject.surface[self.heads].double().mean(0)[None, None]
        values = F.grid_sample(table, lookup, padding_mode="zeros", align_corners=True)
        values = values.reshape(-1).numpy()
        cells = {
            "kind": "cells", "rows": SURFACE, "columns": SURFACE, "values": values,
            "low": values.min(), "high": values.max(), "smooth": True, "alpha": 0.78,
            "tolerance_values": 2e-5, "of": {"query": self.query},
        }  # fmt: skip
        return self.everywhere(lambda window, _: [{**window.box([0, 0, 1, 1]), **cells}])

    def outline(self) -> list[dict]:
        mask = self.subject.mask
        if not self.view.get("object") or mask is None:
            return []
        height, width = mask.shape
        around = np.pad(mask, 1).astype(int)
        style = {"kind": "line", "stroke": signs.WHITE, "lineWidth": 1.2, "halo": signs.BLACK}
        edges = []
        for row in range(height + 1):
            for column in range(width + 1):
                here = around[row + 1, column + 1]
                if here != around[row, column + 1]:
                    edges.append([[column, row], [column + 1, row]])
                if here != around[row + 1, column]:
                    edges.append([[column, row], [column, row + 1]])
        shares = np.array(edges) / [width, height]
        return self.everywhere(
            lambda window, _: [{**style, "points": window.place(edge)} for edge in shares]
        )

    # -- the grid --------------------------------------------------------------------------------

    def group_fill(self, group: int) -> str:
        if len(self.groups) == 1:
            return signs.WHITE
        return signs.head_fill(next(h for h in self.heads if self.subject.group_of(h) == group))

    def mesh(self) -> list[dict]:
        if not self.view["mesh"]:
            return []
        lattice = np.arange(self.start.shape[1]).reshape(self.subject.record.grid_hw)
        lines = [({"row": row}, knots) for row, knots in enumerate(lattice)]
        lines += [({"column": column}, knots) for column, knots in enumerate(lattice.T)]
        style = {"kind": "line", "lineWidth": 1.6, "alpha": 0.9, "halo": "#00000088"}
        return self.everywhere(
            lambda window, share: [
                {
                    **style, "stroke": self.group_fill(group), "of": {"group": group, **of},
                    "points": [self.knot(window, share, group, knot)[0] for knot in knots],
                }
                for group in self.groups
                for of, knots in lines
            ]
        )  # fmt: skip

    def arrows(self) -> list[dict]:
        if not self.view["arrows"]:
            return []
        return self.everywhere(
            lambda window, share: [
                mark
                for group in self.groups
                for knot in range(self.start.shape[1])
                for mark in self.arrow(window, share, group, knot)
                if share > 0
            ]
        )

    def arrow(self, window: Window, share: float, group: int, knot: int) -> list[dict]:
        stroke, of = self.group_fill(group), {"group": group, "knot": knot}
        start = window.place(self.start[group, knot])
        end, _ = self.knot(window, share, group, knot)
        dot = {
            "kind": "marker", "shape": "circle", "x": start[0], "y": start[1], "size": DOT,
            "fill": stroke, "alpha": 0.7, "of": of,
        }  # fmt: skip
        length = float(np.hypot(*(end - start)))
        if length < LEAST_ARROW:
            return [dot]
        along = (end - start) / length
        aside = np.array([along[1], -along[0]])
        line = {"kind": "line", "stroke": stroke, "lineWidth": 1, "alpha": 0.6}
        wings = [end - TIP * along + side * WING * -aside for side in (1, -1)]
        return [
            dot,
            {**line, "points": [start, end], "dash": [3, 2], "of": {**of, "part": "shaft"}},
            {**line, "points": [wings[0], end, wings[1]], "of": {**of, "part": "tip"}},
        ]

    # -- what is heeded --------------------------------------------------------------------------

    def heeded(self) -> list[tuple[int, int, float]]:
        """Head, knot and weight of every shown knot, heaviest first."""
        weights = self.subject.weights
        shown = weights.mean(1) if self.view["importance"] else weights[:, self.query]
        every = [(h, k, float(shown[h, k])) for h in self.heads for k in range(shown.shape[1])]
        return sorted(every, key=lambda one: -one[2])

    def of_knot(self, head: int, knot: int) -> dict[str, Any]:
        group = self.subject.group_of(head)
        whose = {} if self.view["importance"] else {"query": self.query}
        return {**whose, "head": head, "group": group, "knot": knot}

    def radius(self, weight: float) -> tuple[float, float]:
        step = self.subject.weight_step
        radii = [signs.radius_of(max(0.0, weight + by), *self.size) for by in (-step, 0, step)]
        return radii[1], max(radii[2] - radii[1], radii[1] - radii[0])

    def ranked(self, weight: float) -> dict[str, float]:
        return {"rank": weight, "tolerance_rank": 2 * self.subject.weight_step}

    def key_lines(self) -> list[dict]:
        if not self.view["lines"] or self.view["importance"]:
            return []
        keys = self.heeded()[: self.view["top"]]
        most = keys[0][2] if keys else 1.0
        return self.everywhere(
            lambda window, share: [
                {
                    "kind": "line", "of": self.of_knot(head, knot), "halo": "#000000aa",
                    "points": [
                        self.asked(window),
                        self.knot(window, share, self.subject.group_of(head), knot)[0],
                    ],
                    "stroke": signs.head_fill(head), "lineWidth": 0.8 + 2.4 * weight / most,
                    "tolerance_px": 0.01,
                    **self.ranked(weight),
                }
                for head, knot, weight in keys
            ]
        )  # fmt: skip

    def knots(self) -> list[dict]:
        return self.everywhere(
            lambda window, share: [
                self.disc(window, share, head, knot, weight) for head, knot, weight in self.heeded()
            ]
        )

    def disc(self, window, share, head: int, knot: int, weight: float) -> dict:
        (x, y), beyond = self.knot(window, share, self.subject.group_of(head), knot)
        radius, change = self.radius(weight)
        fill = signs.head_fill(head)
        haloed = {"halo": signs.HALO} if radius > 3 and not beyond else {}
        return {
            "kind": "marker", "shape": "circle", "of": self.of_knot(head, knot), "x": x, "y": y,
            "size": max(3.0, radius) if beyond else radius, "fill": fill,
            "fillAlpha": 0.15 if beyond else 0.9, "stroke": fill if beyond else signs.EDGE,
            "lineWidth": 1, "tolerance_px": change, **self.ranked(weight), **haloed,
        }  # fmt: skip

    # -- the query -------------------------------------------------------------------------------

    def cell(self) -> list[dict]:
        if self.view["importance"]:
            return []
        height, width = self.subject.record.query_hw
        row, column = divmod(self.query, width)
        corners = [column / width, row / height, (column + 1) / width, (row + 1) / height]
        style = {
            "kind": "rect", "stroke": signs.WHITE, "lineWidth": 2, "halo": signs.BLACK,
            "fill": signs.WHITE, "fillAlpha": 0.16,
            "of": {"query": self.query, "row": row, "column": column},
        }  # fmt: skip
        return self.everywhere(lambda window, _: [{**window.box(corners), **style}])

    def cross(self) -> list[dict]:
        if self.view["importance"]:
            return []
        style = {"kind": "line", "stroke": signs.WHITE, "lineWidth": 2, "halo": signs.BLACK}
        return self.everywhere(
            lambda window, _: [
                {**style, "points": points, "of": {"query": self.query}}
                for points in signs.cross(*self.asked(window), ARM)
            ]
        )

    def focus_marks(self) -> list[dict]:
        if self.focus is None:
            return []
        head, knot = self.focus["head"], self.focus["knot"]
        group = self.subject.group_of(head)
        of = {"query": self.query, "head": head, "group": group, "knot": knot}
        radius, change = self.radius(float(self.subject.weights[head, self.query, knot]))
        style = {"stroke": signs.WHITE, "halo": signs.BLACK}

        def draw(window, share):
            place, _ = self.knot(window, share, group, knot)
            return [
                {
                    **style, "kind": "line", "of": {**of, "part": "displacement"},
                    "points": [self.asked(window), place], "lineWidth": 1.5, "dash": [5, 4],
                },
                {
                    **style, "kind": "marker", "shape": "circle", "of": of, "x": place[0],
                    "y": place[1], "size": radius + 5, "lineWidth": 2, "tolerance_px": change,
                },
            ]  # fmt: skip

        return self.everywhere(draw)

    def names(self) -> list[dict]:
        if not self.view["split"]:
            return []
        return [
            {
                "kind": "text", "text": name, "x": window.left + 10, "y": window.top + 22,
                "size": 14, "weight": 700, "fill": signs.WHITE, "halo": "#000000dd",
                "panel": number,
            }
            for number, (window, _, name) in enumerate(self.panels)
        ]  # fmt: skip
