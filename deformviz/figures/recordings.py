"""Recordings as they are taken along: one page for a browser, one figure for a paper."""

from __future__ import annotations

import base64
import html
import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deformviz import bundles
from deformviz.figures.marks_engine import FigureError, figure_marks
from deformviz.figures.svg import svg_document
from deformviz.figures.theme import palette
from deformviz.schema import AttentionTrace, GridTrace, Trace
from deformviz.tracing.packing import PackedLayerError, compress, pack_layer
from deformviz.tracing.packing_grid import pack_grid
from deformviz.tracing.recording import RecordError, Recording
from deformviz.tracing.store import picture_jpeg

MOST_PAGE_BYTES = 3_000_000
MOST_THINNED = 64  # of an encoder's queries at least each 64th is on a page that shows the layer ..
FEWEST_QUERIES = 500  # .. and a layer with fewer of them is there as it is, or not at all
FEWEST_LETTERS = 100  # that a query takes
PAGE = Path(__file__).with_name("recording_page.html")
NO_PICTURE = (238, 238, 240)  # grey that stands for a picture nobody named
DRAWN = {AttentionTrace: "sampling", GridTrace: "grid"}


@dataclass(frozen=True)
class Figure:
    """A drawing of one layer; notebooks show it, `save` writes it."""

    svg: str
    width: float  # px
    height: float

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path, *, scale: float = 2.0) -> Path:
        """Write .svg, .png or .pdf, as the name ends; `scale` pixels of a PNG for each of its own.

        Raises FigureError for another ending, and where a renderer is missing.
        """
        path = Path(path)
        write = {".svg": _as_svg, ".png": _as_png, ".pdf": _as_pdf}.get(path.suffix.lower())
        if write is None:
            raise FigureError(f"{path.name} must end in .svg, .png or .pdf.")
        path.write_bytes(write(self.svg, scale))
        return path


def _as_svg(svg: str, scale: float) -> bytes:
    return svg.encode()


def _as_png(svg: str, scale: float) -> bytes:
    try:
        import resvg_py
    except ImportError:
        raise FigureError(_missing("resvg-py", "PNG")) from None
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=round(scale)))


def _as_pdf(svg: str, scale: float) -> bytes:
    try:
        import cairosvg
    except (ImportError, OSError):  # the package, or the library libcairo below it
        raise FigureError(_missing("cairosvg and the system's libcairo", "PDF")) from None
    made = cairosvg.svg2pdf(bytestring=svg.encode())
    assert isinstance(made, bytes)  # where no file is named
    return made


def _missing(what: str, wanted: str) -> str:
    return f"A {wanted} needs {what}: `pip install 'deformviz[figures]'`, or save an .svg."


def kind_of(trace: Any) -> str:
    """Which picture shows a trace; "" for kinds that have none."""
    return next((kind for record, kind in DRAWN.items() if isinstance(trace, record)), "")


def pack(recording: Recording, layer: str, image: int = 0, every: int = 1) -> bytes:
    """A layer of one picture as the page reads it, gzip.

    Args:
        every: of an encoder's queries take only each `every`-th.

    Raises:
        RecordError: the kind of this layer has no picture, or nothing is known of the frame.
        PackedLayerError: its numbers cannot be drawn.
    """
    whole = recording.trace(image)
    trace = whole[layer]
    labels: dict[str, Any] = {
        "model_label": recording.model,
        "honesty_label": recording.honesty,
    }
    if isinstance(trace, AttentionTrace) and every > 1:
        few = trace.select_queries(range(0, len(trace.attention_weights), every))
        alone = Trace({layer: few}, whole.frame, None, proofs=whole.proofs)
        return compress(pack_layer(alone, layer, some_queries=True, **labels))
    if isinstance(trace, AttentionTrace):
        return compress(pack_layer(whole, layer, **labels))
    if isinstance(trace, GridTrace):
        names = whole.detections.class_names if whole.detections else ()
        return compress(pack_grid(whole, layer, class_names=names, **labels))
    raise RecordError(
        f"{layer} is a {type(trace).__name__}, which no page draws; its numbers are in "
        f"recording[{layer!r}]."
    )


def drawable_layers(recording: Recording, layers: Collection[str] | None = None) -> list[str]:
    """The layers that a page can show together, of one kind, in their order.

    Raises:
        RecordError: a name in `layers` is unknown, or none of the layers has a picture.
    """
    wanted = list(recording) if layers is None else list(layers)
    for name in wanted:
        if name not in recording.traces:
            raise RecordError(
                f"There is no layer {name!r} in this recording; it has {', '.join(recording)}."
            )
    kinds = [kind_of(recording[name]) for name in wanted]
    first = next((kind for kind in reversed(kinds) if kind), None)
    if first is None:
        raise RecordError(
            "No page draws the layers of this recording ("
            f"{', '.join(sorted({type(recording[n]).__name__ for n in wanted}))}); their numbers "
            "are in recording[name]."
        )
    return [name for name, kind in zip(wanted, kinds, strict=True) if kind == first]


def to_html(
    recording: Recording,
    path: str | Path | None = None,
    *,
    layers: Collection[str] | None = None,
    image: int = 0,
    view: Mapping[str, Any] | None = None,
    most_bytes: int = MOST_PAGE_BYTES,
) -> str:
    """One page that needs no server: picture, layers to choose from, and their proof.

    Args:
        path: also write it there.
        layers: those to take along; None: as many as fit, the last ones first.
        view: what to show at first, under the names of a link's address.
        most_bytes: how long the page may become; what does not fit is named on it.

    Raises:
        RecordError: nothing in the recording can be drawn.
    """
    names, left_out = drawable_layers(recording, layers), {}
    kind = kind_of(recording[names[0]])
    picture = picture_jpeg(picture_of(recording, image))
    room = most_bytes - sum(len(bundles.read(f"{kind}.{end}")) for end in ("js", "css"))
    room -= 4 * len(picture) // 3 + len(json.dumps(bundles.words(kind))) + 4000
    packed: dict[str, str] = {}
    every: dict[str, int] = {}
    for name in reversed(names):
        try:
            every[name], blob = _fitting(recording, name, image, room)
        except PackedLayerError as problem:
            left_out[name] = str(problem)
            continue
        if len(blob) > room:
            left_out[name] = f"it would make the page longer than {most_bytes / 1e6:g} MB."
            continue
        room -= len(blob)
        packed[name] = blob
    if not packed:
        raise RecordError(
            "No layer fits the page: "
            + "; ".join(f"{name}: {why}" for name, why in left_out.items())
        )
    page = _page(recording, image, kind, packed, every, left_out, dict(view or {}))
    if path is not None:
        Path(path).write_text(page, encoding="utf-8")
    return page


def _fitting(recording: Recording, name: str, image: int, room: int) -> tuple[int, str]:
    """A layer in letters, and of how many of its queries each one is: an encoder has thousands."""

    def letters(every: int) -> str:
        return base64.b64encode(pack(recording, name, image, every)).decode()

    trace = recording[name]
    queries = trace.attention_weights.shape[1] if isinstance(trace, AttentionTrace) else 0
    may_thin = name.startswith("encoder") and queries > FEWEST_QUERIES
    if may_thin and room < queries * FEWEST_LETTERS // MOST_THINNED:
        return 1, " " * (room + 1)  # not even the thinnest would fit
    whole = letters(1)
    if len(whole) <= room or not may_thin:
        return 1, whole
    every = math.ceil(1.1 * len(whole) / room)
    return (every, letters(every)) if every <= MOST_THINNED else (1, whole)


def page_data(
    recording: Recording, image: int, kind: str, names: Collection[str], view: dict[str, Any]
) -> dict[str, Any]:
    """What the picture's script is handed beside the trace, for layers of one kind."""
    known = recording.images[image]
    title = known.title or recording.model
    picture = base64.b64encode(picture_jpeg(picture_of(recording, image))).decode()
    levels = [len(recording[n].spatial_shapes) if kind == "sampling" else 1 for n in names]
    return {
        "title": title,
        "note": "" if known.picture is not None else "The recording holds no picture.",
        "picture_alt": title,
        "picture_hw": list(known.frame.original_hw),
        "picture_url": f"data:image/jpeg;base64,{picture}",
        "palette": palette(max(levels)),
        "words": bundles.words(kind),
        "view": view,
    }


def proof_in_words(recording: Recording, layer: str) -> str:
    """How far the replay of a layer was from what its module returned."""
    proof = recording.proofs.get(layer)
    if proof is None:
        return "Recorded without a proof."
    return (
        f"Replayed: {proof.difference:.1e} of the largest output apart, "
        f"{proof.tolerance:.0e} allowed."
    )


def thinned_in_words(recording: Recording, layer: str, every: int) -> str:
    """Which of an encoder's queries are there, where not all are."""
    if every == 1:
        return ""
    count = recording[layer].attention_weights.shape[1]
    return (
        f" To keep the page small it holds 1 in {every} of {count} queries: query 5 here is number "
        f"{5 * every} of the layer."
    )


def _page(recording, image, kind, packed, every, left_out, view) -> str:
    data = page_data(recording, image, kind, packed, view)
    facts = {
        "layers": {name: packed[name] for name in recording if name in packed},
        "first": next(iter(packed)),
        "proofs": {
            name: proof_in_words(recording, name) + thinned_in_words(recording, name, every[name])
            for name in packed
        },
        "left_out": {**left_out, **recording.skipped},
        "model": ", ".join(filter(None, (recording.model, recording.honesty))),
        "versions": recording.versions,
        "data": data,
    }
    parts = {
        "title": html.escape(data["title"]),
        "style": bundles.read(f"{kind}.css"),
        "script": bundles.read(f"{kind}.js").replace("</script", "<\\/script"),
        "facts": json.dumps(facts).replace("<", "\\u003c"),
    }
    text = PAGE.read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], text)


def picture_of(recording: Recording, image: int) -> np.ndarray:
    """The recorded picture, or grey of its size."""
    recording.trace(image)  # says what is missing where the frame is not known
    known = recording.images[image]
    if known.picture is not None:
        return known.picture
    return np.full((*known.frame.original_hw, 3), NO_PICTURE, np.uint8)


def figure(
    recording: Recording,
    *,
    layer: str | None = None,
    query: int | None = None,
    heads: Collection[int] | None = None,
    levels: Collection[int] | None = None,
    image: int = 0,
    **view: Any,
) -> Figure:
    """What the page would export of one layer: the same marks, drawn by the same function.

    Args:
        layer: the last one that can be drawn if None.
        query: whose samples to show; the layer's own start if None.
        heads, levels: those to show; all if None.
        view: more of what a link may say: colour="level", lines=False, all=True, zoom=2, ..

    Raises:
        RecordError: the layer cannot be drawn.
        FigureError: the view does not fit the layer, or the extra `figures` is not installed.
    """
    name = drawable_layers(recording, None if layer is None else [layer])[-1]
    said: dict[str, Any] = {"pinned": True, **view}
    for key, value in (("query", query), ("heads", heads), ("levels", levels)):
        if value is not None:
            said[key] = value if isinstance(value, int) else list(value)
    known = recording.images[image]
    facts = {"title": known.title or recording.model, "note": proof_in_words(recording, name)}
    blob, kind = pack(recording, name, image), kind_of(recording[name])
    made = figure_marks(blob, kind, said, facts)
    svg = svg_document(made, picture_jpeg(picture_of(recording, image)))
    return Figure(svg, made["width"], made["height"])
