"""Proofs for stored traces: the model runs again, and its proofs join the headers as they stand.

Arrays are not written anew; a stored layer is proven by a fresh run whose trace is the stored one
within half a step of its packing.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from deformviz.schema import AttentionTrace
from deformviz.tracing.packing import (
    PackedLayer,
    compress,
    decompress,
    packed_proof,
    read_header,
    with_header,
)
from deformviz.tracing.run import run
from deformviz.tracing.store import PICTURES, StoredTrace, read_index


def add_proofs(model: Any, store: Path, images: Path) -> dict[str, float]:
    """Write the proof of every stored layer into its header; the worst difference per picture.

    Args:
        model: the one the store was made with.
        images: the folder of the pictures, under the names of the store's.

    Raises:
        ValueError: a picture is missing, or a stored layer is not what the model does now.
    """
    worst = {}
    for stored in read_index(store):
        picture = picture_of(stored, images)
        trace = run(model, picture)
        for layer in stored.layers:
            blob = decompress(stored.layer_gzip(layer))
            _check_same(stored, layer, trace[layer])
            header, start = read_header(blob)
            header["proof"] = packed_proof(trace, layer)
            packed = compress(with_header(header, blob[start:]))
            (stored.folder / f"{layer}.bin.gz").write_bytes(packed)
        _renew_key(stored)
        found = [trace.proofs[layer].difference for layer in stored.layers if layer in trace.proofs]
        worst[stored.name] = max(found, default=float("nan"))
    return worst


def picture_of(stored: StoredTrace, images: Path) -> Path:
    """The picture of a trace in a folder of pictures. Raises ValueError where there is none."""
    found = [images / f"{stored.name}{suffix}" for suffix in PICTURES]
    picture = next((path for path in found if path.is_file()), None)
    if picture is None:
        raise ValueError(f"{images} holds no picture {stored.name!r}.")
    return picture


def _check_same(stored: StoredTrace, layer: str, record: Any) -> None:
    """The model does now what was stored, so that its proof is the stored layer's."""
    packed = stored.layer(layer)
    if isinstance(packed, PackedLayer) and isinstance(record, AttentionTrace):
        step = max(packed.header["location_scale"])
        apart = float(np.abs(np.asarray(record.sampling_locations) - packed.locations).max())
    else:
        grid: Any = packed
        step = 1e-4
        apart = float(np.abs(np.asarray(record.positions) - grid.trace.positions).max())
    if apart > step + 1e-4:
        raise ValueError(
            f"{stored.name}/{layer} is stored {apart:.1e} away from what the model does now; "
            "write the store again with `deformviz precompute`."
        )


def _renew_key(stored: StoredTrace) -> None:
    """The name under which a browser may keep the picture's layers for ever."""
    digest = hashlib.sha256(stored.picture_jpeg())
    for layer in stored.layers:
        digest.update(stored.layer_gzip(layer))
    path = stored.folder / "meta.json"
    facts = json.loads(path.read_text())
    facts["key"] = digest.hexdigest()[:32]
    path.write_text(json.dumps(facts, indent=1))
