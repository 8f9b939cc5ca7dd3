"""What the pictures of dense attention must consist of, from the trace itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from deformviz.schema import DenseTrace, Detections, DetectorOutput, ImageFrame, Trace
from deformviz.tracing.packing_dense import pack_dense
from tests.drawing.oracle import signs
from tests.drawing.oracle.stage import Window

GAP, TITLE_ROOM, NARROW, COLUMNS, NARROW_COLUMNS = 8.0, 24.0, 560.0, 3, 2
TITLE, ALPHA, MOST_LINES = 13.0, 0.72, 20
STEPS = 65535
# The picture fills most of what the model saw: the rest is padding, in which no key is hidden.
FRAME = ImageFrame((90, 130), (45, 65), (50, 78))
MAP_HW = (5, 7)


@dataclass(frozen=True)
class DenseSubject:
    """One layer of a random trace, and how wide it is shown."""

    trace: Trace
    layer: str
    width: float

    @property
    def name(self) -> str:
        return f"{self.layer} at {self.width:.0f} px"

    @cached_property
    def weights(self) -> np.ndarray:
        return np.asarray(self.trace[self.layer].attention_weights, np.float64)

    @cached_property
    def packed(self) -> bytes:
        return pack_dense(self.trace, self.layer, model_label="random", honesty_label="noise")

    def corners(self, query: int) -> np.ndarray:
        """Of the query's cell, or of the box the layer said, in shares of the padded picture."""
        if self.layer.startswith("encoder"):
            (height, width), (row, column) = MAP_HW, divmod(query, MAP_HW[1])
            return np.array([column, row, column + 1, row + 1]) / [width, height, width, height]
        index = int(self.layer.split(".")[1])
        said = (*self.trace.output.auxiliary, self.trace.output)[index]
        x, y, wide, high = np.asarray(said.boxes_cxcywh, np.float64)[query]
        (height, width), (padded_height, padded_width) = FRAME.resized_hw, FRAME.padded_hw
        shares = np.array([width / padded_width, height / padded_height] * 2)
        return np.array([x - wide / 2, y - high / 2, x + wide / 2, y + high / 2]) * shares


def dense_subjects() -> list[DenseSubject]:
    """An encoder layer, a decoder layer to the map, and one among queries that are many."""
    rng = np.random.default_rng(5)
    cells, queries = MAP_HW[0] * MAP_HW[1], 24

    def weights(heads, rows, keys):
        odds = rng.random((heads, rows, keys)) ** 2  # some keys get more, none nothing
        return torch.from_numpy((odds / odds.sum(-1, keepdims=True)).astype(np.float32))

    def output(*earlier):
        boxes = torch.from_numpy(rng.uniform(0.1, 0.8, (queries, 4)).astype(np.float32))
        return DetectorOutput(torch.zeros(queries, 3), boxes, earlier)

    found = Detections(
        torch.tensor([[3.0, 5.0, 60.0, 44.0], [20.0, 9.0, 50.0, 80.0]]),
        torch.tensor([0.8, 0.4]),
        torch.tensor([1, 0]),
        torch.tensor([6, 2]),
        ("cat", "ball", "tree"),
    )
    layers = {
        "encoder.0": DenseTrace(weights(4, cells, cells), keys_hw=MAP_HW),
        "decoder.1": DenseTrace(weights(8, queries, cells), keys_hw=MAP_HW),
        "decoder.0.self": DenseTrace(weights(2, queries, queries)),
    }
    trace = Trace(layers, FRAME, found, output(output()))
    widths = {"encoder.0": 811.0, "decoder.1": 371.0, "decoder.0.self": 640.0}
    return [DenseSubject(trace, layer, width) for layer, width in widths.items()]


class Dense:
    """The marks of one query on every picture."""

    def __init__(self, subject: DenseSubject, query: int, dim: float):
        self.subject, self.query, self.dim = subject, query, dim
        count = len(subject.weights) + 1
        columns = NARROW_COLUMNS if subject.width < NARROW else COLUMNS
        rows = -(-count // columns)
        wide = (subject.width - (columns - 1) * GAP) / columns
        height, width = FRAME.padded_hw
        tall = wide * height / width
        self.size = (subject.width, rows * (tall + TITLE_ROOM) + (rows - 1) * GAP)
        self.windows = [
            Window(
                FRAME, wide, tall, padding=True,
                left=number % columns * (wide + GAP),
                top=number // columns * (tall + TITLE_ROOM + GAP) + TITLE_ROOM,
            )
            for number in range(count)
        ]  # fmt: skip
        rows_of = subject.weights[:, query]
        self.rows = [rows_of.mean(0), *rows_of]
        steps = rows_of.max(-1) / STEPS / 2
        self.steps = [steps.mean() + 1e-7, *(steps + 1e-7)]

    def layers(self) -> dict[str, dict[str, list[dict]]]:
        def all_of(draw):
            return [
                {**mark, "panel": number}
                for number, window in enumerate(self.windows)
                for mark in draw(window, number)
            ]

        among = self.subject.trace[self.subject.layer].keys_hw is None
        return {
            "photo": {"picture": all_of(self.picture)},
            "marks": {
                "weights": all_of(self.lines if among else self.map),
                "query": all_of(self.of_query),
            },
        }

    def picture(self, window: Window, number: int) -> list[dict]:
        ground = {"x": window.left, "y": window.top - TITLE_ROOM, "width": window.width}
        (height, width), (padded_height, padded_width) = FRAME.resized_hw, FRAME.padded_hw
        shown = window.box([0, 0, width / padded_width, height / padded_height])
        title = "All heads, on average" if number == 0 else f"Head {number - 1}"
        return [
            {**ground, "kind": "rect", "height": window.height + TITLE_ROOM, "fill": signs.GROUND},
            {**shown, "kind": "rect", "fill": signs.BLACK, "alpha": self.dim},
            {
                "kind": "text", "text": title, "x": window.left + 8, "y": window.top - 8,
                "size": TITLE, "weight": 700, "fill": signs.WHITE,
            },
        ]  # fmt: skip

    def map(self, window: Window, number: int) -> list[dict]:
        values = self.rows[number]
        return [
            {
                "kind": "cells", **window.box([0, 0, 1, 1]), "rows": MAP_HW[0],
                "columns": MAP_HW[1], "values": values, "low": 0, "high": values.max(),
                "smooth": False, "alpha": ALPHA, "tolerance_values": self.steps[number],
                "of": {
                    "query": self.query, "part": "heads" if number == 0 else f"head {number - 1}",
                },
            }
        ]  # fmt: skip

    def lines(self, window: Window, number: int) -> list[dict]:
        values, step = self.rows[number], self.steps[number]
        fill = signs.WHITE if number == 0 else signs.head_fill(number - 1)
        heaviest = np.argsort(-values, kind="stable")[:MOST_LINES]
        marks = []
        for key in heaviest:
            of = {"query": self.query, "row": int(key)}
            ends = [self.centre(window, self.query), self.centre(window, int(key))]
            marks.append(
                {
                    "kind": "line", "points": ends, "stroke": fill, "lineWidth": 1, "alpha": 0.6,
                    "of": of, "order": 0,
                }
            )  # fmt: skip
            radii = [
                signs.radius_of(max(0.0, values[key] + by), window.width, window.height)
                for by in (-step, 0, step)
            ]
            marks.append(
                {
                    "kind": "marker", "shape": "circle", "x": ends[1][0], "y": ends[1][1],
                    "size": radii[1], "fill": fill, "fillAlpha": 0.9, "stroke": signs.EDGE,
                    "lineWidth": 0.8, "of": of, "order": 1, "rank": float(values[key]),
                    "tolerance_rank": 2 * step, "tolerance_px": radii[2] - radii[0],
                }
            )  # fmt: skip
        return sorted(marks, key=lambda mark: mark["order"])

    def centre(self, window: Window, query: int) -> list[float]:
        x0, y0, x1, y1 = self.subject.corners(query)
        return window.place([(x0 + x1) / 2, (y0 + y1) / 2]).tolist()

    def of_query(self, window: Window, number: int) -> list[dict]:
        return [
            {
                "kind": "rect", **window.box(self.subject.corners(self.query)),
                "stroke": signs.WHITE, "lineWidth": 2, "halo": signs.BLACK,
                "of": {"query": self.query, "part": "query"},
            }
        ]  # fmt: skip
