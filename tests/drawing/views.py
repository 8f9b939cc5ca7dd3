"""The views whose drawing is recorded: what is shown, how, and what was done to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class View:
    """One state of one canvas."""

    name: str
    kind: str
    asset: str  # "traces/garden/encoder.1", "synthetic/encoder.0", or a lesson's name
    view: dict[str, Any] = field(default_factory=dict)  # as a link would say it
    done: tuple[
        tuple, ...
    ] = ()  # ("hover", x, y), ("click", x, y), ("press", key), ("button", name)
    width_px: int = 760
    pixel_ratio: int = 1


def sampling(name, asset, done=(), width_px=760, pixel_ratio=1, **view) -> View:
    return View(f"sampling {name}", "sampling", asset, view, done, width_px, pixel_ratio)


TALL, WIDE = "traces/balloons-tall", "traces/harbour-wide"
SAMPLING = [
    sampling("encoder as it opens", f"{TALL}/encoder.0"),
    sampling("decoder as it opens", f"{WIDE}/decoder.2"),
    sampling("other layer", f"{TALL}/encoder.1", query=700, pinned=True),
    sampling("some heads", f"{TALL}/encoder.1", query=500, pinned=True, heads=[1, 6]),
    sampling("some levels", f"{WIDE}/encoder.0", query=200, pinned=True, levels=[0, 3]),
    sampling("the five heaviest", f"{TALL}/decoder.0", query=4, pinned=True, top=5),
    sampling("coloured by level", f"{TALL}/encoder.1", query=40, colour="level"),
    sampling("coloured by weight", f"{WIDE}/decoder.1", query=11, colour="weight"),
    sampling("coloured by place", f"{TALL}/encoder.0", query=3, colour="outside"),
    sampling("without lines, undimmed", f"{WIDE}/encoder.1", query=670, lines=False, dim=0),
    sampling("mass of level 1", f"{TALL}/encoder.1", mass=True),
    sampling("mass of two heads on level 2", f"{WIDE}/decoder.2", mass=True, level=2, heads=[2, 5]),
    sampling("who reads, encoder", f"{TALL}/encoder.1", reverse=True, lookup=[0.3, 0.8]),
    sampling("who reads, decoder", f"{WIDE}/decoder.2", reverse=True, lookup=[0.7, 0.4], level=0),
    sampling(
        "who reads under the pointer", f"{WIDE}/encoder.0", (("hover", 0.2, 0.9),), reverse=True
    ),
    sampling("enlarged twice", f"{TALL}/encoder.1", query=300, zoom=2, centre=[0.7, 0.6]),
    sampling("enlarged four times", f"{WIDE}/decoder.2", query=2, zoom=4, centre=[0.1, 0.9]),
    sampling("all queries", f"{WIDE}/decoder.2", query=17, pinned=True, all=True),
    sampling("padding shown", "synthetic/encoder.0", query=300, padding=True),
    sampling("padding hidden", "synthetic/encoder.1", query=645, pinned=True),
    sampling("boxes in a padded batch", "synthetic/decoder.1", query=1, padding=True, all=True),
    sampling("a hovered query", f"{TALL}/encoder.0", (("hover", 0.75, 0.2),)),
    sampling("a hovered box", f"{TALL}/decoder.2", (("hover", 0.6, 0.4),)),
    sampling("a point in focus", f"{TALL}/decoder.2", (("press", "."), ("press", "."))),
    sampling("a point near the pointer", f"{WIDE}/encoder.1", (("hover", 0.5, 0.5),), pinned=True),
    sampling(
        "walked by arrows", f"{TALL}/encoder.0", (("press", "ArrowRight"), ("press", "ArrowDown"))
    ),
    sampling("on a phone", f"{WIDE}/encoder.1", width_px=360, query=250, pinned=True),
    sampling("on a sharp screen", f"{TALL}/decoder.1", width_px=560, pixel_ratio=2, query=8),
]


def grid(name, asset, done=(), width_px=760, **view) -> View:
    return View(f"grid {name}", "grid", asset, view, done, width_px)


CAT, BOAT = "grids/single-cat", "grids/single-boat"
GRID = [
    grid("as it opens", f"{CAT}/stages.2.attns.0"),
    grid("a large one", f"{BOAT}/stages.1.attns.1"),
    grid("another group", f"{CAT}/stages.2.attns.0", heads=[6, 7]),
    grid("two groups", f"{BOAT}/stages.2.attns.0", heads=[0, 1, 4, 5], query=20, pinned=True),
    grid("half way", f"{CAT}/stages.1.attns.1", slide=0.5, query=100),
    grid("the regular grid", f"{CAT}/stages.2.attns.0", slide=0),
    grid("average query", f"{BOAT}/stages.2.attns.0", importance=True, arrows=False),
    grid("knots alone", f"{CAT}/stages.2.attns.0", mesh=False, arrows=False, lines=False, dim=0),
    grid("two pictures", f"{BOAT}/stages.2.attns.0", split=True),
    grid(
        "two pictures on a phone", f"{BOAT}/stages.1.attns.1", width_px=360, split=True, slide=0.7
    ),
    grid("bias as a surface", f"{CAT}/stages.2.attns.0", surface=True, query=9, pinned=True),
    grid("the object's outline", f"{CAT}/stages.1.attns.1", object=True, top=12),
    grid("a pinned cell", f"{BOAT}/stages.1.attns.1", (("click", 0.8, 0.3),)),
    grid("a knot in focus", f"{CAT}/stages.2.attns.0", (("press", "."), ("press", "."))),
    grid("the pointer over a cell", f"{BOAT}/stages.2.attns.0", (("hover", 0.2, 0.7),)),
]


def keys(name, asset, done=(), width_px=900, **view) -> View:
    return View(f"keys {name}", "keys", f"keys/{asset}/key-sets", view, done, width_px)


KEYS = [
    keys("as they open", "garden"),
    keys("a corner", "garden", query=0, pinned=True),
    keys("a square picture", "single-cat", query=20, dim=0.2),
    keys("under the pointer", "cat-and-ball", (("hover", 0.1, 0.3),)),
    keys("one above the other", "single-boat", width_px=420),
]


def dense(name, layer, done=(), width_px=900, **view) -> View:
    return View(f"dense {name}", "dense", f"dense/{layer}", view, done, width_px)


DENSE = [
    dense("encoder as it opens", "encoder.0"),
    dense("a decoder's query", "decoder.1", query=3, pinned=True, dim=0.2),
    dense("among queries", "decoder.0.self", query=5, pinned=True),
    dense("a cell under the pointer", "encoder.0", (("hover", 0.2, 0.3),)),
    dense("on a phone", "decoder.1", width_px=380),
]


def atlas(name, asset, done=(), width_px=811, **view) -> View:
    return View(f"atlas {name}", "atlas", f"atlas/{asset}", view, done, width_px)


ATLAS = [
    atlas("as it opens", "on-a-screen"),
    atlas("a head of a decoder on one level", "on-a-screen", query=9, pinned=True, level=1),
    atlas("on a phone, beside the first map", "on-a-phone", (("press", "ArrowRight"),), 371),
]


def replay(name, asset, *done, width_px=1000) -> View:
    return View(f"replay {name}", "replay", asset, {}, done, width_px)


LAYER, TRAILS = "Layer", ("button", "Trails")
ENCODER = ("choose", LAYER, "encoder.1")
REPLAY = [
    replay("of a detector as it opens", "sampling"),
    replay("a later snapshot", "sampling", ENCODER, ("seek", 2)),
    replay("the decoder", "sampling", ("choose", LAYER, "decoder.2"), ("seek", 1)),
    replay(
        "another object",
        "sampling",
        ("choose", LAYER, "decoder.2"),
        ("choose", "Object to follow", "1"),
        ("seek", 2),
    ),
    replay("trails of points", "sampling", ENCODER, ("seek", 3), TRAILS),
    replay(
        "trails in the decoder", "sampling", ("choose", LAYER, "decoder.2"), ("seek", 3), TRAILS
    ),
    replay("between two snapshots", "sampling", ENCODER, ("seek", 1), ("blend", 0.4)),
    replay("one head enlarged", "sampling", ("button", "Head 0, level 0")),
    replay("of a DAT as it opens", "grid"),
    replay("trails of knots", "grid", ("seek", 2), TRAILS),
    replay("a grid between snapshots", "grid", ("seek", 1), ("blend", 0.75)),
    replay("every query's average", "grid", ("button", "All queries: start and end")),
]


def equations(name, asset, *done, width_px=1100) -> View:
    return View(f"equations {name}", "equations", asset, {}, done, width_px)


EQUATIONS = [
    equations("of the encoder", "encoder"),
    equations("of one head", "encoder", ("button", "Head 2")),
    equations("of one sample", "encoder", ("button", "One sample")),
    equations("of four pixels", "encoder", ("button", "Its four pixels")),
    equations("of a decoder's box", "decoder"),
    equations("of four pixels in a decoder", "decoder", ("button", "Its four pixels")),
    equations("beside a mistake", "broken"),
    equations("of the toy", "toy"),
    equations("of four pixels of the toy", "toy", ("button", "Its four pixels")),
    equations("of the deformed grid", "dat"),
]

VIEWS = [*SAMPLING, *GRID, *KEYS, *DENSE, *ATLAS, *REPLAY, *EQUATIONS]
