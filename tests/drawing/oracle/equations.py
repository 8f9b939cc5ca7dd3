"""What the picture beside the equations must consist of, in pixels of the original picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from deformviz.geometry import to_pixel_index
from tests.drawing.oracle import signs
from tests.drawing.oracle.subject import Subject

MARGIN, AROUND, UNITS = 0.06, 0.35, 112
SHOWN, MOST_BOXES = 0.3, 12
LETTERS = {"weight": 600, "fill": signs.WHITE, "halo": signs.EDGE}
ROUNDED = 5e-4  # numbers of a lesson keep four digits or more


@dataclass(frozen=True)
class Equations:
    """One query of a subject, one of its samples, and how close it is looked at."""

    subject: Subject
    query: int
    sample: tuple[int, int, int]  # head, level, point
    scope: str
    screen: tuple[float, float]  # width and height of the room for the picture

    def place(self, points_xy) -> np.ndarray:
        """Normalised to pixels of the original picture, its corner at 0."""
        frame = self.subject.frame
        (high, wide), (rows, columns) = frame.padded_hw, frame.resized_hw
        height, width = frame.original_hw
        return np.asarray(points_xy, float) * [wide * width / columns, high * height / rows]

    def rect(self, box_xyxy) -> dict:
        (x0, y0), (x1, y1) = self.place(np.asarray(box_xyxy, float).reshape(2, 2))
        return {"kind": "rect", "x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0} | self.near

    @property
    def near(self) -> dict:
        return {"tolerance_px": ROUNDED * 2 * max(self.place([1.5, 1.5]))}

    # -- how large things are --------------------------------------------------------------------

    def cells(self) -> list[tuple[int, int, float]]:
        """Column, row and share of the four cells the sample is blended from."""
        head, level, point = self.sample
        at = self.subject.locations[self.query, head, level, point]
        height, width = self.subject.shapes[level]
        x, y = to_pixel_index(at, (height, width))
        left, top = math.floor(x), math.floor(y)
        around = [(left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)]
        return [
            (
                column, row,
                (1 - abs(x - column)) * (1 - abs(y - row))
                if 0 <= column < width and 0 <= row < height
                else 0.0,
            )
            for column, row in around
        ]  # fmt: skip

    def cell_box(self, level: int, column: int, row: int) -> list[float]:
        height, width = self.subject.shapes[level]
        return [column / width, row / height, (column + 1) / width, (row + 1) / height]

    @property
    def shown_size(self) -> np.ndarray:
        """Width and height of what is shown, in pixels of the picture."""
        if self.scope == "pixels":
            corners = [self.cell_box(self.sample[1], c, r) for c, r, _ in self.cells()]
            places = self.place(np.array(corners).reshape(-1, 2))
            size = places.max(0) - places.min(0)
            return size + 2 * AROUND * size.max()
        padded = self.place([1.0, 1.0])
        return padded + 2 * MARGIN * padded.max()

    @property
    def per_pixel(self) -> float:
        """Pixels of the picture in one of the screen."""
        return 1 / min(np.array(self.screen) / self.shown_size)

    @property
    def unit(self) -> float:
        return self.shown_size.max() / UNITS

    def letters(self, size: float) -> dict:
        return {**LETTERS, "size": size, "haloWidth": 0.24 * size / self.per_pixel}

    # -- layers ----------------------------------------------------------------------------------

    def layers(self) -> dict[str, dict[str, list[dict]]]:
        names = (
            "ground", "asking", "detections", "box", "corners", "steps", "samples", "reference",
        )  # fmt: skip
        return {"picture": {name: getattr(self, name)() for name in names}}

    def ground(self) -> list[dict]:
        height, width = self.subject.frame.original_hw
        padding = {**self.rect([0, 0, 1, 1]), "of": {"part": "padding"}}
        return [padding, {"kind": "rect", "x": 0, "y": 0, "width": width, "height": height}]

    def asking(self) -> list[dict]:
        if not self.subject.is_encoder:
            return []
        level, row, column = self.subject.cells[self.query]
        of = {"query": self.query, "level": level, "row": row, "column": column}
        return [
            {
                **self.rect(self.cell_box(level, column, row)),
                "of": of,
                "stroke": "#ffe14a",
                "lineWidth": 2.5,
            }
        ]

    def detections(self) -> list[dict]:
        found = self.subject.trace.detections
        if found is None:
            return []
        rows = [
            (
                found.boxes_xyxy_px[at].tolist(),
                int(found.queries[at]),
                f"{found.name(at)} {float(found.scores[at]):.2f}",
            )
            for at in range(min(len(found), MOST_BOXES))
            if float(found.scores[at]) >= SHOWN
        ]
        rows.sort(key=lambda row: -(row[0][2] - row[0][0]) * (row[0][3] - row[0][1]))
        marks = []
        for (x0, y0, x1, y1), query, name in rows:
            size = {"x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0}
            marks += [
                {
                    "kind": "rect", **size, **self.near, "stroke": signs.WHITE, "lineWidth": 1.4,
                    "alpha": 0.75, "of": {"query": query, "part": "box"},
                },
                {
                    "kind": "text", "text": name, "of": {"query": query, "part": "name"},
                    "x": x0 + self.unit / 2, "y": max(y0 - self.unit, 3 * self.unit),
                    **self.letters(3.4 * self.unit), **self.near,
                },
            ]  # fmt: skip
        return marks

    def box(self) -> list[dict]:
        if self.subject.is_encoder or self.subject.trace.output is None:
            return []
        cx, cy, w, h = self.subject.trace.output.boxes_cxcywh[self.query].tolist()
        height, width = self.subject.frame.original_hw  # boxes are relative to the picture itself
        box = {
            "x": (cx - w / 2) * width,
            "y": (cy - h / 2) * height,
            "width": w * width,
            "height": h * height,
        }
        of = {"query": self.query, "part": "box"}
        return [
            {"kind": "rect", **box, **self.near, "of": of, "stroke": "#6cf08f", "lineWidth": 2.5}
        ]

    def corners(self) -> list[dict]:
        marks = []
        for column, row, share in self.cells():
            rect = self.rect(self.cell_box(self.sample[1], column, row))
            of = {"row": row, "column": column}
            marks.append(
                {
                    **rect, "of": of, "fill": signs.WHITE, "fillAlpha": 0.15 + 0.6 * share,
                    "stroke": signs.EDGE, "lineWidth": 1, "alpha": 0.25, "tolerance_share": 6e-4,
                }
            )  # fmt: skip
            if self.scope != "pixels":
                continue
            x, y = rect["x"] + rect["width"] / 2, rect["y"] + rect["height"] / 2
            word = {"kind": "text", "of": of, "align": "center", "x": x, **self.near}
            said = (f"× {share:.3f}", 5.5, 0), (f"column {column}, row {row}", 3.6, 6)
            marks += [
                {**word, "y": y + below * self.unit, "text": text, **self.letters(size * self.unit)}
                for text, size, below in said
            ]
        return marks

    def every(self):
        weights = self.subject.weights[self.query]
        for at in np.ndindex(weights.shape):
            yield at, dict(zip(("head", "level", "point"), at, strict=True)), float(weights[at])

    def steps(self) -> list[dict]:
        references = self.subject.references[self.query]
        return [
            {
                "kind": "line", "of": of, "stroke": signs.head_fill(at[0]), "lineWidth": 1,
                "alpha": 0.45, **self.near,
                "points": self.place(
                    [references[at[1], :2], self.subject.locations[self.query][at]]
                ),
            }
            for at, of, _ in self.every()
        ]  # fmt: skip

    def samples(self) -> list[dict]:
        size = self.shown_size / self.per_pixel  # of the picture on the screen
        marks = []
        for at, of, weight in self.every():
            x, y = self.place(self.subject.locations[self.query][at])
            marks.append(
                {
                    "kind": "marker", "shape": signs.shape_of(at[1]), "x": x, "y": y,
                    "of": {"query": self.query, **of}, "fill": signs.head_fill(at[0]),
                    "size": self.per_pixel * signs.radius_of(weight, *size),
                    "stroke": signs.WHITE, "lineWidth": 1, **self.near,
                }
            )  # fmt: skip
        return marks

    def reference(self) -> list[dict]:
        reference = self.subject.references[self.query, 0]
        of = {"query": self.query, "part": "reference"}
        x, y = self.place(reference[:2])
        across, down = signs.cross(x, y, 2.4 * self.unit)
        line = {"kind": "line", "of": of, "stroke": signs.WHITE, "lineWidth": 2.4, **self.near}
        marks = [
            {**line, "points": across, "halo": signs.EDGE},
            {**line, "points": down, "halo": signs.EDGE},
            {**line, "points": across},
        ]
        if len(reference) == 4:
            cx, cy, w, h = reference
            box = self.rect([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])
            dashed = {"stroke": signs.WHITE, "lineWidth": 1.5, "dash": [5, 4], "of": of}
            marks.insert(0, {**box, **dashed})
        return marks
