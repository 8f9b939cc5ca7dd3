"""The page Live: models that run in the visitor's browser, on a scene or a picture of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.load import load
from deformviz.figures.theme import palette
from deformviz.publish import npm, sprites
from deformviz.publish.edition import Edition, Page
from deformviz.publish.folder import PublishError
from deformviz.publish.markup import inline, plain
from deformviz.publish.stored import LEVELS
from deformviz.tracing.graph import Graph, GraphError, export
from deformviz.training.scenes import CLASSES
from deformviz.words import say

NAME = "live"
SHIPPED = ("deformable-detr-scenes", "dat-scenes")
# Backdrop, and every thing: sprite, middle (shares of width and height), size (longer side as a
# share of the height), turn (degrees), whether it is mirrored; back to front. The script writes an
# address in the same order.
START = (
    "meadow-day~house-1,0.22,0.52,0.5,0,0~tree-1,0.83,0.5,0.55,0,0"
    "~balloon-1,0.55,0.22,0.3,0,0~person-1,0.5,0.68,0.38,0,0~cat-1,0.7,0.82,0.26,0,0"
    "~ball-1,0.33,0.88,0.14,0,0"
)


@dataclass(frozen=True)
class Live:
    """What the page needs, made once for every language."""

    graphs: tuple[Graph, ...]
    runtime: dict[str, bytes]


def prepare(models: Sequence[str], *, webgpu: bool = False) -> Live:
    """The models as graphs, and what runs them; none named: those that are shipped.

    `webgpu`: also what runs them on a graphics processor, another 25 MB; nobody has tested it.

    Raises:
        PublishError: a model cannot be loaded or become a graph, or npm cannot fetch the run time.
    """
    runtime = npm.runtime_files(ways=npm.RUNTIMES if webgpu else (npm.WASM,))
    graphs = []
    for name in models or SHIPPED:
        try:
            graphs.append(export(load(name)))
        except (CheckpointError, GraphError) as problem:
            raise PublishError(f"{Path(name).name} cannot run in a browser: {problem}") from None
    return Live(tuple(graphs), runtime)


def pages(edition: Edition, live: Live) -> Iterable[Page]:
    """The one page."""
    told = say("page.live.instruction")
    yield Page(
        NAME,
        f"{say('page.live.title')} · deformviz",
        plain(told),
        f"<p>{inline(told)}</p>",
        {"shows": "canvas", "canvas": edition.canvas(NAME), "data": _data(edition, live)},
        say("page.live.headline"),
    )


def _data(edition: Edition, live: Live) -> dict[str, Any]:
    root = edition.up + edition.folder.keep_together(npm.PACKAGE, live.runtime)
    return {
        "models": [_model(edition, graph) for graph in live.graphs],
        "runtimes": npm.addresses(root, live.runtime),
        "scenes": _scenes(edition),
        "palette": palette(LEVELS),
    }


def _model(edition: Edition, graph: Graph) -> dict[str, Any]:
    def kept(name: str, data: bytes) -> dict[str, Any]:
        return {"address": edition.keep(f"{name}.onnx", data), "bytes": len(data)}

    name, tails = graph.facts["name"], graph.facts["tails"]
    return {
        **graph.facts,
        **kept(name, graph.data),
        "tails": [
            tail | kept(f"{name}-{tail['layer']}", graph.tails[tail["layer"]]) for tail in tails
        ],
    }


def _scenes(edition: Edition) -> dict[str, Any]:
    """Everything a scene is put together from, and the one to begin with."""
    backdrops = [
        {
            "name": f"{place}-{time}",
            "title": say(f"live.backdrop.{place}-{time}"),
            "picture": edition.keep(f"{place}-{time}.jpg", sprites.backdrop(place, time)),
        }
        for place, time in sprites.BACKDROPS
    ]
    things = [
        {
            "name": f"{name}-{variant + 1}",
            "title": say(f"live.thing.{name}"),
            "picture": edition.keep(f"{name}-{variant + 1}.png", sprites.sprite(name, variant)),
        }
        for name in CLASSES
        for variant in range(sprites.VARIANTS)
    ]
    height, width = sprites.STAGE_HW
    return {"hw": [height, width], "backdrops": backdrops, "things": things, "start": START}
