"""What the pictures of five kinds of attention must consist of, from the key sets themselves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from deformviz.analysis.key_sets import MAP_HW, KeySet
from deformviz.analysis.key_sets_store import pack_key_sets
from deformviz.schema import ImageFrame
from tests.drawing.oracle import signs
from tests.drawing.oracle.stage import Window

GAP, TITLE_ROOM, NARROW, MOST_COLUMNS = 10.0, 44.0, 440.0, 3
TITLE, LETTER, SMALL, UNTRAINED = 14.0, 0.56, 11.5, 3.0
STEPS = 65535
RED, BLUE, RING = "#ff6b6b", "#5ab4ff", 1.5  # the two stars of Figure 1


@dataclass(frozen=True)
class KeysSubject:
    """Sets of keys of one picture, and how wide they are shown."""

    name: str
    original_hw: tuple[int, int]
    sets: list[KeySet]
    width: float

    @cached_property
    def packed(self) -> bytes:
        return pack_key_sets(self.sets, self.original_hw)


def key_subject(name, original_hw, width, seed) -> KeysSubject:
    """One set that all queries share, one with gaps and untrained weights, two trained ones."""
    rng = np.random.default_rng(seed)
    queries = MAP_HW[0] * MAP_HW[1]

    def one(short, title, heads, per_head, *, trained, shared=False):
        keys = heads * per_head
        places = rng.uniform(-0.2, 1.2, (1 if shared else queries, keys, 2))
        if not shared:
            places[:, -1][::3] = np.nan
        weights = rng.random((queries, keys)) if trained else None
        if trained:
            weights /= weights.sum(1, keepdims=True)
        spread = places.repeat(queries, 0) if shared else places
        of_head = np.arange(keys) // per_head
        return KeySet(short, title, spread, weights, of_head, per_head, (5, 9), f"{short}, random")

    return KeysSubject(
        name,
        original_hw,
        [
            one("all", "Dense attention (all)", 1, 7, trained=False, shared=True),
            one(
                "window", "Shifted windows, a title that is much too long (w)", 2, 5, trained=False
            ),
            one("points", "Deformable (d)", 3, 4, trained=True),
            one("bent", "Deformed grid (g)", 12, 2, trained=True),
        ],
        width,
    )


class Keys:
    """The marks of one query on every picture, and those of another one that was left behind."""

    def __init__(
        self, subject: KeysSubject, query: int, dim: float = 0.45, other: int | None = None
    ):
        self.subject, self.query, self.dim, self.other = subject, query, dim, other
        count, (height, width) = len(subject.sets), subject.original_hw
        columns = 1 if subject.width < NARROW else min(count, MOST_COLUMNS)
        rows = -(-count // columns)
        wide = (subject.width - (columns - 1) * GAP) / columns
        tall = wide * height / width
        self.size = (subject.width, rows * (tall + TITLE_ROOM) + (rows - 1) * GAP)
        frame = ImageFrame(subject.original_hw, subject.original_hw, subject.original_hw)
        self.windows = [
            Window(
                frame, wide, tall,
                left=number % columns * (wide + GAP),
                top=number // columns * (tall + TITLE_ROOM + GAP) + TITLE_ROOM,
            )
            for number in range(count)
        ]  # fmt: skip

    def layers(self) -> dict[str, dict[str, list[dict]]]:
        everywhere = list(enumerate(zip(self.windows, self.subject.sets, strict=True)))

        def all_of(draw):
            return [
                {**mark, "panel": number}
                for number, (window, one) in everywhere
                for mark in draw(window, one)
            ]

        return {
            "photo": {"picture": all_of(self.picture)},
            "marks": {
                "keys": all_of(lambda *each: [*self.keys(*each), self.cell(*each)]),
                "other": [] if self.other is None else all_of(self.left_behind),
            },
        }

    def left_behind(self, window: Window, one: KeySet) -> list[dict]:
        """Blue rings around the places of the other query, and its cell in blue."""
        there = Keys(self.subject, self.other, self.dim)
        rings = [
            {name: value for name, value in mark.items() if name not in ("fill", "fillAlpha")}
            | {"stroke": BLUE, "lineWidth": 1.6, "size": mark["size"] + RING}
            for mark in there.keys(window, one)
        ]
        cell = there.cell(window, one)
        return [*rings, {**cell, "stroke": BLUE, "of": {**cell["of"], "part": "other"}}]

    def picture(self, window: Window, one: KeySet) -> list[dict]:
        box = {"x": window.left, "y": window.top, "width": window.width, "height": window.height}
        ground = {**box, "y": window.top - TITLE_ROOM, "height": window.height + TITLE_ROOM}
        line = {"kind": "text", "x": window.left + 8, "fill": signs.WHITE}
        fits = (window.width - 16) / (LETTER * len(one.title))
        said = f"{one.per_head} keys per query and head · {one.honesty.split(',')[0]}"
        return [
            {**ground, "kind": "rect", "fill": signs.GROUND},
            {**box, "kind": "rect", "fill": signs.BLACK, "alpha": self.dim},
            {
                **line, "text": one.title, "y": window.top - 24, "weight": 700,
                "size": min(TITLE, fits),
            },
            {**line, "text": said, "y": window.top - 8, "size": SMALL},
        ]  # fmt: skip

    def keys(self, window: Window, one: KeySet) -> list[dict]:
        marks = []
        for key, place in enumerate(one.places_xy[self.query]):
            if np.isnan(place).any():
                continue
            x, y = window.place(place)
            away = x - window.left, y - window.top
            if not (0 <= away[0] <= window.width and 0 <= away[1] <= window.height):
                continue
            head = key // one.per_head
            marks.append(
                {
                    "kind": "marker", "shape": "circle", "x": x, "y": y, "stroke": signs.EDGE,
                    "lineWidth": 0.8, "fillAlpha": 0.9,
                    "of": {"query": self.query, "set": one.name, "head": head},
                    **self.sized(window, one, key, head),
                }
            )  # fmt: skip
        return sorted(marks, key=lambda mark: -mark["rank"])

    def sized(self, window: Window, one: KeySet, key: int, head: int) -> dict:
        """Area by weight and the head's colour where weights are trained, else alike and white."""
        if one.weights is None:
            return {"size": UNTRAINED, "fill": signs.WHITE, "rank": 0.0}
        weight, step = one.weights[self.query, key], one.weights.max() / STEPS / 2
        radii = [
            signs.radius_of(max(0, weight + by), window.width, window.height)
            for by in (-step, 0, step)
        ]
        return {
            "size": radii[1], "fill": signs.head_fill(head), "rank": float(weight),
            "tolerance_rank": 2 * step, "tolerance_px": max(radii[2] - radii[1], 0.0),
        }  # fmt: skip

    def cell(self, window: Window, one: KeySet) -> dict:
        height, width = MAP_HW
        row, column = divmod(self.query, width)
        corners = [column / width, row / height, (column + 1) / width, (row + 1) / height]
        return {
            "kind": "rect", **window.box(corners), "lineWidth": 2,
            "stroke": signs.WHITE if self.other is None else RED,
            "halo": signs.BLACK, "of": {
                "query": self.query, "row": row, "column": column, "set": one.name,
                "part": "query",
            },
        }  # fmt: skip
