"""What the head atlas must consist of, from the sums of a study alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace

import numpy as np

from deformviz.survey.atlas import pack_atlas
from deformviz.survey.sums import ALL, LayerSums
from tests.drawing.oracle import signs

BINS = 33
GAP, BLOCK_GAP, TITLE_ROOM, NUMBER_ROOM, NARROW = 8.0, 14.0, 26.0, 17.0, 560.0
QUIET, ARM = "#c9cedb", 5.0
REACH = {False: 8.25, True: 2.0625}  # cells, half sides
STEPS = 65535


@dataclass(frozen=True)
class AtlasSubject:
    """Sums of layers whose sizes all differ, and how wide they are shown."""

    name: str
    width: float
    seed: int

    @cached_property
    def sums(self) -> dict[str, LayerSums]:
        rng = np.random.default_rng(self.seed)
        found = {}
        for name, boxed, heads, points in (
            ("encoder.0", False, 5, (2, 1, 3)),
            ("decoder.0", True, 11, (4, 2)),
        ):
            layer = LayerSums(name, boxed, heads, points)
            counts, weights = layer.group(ALL)
            weights += rng.random(weights.shape) ** 9
            weights[1, 0] = 0.0  # a head that puts nothing on a level
            counts += 1
            found[name] = layer
        return found

    @cached_property
    def packed(self) -> bytes:
        return pack_atlas(SimpleNamespace(sums=self.sums, covered=1234))  # type: ignore


SUBJECTS = {
    "on-a-screen": AtlasSubject("on a screen", 811.0, seed=5),
    "on-a-phone": AtlasSubject("on a phone", 371.0, seed=6),
}


class Maps:
    """The marks of an atlas with one head on show."""

    def __init__(self, subject: AtlasSubject, query: int, level: int | None, pinned: bool):
        self.subject, self.query, self.level, self.pinned = subject, query, level, pinned
        most = max(layer.heads for layer in subject.sums.values())
        self.columns = min(4 if subject.width < NARROW else 8, most)
        self.side = (subject.width - (self.columns + 1) * GAP) / self.columns
        self.blocks, self.tiles, top, first = [], [], 0.0, 0
        for layer in subject.sums.values():
            rows = -(-layer.heads // self.columns)
            tall = TITLE_ROOM + rows * (self.side + NUMBER_ROOM + GAP)
            self.blocks.append((layer, top, tall))
            for head in range(layer.heads):
                row, column = divmod(head, self.columns)
                left = GAP + column * (self.side + GAP)
                below = row * (self.side + NUMBER_ROOM + GAP)
                self.tiles.append(
                    (layer, head, first + head, left, top + TITLE_ROOM + NUMBER_ROOM + below)
                )
            first += layer.heads
            top += tall + BLOCK_GAP
        self.size = (subject.width, top - BLOCK_GAP)

    def layers(self) -> dict[str, dict[str, list[dict]]]:
        def all_of(draw):
            return [mark for tile in self.tiles for mark in draw(*tile)]

        return {
            "photo": {
                "blocks": self.grounds(),
                "maps": all_of(self.map_of),
                "references": all_of(self.reference),
            },
            "marks": {"chosen": all_of(self.chosen)},
        }

    def grounds(self) -> list[dict]:
        marks: list[dict] = []
        for layer, top, tall in self.blocks:
            where = "half sides around the box's centre" if layer.boxed else "cells around the "
            said = f"up to {int(REACH[layer.boxed])} {where}" + ("" if layer.boxed else "reference")
            marks += [
                {
                    "kind": "rect", "x": 0.0, "y": top, "width": self.size[0], "height": tall,
                    "fill": signs.GROUND,
                },
                {
                    "kind": "text", "text": f"{layer.name} · {said}", "x": 8.0,
                    "y": top + TITLE_ROOM - 8, "size": 13, "weight": 700, "fill": signs.WHITE,
                },
            ]  # fmt: skip
        return marks

    def map_of(self, layer: LayerSums, head: int, query: int, left: float, top: float):
        of = {"query": query, "head": head}
        weights = layer.weights[ALL][head]
        whole = weights / weights.sum()
        shown = whole.sum(0) if self.level is None else np.zeros((BINS, BINS))
        if self.level is not None and self.level < len(whole):
            shown = whole[self.level]
        heaviest = shown.max() or 1.0
        values = shown.reshape(-1) / heaviest
        step = len(whole) * whole.max() / STEPS / heaviest  # a share is known to half a step each
        roots = [np.sqrt(np.maximum(values + by, 0)) for by in (-step, 0, step)]
        yield {
            "kind": "marker", "shape": "circle", "of": of, "x": left + 5, "y": top - 7, "size": 4,
            "fill": signs.head_fill(head),
        }  # fmt: skip
        yield {
            "kind": "text", "text": str(head), "of": of, "x": left + 14, "y": top - 3, "size": 12,
            "fill": QUIET,
        }  # fmt: skip
        yield {
            "kind": "cells", "of": of, "x": left, "y": top, "width": self.side, "height": self.side,
            "rows": BINS, "columns": BINS, "values": roots[1], "low": 0, "high": 1,
            "smooth": False,
            "tolerance_values": np.maximum(roots[1] - roots[0], roots[2] - roots[1]),
        }  # fmt: skip

    def reference(self, layer: LayerSums, head: int, query: int, left: float, top: float):
        of = {"query": query, "head": head, "part": "reference"}
        x, y = left + self.side / 2, top + self.side / 2
        if layer.boxed:
            # One half side of the box is this share of half a map.
            half = self.side / 2 / REACH[True]
            yield {
                "kind": "rect", "of": of, "x": x - half, "y": y - half, "width": 2 * half,
                "height": 2 * half, "stroke": signs.WHITE, "lineWidth": 1, "alpha": 0.55,
            }  # fmt: skip
        line = {"kind": "line", "of": of, "stroke": signs.WHITE, "lineWidth": 1}
        across, down = signs.cross(x, y, ARM)
        yield from (
            {**line, "points": across, "halo": signs.BLACK},
            {**line, "points": down, "halo": signs.BLACK},
            {**line, "points": across},
        )

    def chosen(self, layer: LayerSums, head: int, query: int, left: float, top: float):
        if query == self.query:
            yield {
                "kind": "rect", "of": {"query": query, "head": head, "part": "chosen"},
                "x": left - 2, "y": top - 2, "width": self.side + 4, "height": self.side + 4,
                "stroke": signs.WHITE, "lineWidth": 3 if self.pinned else 1.5,
            }  # fmt: skip


class Sheet:
    """A stage without a picture: places are what they are."""

    @staticmethod
    def original(stage_xy) -> np.ndarray:
        return np.asarray(stage_xy, float)
