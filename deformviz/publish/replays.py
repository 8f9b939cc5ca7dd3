"""The page Training: the recorded trainings that are shipped, every snapshot on one picture."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

from deformviz.analysis.curves import read_curves
from deformviz.analysis.loss_curve import smooth_loss
from deformviz.analysis.recorded_run import SHIPPED_RUNS
from deformviz.analysis.replay import Replay, followed_objects, matched_queries
from deformviz.figures.theme import palette
from deformviz.publish.edition import Edition, Page, here
from deformviz.publish.markup import inline, plain
from deformviz.publish.stored import FAVOURITE, LEVELS
from deformviz.schema import AttentionTrace, GridTrace, Trace
from deformviz.tracing.packing import compress, pack_layer
from deformviz.tracing.packing_grid import pack_grid, unpack_any
from deformviz.tracing.pictures import read_picture
from deformviz.tracing.store import SHIPPED, SHIPPED_GRIDS, StoredTrace, read_index
from deformviz.words import say

# Page -> name of the run, the store and name of the picture it looks at, what is drawn.
SHOWN = {
    "training": ("detector", SHIPPED, FAVOURITE, "sampling"),
    "training-dat": ("dat", SHIPPED_GRIDS, "single-boat", "grid"),
}


@dataclass(frozen=True)
class Frames:
    """Every snapshot of a run on one picture."""

    run: str
    drawing: str
    stored: StoredTrace
    packed: dict[str, bytes]  # "<iteration>/<layer>.bin" -> gzip
    headers: dict[str, dict[str, Any]]  # of the first snapshot, by layer
    facts: dict[str, Any] = field(default_factory=dict)  # of the manifest


def replays() -> dict[str, Frames]:
    """Both, worked out once for every language; takes half a minute."""
    return {
        page: _frames(run, drawing, {one.name: one for one in read_index(store)}[name])
        for page, (run, store, name, drawing) in SHOWN.items()
    }


def pages(edition: Edition, frames: Mapping[str, Frames]) -> Iterable[Page]:
    """A page for each run, with links between them."""
    for name, one in frames.items():
        told = say(f"room.{one.drawing}.training")
        links = "".join(
            f'<li><a class="ds-text" href="{other}.html"'
            f"{here(other == name)}>"
            f"{escape(say(f'room.{its.drawing}.kind'))}</a></li>"
            for other, its in frames.items()
        )
        yield Page(
            name,
            f"{say('page.training.title')} · deformviz",
            plain(told),
            f'<p>{inline(told)}</p><ul class="ds-gallery">{links}</ul>',
            {"shows": "canvas", "canvas": edition.canvas("replay"), "data": _data(edition, one)},
            say("site.training"),
        )


def _data(edition: Edition, frames: Frames) -> dict[str, Any]:
    address = edition.folder.keep_together(f"replay-{frames.run}", frames.packed)
    title = say(f"room.{frames.drawing}.model")
    manifest = {
        **frames.facts,
        "title": title,
        "address": edition.up + address,
        "layer_titles": {name: _layer_title(one) for name, one in frames.headers.items()},
    }
    written = json.dumps(manifest, ensure_ascii=False, separators=(",", ":")).encode()
    picture = edition.keep(f"{frames.stored.name}.jpg", frames.stored.picture_jpeg())
    return {
        "manifests": [edition.keep(f"replay-{frames.run}.{edition.language}.json", written)],
        "pictures": [picture],
        "palette": palette(LEVELS),
        "drawing": frames.drawing,
    }


def _frames(run: str, drawing: str, stored: StoredTrace) -> Frames:
    """A run's snapshots on a stored picture, and what its curves say."""
    replay = Replay(SHIPPED_RUNS / run)
    picture = read_picture(stored.picture_jpeg())
    mask = getattr(stored.layer(stored.layers[-1]), "mask", None)
    iterations = replay.iterations()
    traces = {iteration: replay.trace(iteration, picture) for iteration in iterations}
    packed: dict[str, bytes] = {}
    names: dict[str, dict[str, Any]] = {}
    for iteration, trace in traces.items():
        for layer, record in trace.layers.items():
            if isinstance(record, AttentionTrace) and drawing == "sampling":
                blob = compress(pack_layer(trace, layer, model_label=run))
            elif isinstance(record, GridTrace) and drawing == "grid":
                classes = replay.recipe.model.class_names
                blob = compress(
                    pack_grid(trace, layer, model_label=run, class_names=classes, mask=mask)
                )
            else:
                continue
            packed[f"{iteration}/{layer}.bin"] = blob
            names.setdefault(layer, unpack_any(blob).header)
    header = next(iter(names.values()))
    facts = {
        "name": run,
        "kind": run,
        "growing": False,
        "version": "",
        "iterations": iterations,
        "coming": [],
        "layers": list(names),
        "heads": header["heads"],
        "levels": len(header["levels"]),
        "loss": smooth_loss(replay.folder),
        **(_followed(replay, traces) if drawing == "sampling" else _bent(replay, traces, mask)),
    }
    return Frames(run, drawing, stored, packed, names, facts)


def _followed(replay: Replay, traces: Mapping[int, Trace]) -> dict[str, Any]:
    """What the last snapshot found, and which query answers for it at every other one."""
    last = traces[max(traces)].detections
    objects = followed_objects(last) if last is not None else []
    return {
        "objects": [
            {name: asdict(one)[name] for name in ("class_name", "score", "box_xyxy_px")}
            for one in objects
        ],
        "matches": {i: matched_queries(trace, objects) for i, trace in traces.items()},
        "curves": read_curves(replay.folder),
    }


def _bent(replay: Replay, traces: Mapping[int, Trace], mask: Any) -> dict[str, Any]:
    """How far the grids were bent at every snapshot."""
    from deformviz.analysis.grid_curves import grid_curves, grid_layer_statistics, read_grid_scores

    statistics = {
        iteration: {
            name: grid_layer_statistics(record, mask)
            for name, record in trace.layers.items()
            if isinstance(record, GridTrace)
        }
        for iteration, trace in traces.items()
    }
    curves = grid_curves(statistics, read_grid_scores(replay.folder))
    return {"objects": [], "matches": {}, "curves": curves}


def _layer_title(header: dict[str, Any]) -> str:
    """A layer in words; a deformed grid by its stage and size."""
    if header["kind"] != "grid":
        return header["layer"].replace("coder.", "coder ")
    height, width = header["grid_hw"]
    return say(
        "site.stage", stage=int(header["layer"].split(".")[1]) + 1, height=height, width=width
    )
