"""Stored traces: what a model saw in the sample images, ready to be shown without running it.

A store is a folder with one folder per picture: `picture.jpg`, `meta.json`, and each traced layer
as `<layer>.bin.gz` (see `deformviz.tracing.packing`). Reading needs json and NumPy alone, so the
first picture of the app waits for no model.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deformviz.schema import SHOWN_SCORE, AttentionTrace, GridTrace, Trace
from deformviz.tracing.packing import PackedLayer, compress, header_of, pack_layer
from deformviz.tracing.packing_dense import PackedDense, is_placed_dense, pack_dense
from deformviz.tracing.packing_grid import PackedGrid, pack_grid, unpack_any

log = logging.getLogger(__name__)
SHIPPED = Path(__file__).parents[1] / "assets" / "traces"
SHIPPED_GRIDS = Path(__file__).parents[1] / "assets" / "grids"
SHIPPED_PHOTOS = Path(__file__).parents[1] / "assets" / "photos"  # a folder per model
SHIPPED_KEYS = Path(__file__).parents[1] / "assets" / "keys"
PHOTO_LIST = "models.json"  # of a folder of photographs' traces
MASKS = "masks"  # folder beside the pictures: where an object is known to be
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
PREVIEW_SIDE_PX = 960
JPEG_QUALITY = 90


@dataclass(frozen=True)
class StoredTrace:
    """One picture with its traced layers on disk."""

    name: str  # of the folder, e.g. "harbour-wide"
    title: str
    folder: Path
    key: str  # names picture, model and content; safe to publish
    original_hw: tuple[int, int]
    layers: tuple[str, ...]
    model: str
    honesty: str
    detections: tuple[dict[str, Any], ...]

    def layer_file(self, layer: str) -> Path:
        """Where the packed layer lies, gzip."""
        if layer not in self.layers:
            raise KeyError(
                f"{self.name} has no stored layer {layer!r}; it has {', '.join(self.layers)}."
            )
        return self.folder / f"{layer}.bin.gz"

    def layer_gzip(self, layer: str) -> bytes:
        """The packed layer as stored, gzip."""
        return self.layer_file(layer).read_bytes()

    def header(self, layer: str) -> dict[str, Any]:
        """What the layer says of itself, at a fraction of the cost of its numbers."""
        return header_of(self.layer_file(layer))

    def layer(self, layer: str) -> PackedLayer | PackedGrid | PackedDense:
        """The layer's numbers as NumPy arrays."""
        return unpack_any(self.layer_gzip(layer))

    def picture_jpeg(self) -> bytes:
        """The picture, at most 960 px long."""
        return (self.folder / "picture.jpg").read_bytes()


def read_index(store: str | Path = SHIPPED) -> list[StoredTrace]:
    """Every complete picture of a store, in its order; an unreadable one is left out and logged."""
    found = []
    for meta in Path(store).glob("*/meta.json"):
        try:
            facts = json.loads(meta.read_text())
            trace = StoredTrace(
                name=meta.parent.name,
                title=facts["title"],
                folder=meta.parent,
                key=facts["key"],
                original_hw=tuple(facts["original_hw"]),
                layers=tuple(facts["layers"]),
                model=facts["model"],
                honesty=facts["honesty"],
                detections=tuple(facts["detections"]),
            )
            if all((meta.parent / f"{layer}.bin.gz").exists() for layer in trace.layers):
                found.append((facts["order"], trace))
        except (OSError, ValueError, KeyError, TypeError) as problem:
            log.warning("Stored trace %s cannot be read: %s", meta.parent.name, problem)
    return [trace for _, trace in sorted(found, key=lambda item: item[0])]


def photo_models(folder: Path) -> dict[str, str]:
    """Which published models looked at the gallery's photographs: name -> folder inside."""
    listed = folder / PHOTO_LIST
    if not listed.is_file():
        return {}
    models = json.loads(listed.read_text())
    return {str(name): str(inside) for name, inside in models.items()}


def picture_jpeg(picture: Any) -> bytes:
    """HWC uint8 RGB as a JPEG for display, at most 960 px long."""
    import io

    from PIL import Image

    image = Image.fromarray(picture)
    image.thumbnail((PREVIEW_SIDE_PX, PREVIEW_SIDE_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def write_store(
    model: Any,
    images: Path,
    to: Path,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[StoredTrace]:
    """Run `model` on every picture of a folder and store what it did; replaces the old store.

    Titles and order come from `scenes.json` in the folder where it has one.

    Raises:
        ValueError: the folder holds no pictures.
    """
    files = sorted(path for path in Path(images).iterdir() if path.suffix.lower() in PICTURES)
    if not files:
        raise ValueError(f"{images} holds no pictures ({', '.join(PICTURES)}).")
    titles = _titles(Path(images))
    files.sort(key=lambda path: list(titles).index(path.stem) if path.stem in titles else 10_000)
    part = to.with_name(to.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    for order, path in enumerate(files):
        write_picture(model, path, titles.get(path.stem), order, part / path.stem)
        if on_progress:
            on_progress(order + 1, len(files))
    shutil.rmtree(to, ignore_errors=True)
    part.rename(to)
    return read_index(to)


def _titles(images: Path) -> dict[str, str]:
    """Name -> title, in the order of the folder's own list."""
    listed = images / "scenes.json"
    scenes = json.loads(listed.read_text()) if listed.exists() else []
    return {Path(scene["name"]).stem: scene["title"] for scene in scenes}


def pack_record(
    model: Any, trace: Trace, layer: str, *, title: str = "", honesty: str = "", mask: Any = None
) -> bytes | None:
    """A layer as the browser gets it, gzip, whatever its kind; None for what is not drawn.

    Args:
        model: the model behind the trace; its name and training label the layer by default.
        mask: bool [row column] of the padded picture, for grids.
    """
    from deformviz.tracing.dense_samples import dense_as_samples
    from deformviz.tracing.labels import honesty_label, model_label

    name = title or model_label(model)
    honest = honesty or honesty_label(model)
    record = trace[layer]
    if isinstance(record, AttentionTrace):
        return compress(pack_layer(trace, layer, model_label=name, honesty_label=honest))
    if is_placed_dense(trace, layer):
        return compress(pack_dense(trace, layer, model_label=name, honesty_label=honest))
    if (dense := dense_as_samples(trace, layer)) is not None:  # too many keys for one file
        drawn = replace(trace, layers={**trace.layers, layer: dense.trace})
        honest += f"; {dense.sentence}"
        return compress(pack_layer(drawn, layer, model_label=name, honesty_label=honest))
    if isinstance(record, GridTrace):
        return compress(
            pack_grid(
                trace,
                layer,
                model_label=name,
                honesty_label=honest,
                class_names=model.config.class_names,
                mask=mask,
                surface=model.get_submodule(layer).bias_surface(),
            )
        )
    return None


def _object_mask(picture: Path, trace: Trace) -> Any:
    """Where the object is in the padded picture, if `masks/<name>.png` says so."""
    import numpy as np
    from PIL import Image

    path = picture.parent / MASKS / f"{picture.stem}.png"
    if not path.exists():
        return None
    (height, width), padded = trace.frame.resized_hw, np.zeros(trace.frame.padded_hw, bool)
    with Image.open(path) as image:
        seen = image.convert("L").resize((width, height), Image.Resampling.NEAREST)
    padded[:height, :width] = np.asarray(seen) > 127
    return padded


def write_picture(
    model: Any,
    path: Path,
    title: str | None,
    order: int,
    to: Path,
    *,
    honesty: str = "",
    wanted: Callable[[tuple[str, ...]], tuple[str, ...]] = lambda layers: layers,
) -> None:
    """Store what a model does with one picture; `wanted` chooses among its layers."""
    from deformviz.tracing.labels import honesty_label, model_label
    from deformviz.tracing.pictures import read_picture
    from deformviz.tracing.run import run

    picture = read_picture(path)
    trace = run(model, picture)
    mask = _object_mask(path, trace)
    packed = {
        layer: blob
        for layer in wanted(tuple(trace))
        if (blob := pack_record(model, trace, layer, honesty=honesty, mask=mask)) is not None
    }
    digest = hashlib.sha256(picture.tobytes())
    to.mkdir(parents=True)
    for layer, blob in packed.items():
        digest.update(blob)
        (to / f"{layer}.bin.gz").write_bytes(blob)
    (to / "picture.jpg").write_bytes(picture_jpeg(picture))
    found = trace.detections
    meta = {
        "title": title or path.stem.replace("-", " ").capitalize(),
        "order": order,
        "key": digest.hexdigest()[:32],
        "original_hw": list(trace.frame.original_hw),
        "layers": list(packed),
        "model": model_label(model),
        "honesty": honesty or honesty_label(model),
        "detections": [
            {
                "class_name": found.name(i),
                "score": round(float(found.scores[i]), 4),
                "box_xyxy_px": [round(float(edge), 2) for edge in found.boxes_xyxy_px[i]],
            }
            for i in range(len(found) if found else 0)
            if found and float(found.scores[i]) >= SHOWN_SCORE
        ],
    }
    (to / "meta.json").write_text(json.dumps(meta, indent=1))
