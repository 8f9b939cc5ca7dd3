"""Key sets of a folder of pictures on disk, as the browser reads them.

One binary per picture, framed like `deformviz.tracing.packing`: header, then for each set float32
places [query key xy] (one query where all share them, NaN for keys a query lacks) and, where its
weights are trained, uint16 weights [query key]. Together with a picture it makes a StoredTrace.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from deformviz.analysis.key_sets import CHANNELS, COST_SIDES, MAP_HW, KeySet, key_sets
from deformviz.schema import ImageFrame
from deformviz.tracing.labels import honesty_label, model_label
from deformviz.tracing.packing import (
    STEPS,
    VERSION,
    compress,
    frame_coefficients,
    proof_header,
    with_header,
)
from deformviz.tracing.pictures import read_picture
from deformviz.tracing.proven import Proof
from deformviz.tracing.store import SHIPPED_KEYS, StoredTrace, picture_jpeg, read_index

LAYER = "key-sets"


def pack_key_sets(sets: list[KeySet], original_hw: tuple[int, int]) -> bytes:
    """Header and arrays of all sets of one picture."""
    described, body = [], []
    floats, shorts = [], []
    for one in sets:
        shared = bool((one.places_xy == one.places_xy[:1]).all())
        scale = None if one.weights is None else float(one.weights.max()) / STEPS
        described.append(
            {
                "name": one.name,
                "title": one.title,
                "shared": shared,
                "keys": len(one.heads),
                "per_head": one.per_head,
                "heads": int(one.heads.max()) + 1,
                "cost": one.cost,
                "honesty": one.honesty,
                "weight_scale": scale,
            }
        )
        floats.append((one.places_xy[:1] if shared else one.places_xy).astype("<f4").tobytes())
        if scale is not None and one.weights is not None:
            shorts.append(np.round(one.weights / scale).astype("<u2").tobytes())
    body = floats + shorts
    rows, columns = MAP_HW
    frame = ImageFrame(original_hw, original_hw, original_hw)  # places are shares of the picture
    header = {
        "v": VERSION,
        "kind": LAYER,
        "layer": LAYER,
        "queries": rows * columns,
        "levels": [list(MAP_HW)],
        "level_starts": [0],
        "sets": described,
        "start_query": rows // 2 * columns + columns // 2,
        "cost_sides": COST_SIDES,
        "channels": CHANNELS,
        "proof": worst_proof([one.proof for one in sets if one.weights is not None]),
        **frame_coefficients(frame, [MAP_HW]),
    }
    return with_header(header, b"".join(body))


def worst_proof(proofs: list[Proof | None]) -> dict[str, Any] | None:
    """The proof that says least good of the trained sets; None where one was not replayed."""
    known = [proof for proof in proofs if proof is not None]
    if not known or len(known) < len(proofs) and all(proof.agrees for proof in known):
        return None
    return proof_header(max(known, key=lambda proof: (not proof.agrees, proof.difference)))


def whose_weights(detector: Any, dat: Any) -> dict[str, str]:
    """Which models the sets are of, and what these have seen, for the line under the picture."""
    return {
        "model": f"{model_label(detector)}, {model_label(dat)}",
        "honesty": f"detector {honesty_label(detector)}; DAT {honesty_label(dat)}",
    }


def write_key_sets(
    detector: Any,
    dat: Any,
    pictures: list[tuple[Path, str]],
    to: Path,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[StoredTrace]:
    """Compute and store the key sets of pictures with their titles; replaces what is at `to`."""
    part = to.with_name(to.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    for order, (path, title) in enumerate(pictures):
        picture = read_picture(path)
        original_hw = picture.shape[0], picture.shape[1]
        blob = compress(pack_key_sets(key_sets(picture, detector, dat), original_hw))
        folder = part / path.stem
        folder.mkdir(parents=True)
        (folder / f"{LAYER}.bin.gz").write_bytes(blob)
        (folder / "picture.jpg").write_bytes(picture_jpeg(picture))
        (folder / "meta.json").write_text(
            json.dumps(
                {
                    "title": title,
                    "order": order,
                    "key": hashlib.sha256(blob).hexdigest()[:32],
                    "original_hw": original_hw,
                    "layers": [LAYER],
                    "detections": [],
                    **whose_weights(detector, dat),
                },
                indent=1,
            )
        )
        if on_progress:
            on_progress(order + 1, len(pictures))
    shutil.rmtree(to, ignore_errors=True)
    part.rename(to)
    return read_index(to)


SINGLES = ("single-house", "single-boat", "single-balloon", "single-cat", "single-flower")
SCENES = ("cat-and-ball", "garden")  # of several objects: the detector's own domain


def ship(to: Path = SHIPPED_KEYS) -> list[StoredTrace]:
    """Compute the key sets that the app shows, with the shipped models."""
    from deformviz.checkpoints.load import load
    from deformviz.training.sample_images import FOLDER, SAMPLES, SINGLES_FOLDER
    from deformviz.training.sample_images import SINGLES as DRAWN

    titles = {sample.name: sample.title for sample in (*SAMPLES, *DRAWN)}
    pictures = [(FOLDER / SINGLES_FOLDER / f"{name}.png", titles[name]) for name in SINGLES]
    pictures += [(FOLDER / f"{name}.png", titles[name]) for name in SCENES]
    return write_key_sets(load("deformable-detr-scenes"), load("dat-scenes"), pictures, to)


if __name__ == "__main__":
    ship()
