"""The rooms of the app, one record each: what is shown in them, of which models, on which pages.

Pages in one room share their picture, model and layer. Whatever a page, a route or a worker has to
know about a room stands here; its sentences are the words `room.<name>.<what>`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from deformviz.analysis.layers_studied import PIXELS
from deformviz.schema import AttentionTrace, DenseTrace, GridTrace
from deformviz.systems import SYSTEMS, System
from deformviz.tracing.store import (
    SHIPPED,
    SHIPPED_GRIDS,
    SHIPPED_KEYS,
    SHIPPED_PHOTOS,
    StoredTrace,
    photo_models,
    read_index,
)
from deformviz.words import say

SAMPLING, GRID, KEYS = "sampling", "grid", "keys"

FAVOURITE = "beach-dusk"  # every name is right; its boat reads far and wide


@dataclass(frozen=True)
class Page:
    """One page; its script is views/<name>.py, its title the word `page.<name>.title`."""

    name: str
    icon: str
    room: str  # a room's name, or "module:function" that tells it for this visitor
    of_model: str = ""  # word of the button that leads here with a model in hand

    @property
    def file(self) -> str:
        return f"views/{self.name}.py"

    @property
    def title(self) -> str:
        return say(f"page.{self.name}.title")

    def room_now(self) -> str:
        """The room it belongs to in this run."""
        module, colon, function = self.room.partition(":")
        return getattr(import_module(module), function)() if colon else module


@dataclass(frozen=True)
class Asked:
    """What can be traced back in a room: whose answers, which number of them, to what."""

    who: str  # in an address: "detection" or "class"
    number: str  # what numbers it there: "query" or "label"
    kind: str  # `kind` in an address; "" goes without
    sides: tuple[str, ...]  # parts of an answer that may be asked; "" is the score
    parts: tuple[str, ...]  # of the model


@dataclass(frozen=True)
class Room:
    """What pages share that show one kind of recorded numbers."""

    name: str
    variable: str  # environment: another store than the shipped one
    store: Path
    shipped: str  # the model whose runs are stored
    kinds: tuple[type, ...]  # the records its pages draw
    takes_files: bool = True  # whether another model may be chosen
    published: bool = False  # whether models of the network may be, too
    compares: tuple[str, ...] = ()  # shipped models that are looked at together
    asked: Asked | None = None

    def say(self, what: str, **values: object) -> str:
        """A sentence of the room."""
        return say(f"room.{self.name}.{what}", **values)

    @property
    def pages(self) -> tuple[Page, ...]:
        """Its own pages, and those it shares, with a model in hand."""
        return tuple(p for p in PAGES if p.of_model and (p.room == self.name or ":" in p.room))

    @property
    def systems(self) -> tuple[System, ...]:
        """The kinds of network it shows."""
        return tuple(system for system in SYSTEMS.values() if system.room == self.name)

    def photos(self) -> dict[str, dict[str, StoredTrace]]:
        """What published models did with the gallery's photographs: model -> picture -> trace."""
        folder = Path(os.environ.get("DEFORMVIZ_PHOTOS", SHIPPED_PHOTOS))
        if not (self.published and folder.is_dir()):
            return {}
        return _read_photos(folder, folder.stat().st_mtime_ns)

    def stored(self) -> list[StoredTrace]:
        """The stored traces of its pictures."""
        folder = Path(os.environ.get(self.variable, self.store))
        return _read_store(folder, folder.stat().st_mtime_ns) if folder.is_dir() else []


@functools.lru_cache(maxsize=8)
def _read_store(folder: Path, mtime_ns: int) -> list[StoredTrace]:
    return read_index(folder)


@functools.lru_cache(maxsize=4)
def _read_photos(folder: Path, mtime_ns: int) -> dict[str, dict[str, StoredTrace]]:
    models = {name: folder / file for name, file in photo_models(folder).items()}
    return {name: {t.name: t for t in read_index(store)} for name, store in models.items()}


_DETECTIONS = Asked(
    who="detection",
    number="query",
    kind="",
    sides=("", "left", "top", "right", "bottom"),
    parts=("decoder", "encoder", PIXELS),
)
_CLASSES = Asked(
    who="class", number="label", kind="classifier", sides=("",), parts=("stages", PIXELS)
)
ROOMS: dict[str, Room] = {
    room.name: room
    for room in (
        Room(
            SAMPLING,
            "DEFORMVIZ_TRACES",
            SHIPPED,
            "deformable-detr-scenes",
            (AttentionTrace, DenseTrace),
            published=True,
            asked=_DETECTIONS,
        ),
        Room(GRID, "DEFORMVIZ_GRIDS", SHIPPED_GRIDS, "dat-scenes", (GridTrace,), asked=_CLASSES),
        Room(
            KEYS,
            "DEFORMVIZ_KEYS",
            SHIPPED_KEYS,
            "five-attentions",
            (),
            takes_files=False,
            compares=("deformable-detr-scenes", "dat-scenes"),
        ),
    )
}
PAGES: tuple[Page, ...] = (
    Page("start", ":material/start:", SAMPLING),
    Page("learn", ":material/school:", "app.visitor:room"),
    Page("explore", ":material/center_focus_strong:", SAMPLING, "page.explore.of_model"),
    Page("dat", ":material/grid_4x4:", GRID, "page.dat.of_model"),
    Page("compare_attention", ":material/compare:", KEYS),
    Page("costs", ":material/calculate:", "app.visitor:room"),
    Page("walkthrough", ":material/function:", SAMPLING, "page.walkthrough.of_model"),
    Page("training", ":material/timeline:", "app.training_runs:room"),
    Page("survey", ":material/query_stats:", "app.visitor:room"),
    Page("recordings", ":material/adjust:", "app.visitor:room"),
    Page("checkpoint", ":material/inventory_2:", "app.visitor:room"),
    Page(
        "attribution",
        ":material/balance:",
        "app.views.attribution_link:room",
        "page.attribution.of_model",
    ),
    Page("myths", ":material/help:", "app.visitor:room"),
    Page("notes", ":material/rule:", "app.visitor:room"),
)


@dataclass(frozen=True)
class Entry:
    """One entry of the navigation: pages about one thing, each a press away from the others.

    Its name is the word `entry.<name>`, what it is about `entry.<name>.what`.
    """

    name: str
    icon: str
    pages: tuple[str, ...]  # the first one opens
    besides: tuple[tuple[str, str, str], ...] = ()  # views of other pages: word, page, parameters

    @property
    def title(self) -> str:
        return say(f"entry.{self.name}")


ENTRIES: tuple[Entry, ...] = (
    Entry("learn", ":material/school:", ("start", "learn", "walkthrough", "myths", "notes")),
    Entry("look", ":material/center_focus_strong:", ("explore", "dat")),
    Entry(
        "compare",
        ":material/compare:",
        ("compare_attention", "costs"),
        besides=(("entry.compare.costs", "walkthrough", "derivation=complexity"),),
    ),
    Entry("train", ":material/timeline:", ("training",)),
    Entry("inspect", ":material/inventory_2:", ("checkpoint", "attribution", "recordings")),
    Entry("survey", ":material/query_stats:", ("survey",)),
)


def entry_of(page: Page) -> Entry:
    """The entry of the navigation that a page belongs to."""
    return next(entry for entry in ENTRIES if page.name in entry.pages)


def page_called(name: str) -> Page:
    """The page of a name; the first one for the landing page, which has none in its address."""
    return next((page for page in PAGES if page.name == name), PAGES[0])


def every_stored() -> list[StoredTrace]:
    """The stored traces of all rooms."""
    photos = (
        trace
        for room in ROOMS.values()
        for each in room.photos().values()
        for trace in each.values()
    )
    return [*(trace for room in ROOMS.values() for trace in room.stored()), *photos]


def first_picture(names: Iterable[str]) -> str:
    """What a visitor sees who asked for nothing: the favourite, else the first, else ""."""
    names = list(names)
    return FAVOURITE if FAVOURITE in names else next(iter(names), "")
