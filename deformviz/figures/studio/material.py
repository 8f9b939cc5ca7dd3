"""What figures are drawn from: one picture, and what a model or a training did with it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deformviz.figures.marks_engine import FigureError
from deformviz.tracing.packing import read_header
from deformviz.tracing.store import SHIPPED, SHIPPED_GRIDS, SHIPPED_KEYS, StoredTrace, read_index

if TYPE_CHECKING:
    from deformviz.analysis.attribution_records import Faithfulness

DETECTOR, CLASSIFIER = "deformable-detr-scenes", "dat-scenes"  # shipped
STORES = {"samples": SHIPPED, "grid": SHIPPED_GRIDS, "keys": SHIPPED_KEYS}
PICTURES = {"samples": "beach-dusk", "grid": "single-boat", "keys": "cat-and-ball"}
SHIPPED_RUNS = Path(__file__).parents[2] / "assets" / "runs"
SEED = 0  # of random orders


@dataclass(frozen=True)
class Material:
    """A picture with packed layers; of a training, at each of its iterations.

    `said` is how `dv.figure` is told of it again.
    """

    picture: np.ndarray  # HWC uint8 RGB
    layers: tuple[str, ...]
    layer: Callable[[str, int | None], Any]  # (name, iteration) -> what was packed, read back
    about: str  # model, and what its weights are worth
    said: Mapping[str, Any] = field(default_factory=dict)
    iterations: tuple[int, ...] = ()
    query_at: Callable[[int, int], int | None] | None = None  # (iteration, object) -> who answers
    deleted: Callable[[str, int], Faithfulness] | None = None  # (layer, query) -> curves

    def checked(self, name: str, iteration: int | None = None) -> Any:
        """A layer whose replay did not contradict its trace.

        Raises:
            FigureError: there is no such layer or iteration, or nothing true to draw of it.
        """
        if name not in self.layers:
            raise FigureError(f"There is no layer {name!r}; there are {', '.join(self.layers)}.")
        if self.iterations and iteration not in self.iterations:
            known = ", ".join(map(str, self.iterations))
            raise FigureError(f"No snapshot was kept at iteration {iteration}; there are {known}.")
        packed = self.layer(name, iteration)
        proof = packed.header.get("proof")
        if proof is not None and not float(proof["difference"]) <= proof["tolerance"]:
            raise FigureError(
                f"What was recorded of {name} is not what its module computed "
                f"({proof['difference']} of its largest value apart); nothing is drawn of it."
            )
        return packed


def unpack(blob: bytes) -> Any:
    """A packed layer of whichever kind."""
    from deformviz.figures.studio.kinds_of_attention import unpack_keys
    from deformviz.tracing.packing import decompress
    from deformviz.tracing.packing_grid import unpack_any

    blob = decompress(blob)
    is_keys = read_header(blob, levels_needed=False)[0].get("kind") == "key-sets"
    return unpack_keys(blob) if is_keys else unpack_any(blob)


def pixels_of(jpeg: bytes) -> np.ndarray:
    """A stored picture as HWC uint8 RGB."""
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as image:
        return np.asarray(image.convert("RGB"))


def of_stored(trace: StoredTrace, said: Mapping[str, Any]) -> Material:
    """A stored trace, which no model has to run for."""

    def layer(name: str, iteration: int | None) -> Any:
        return unpack(trace.layer_gzip(name))

    about = f"{trace.model}, {trace.honesty}" if trace.honesty else trace.model
    return Material(pixels_of(trace.picture_jpeg()), trace.layers, layer, about, said)


def find_stored(kind: str, picture: Any) -> StoredTrace | None:
    """The shipped trace of a picture that is named, None for any other picture."""
    if not isinstance(picture, str):
        return None
    return next((trace for trace in read_index(STORES[kind]) if trace.name == picture), None)


def file_of(kind: str, picture: Any) -> Any:
    """What can be read as the picture: the file of a shipped one, else what was given."""
    stored = find_stored(kind, picture)
    if stored is None:
        return picture
    from deformviz.training.sample_images import FOLDER, SINGLES_FOLDER

    files = (FOLDER / f"{picture}.png", FOLDER / SINGLES_FOLDER / f"{picture}.png")
    return next((path for path in files if path.is_file()), stored.folder / "picture.jpg")


def of_model(model: Any, picture: Any, said: Mapping[str, Any]) -> Material:
    """Any model on any picture."""
    from deformviz.checkpoints.load import load
    from deformviz.tracing.labels import honesty_label, model_label
    from deformviz.tracing.pictures import read_picture
    from deformviz.tracing.run import run
    from deformviz.tracing.store import pack_record

    network = load(model) if isinstance(model, str | Path) else model
    pixels = read_picture(picture)
    traced = run(network, pixels)
    packed = {name: blob for name in traced if (blob := pack_record(network, traced, name))}
    return Material(
        pixels,
        tuple(packed),
        lambda name, iteration: unpack(packed[name]),
        f"{model_label(network)}, {honesty_label(network)}",
        said,
        deleted=lambda layer, query: deletion_curves(network, pixels, layer, query),
    )


def of_keys(picture: Any, said: Mapping[str, Any]) -> Material:
    """The shipped models beside three other kinds of attention."""
    from deformviz.analysis.key_sets import key_sets
    from deformviz.analysis.key_sets_store import LAYER, pack_key_sets, whose_weights
    from deformviz.checkpoints.load import load
    from deformviz.tracing.pictures import read_picture

    pixels = read_picture(picture)
    detector: Any = load(DETECTOR)
    classifier: Any = load(CLASSIFIER)
    blob = pack_key_sets(key_sets(pixels, detector, classifier), pixels.shape[:2])
    whose = whose_weights(detector, classifier)
    about = f"{whose['model']}; {whose['honesty']}"
    return Material(pixels, (LAYER,), lambda name, iteration: unpack(blob), about, said)


def of_run(run: Any, picture: Any, said: Mapping[str, Any]) -> Material:
    """A recorded training of ours on any picture, each snapshot computed when it is asked for."""
    from deformviz.analysis.replay import Replay, followed_objects, matched_queries
    from deformviz.schema import AttentionTrace, GridTrace
    from deformviz.tracing.pictures import read_picture
    from deformviz.tracing.store import pack_record

    folder = SHIPPED_RUNS / str(run)
    replay = Replay(folder if folder.is_dir() else Path(run))
    iterations = tuple(replay.iterations())
    if not iterations:
        raise FigureError(f"{replay.folder.path.name} has no snapshots yet.")
    pixels, kept = read_picture(picture), {}

    def traced(iteration: int) -> Any:
        if iteration not in kept:
            kept[iteration] = replay.trace(iteration, pixels)
        return kept[iteration]

    def layer(name: str, iteration: int | None) -> Any:
        assert iteration is not None  # `checked` saw to that
        blob = pack_record(replay.model_at(iteration), traced(iteration), name)
        assert blob is not None  # only layers that can be drawn are named
        return unpack(blob)

    def query_at(iteration: int, followed: int) -> int | None:
        objects = followed_objects(traced(iterations[-1]).detections)
        if followed >= len(objects):
            raise FigureError(f"There is no object {followed}; {len(objects)} are followed.")
        return matched_queries(traced(iteration), objects)[followed]

    last = traced(iterations[-1])
    names = tuple(n for n, r in last.layers.items() if isinstance(r, AttentionTrace | GridTrace))
    about = f"recorded training {replay.folder.path.name}, raw weights"
    return Material(pixels, names, layer, about, said, iterations, query_at)


def deletion_curves(model: Any, picture: np.ndarray, layer: str, query: int) -> Faithfulness:
    """A detection's score while samples of a layer are taken away by each order.

    Raises:
        FigureError: the query found nothing, or the model is no Deformable DETR.
    """
    import torch

    from deformviz.analysis.attribution import attribute
    from deformviz.analysis.attribution_records import METHODS, QUANTITIES
    from deformviz.analysis.attribution_targets import Target, hold
    from deformviz.analysis.faithfulness import faithfulness
    from deformviz.models.deformable_detr import DeformableDETR

    if not isinstance(model, DeformableDETR):
        raise FigureError(f"Samples of a {type(model).__name__} cannot be taken away here.")
    held = hold(model, picture)
    label = int(held.output.logits[0, query].argmax())
    target = Target(query, label)
    values = attribute(held, target, layer, QUANTITIES[0], METHODS[0]).values
    generator = torch.Generator().manual_seed(SEED)
    return faithfulness(held, target, layer, values, generator=generator)
