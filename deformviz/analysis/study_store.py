"""The study of a stored picture's surest answer, beside its trace: one file, read without torch.

JSON, gzip; numbers to six digits. Of each attribution the samples of the drawn query are kept, and
what all queries add up to.
"""

from __future__ import annotations

import gzip
import json
import math
from dataclasses import asdict, astuple, dataclass
from typing import Any

import numpy as np

from deformviz.analysis.attribution_records import (
    AskedNumber,
    Attribution,
    Faithfulness,
    Study,
    TableRow,
)
from deformviz.analysis.layers_studied import LayersStudied, LayerView
from deformviz.tracing.store import StoredTrace

FILE = "attribution.json.gz"
DIGITS = 6
BETWEEN = "|"  # parts of a key


@dataclass(frozen=True)
class StoredStudy:
    """A study, and which part of the model its layers are."""

    answer: LayersStudied
    part: str


def surest(stored: StoredTrace) -> AskedNumber | None:
    """The answer that is asked first: a detector's surest detection, else the likeliest class."""
    decoders = [name for name in stored.layers if name.startswith("decoder")]
    if not decoders:
        classes = stored.header(stored.layers[-1]).get("classes") or ()
        return AskedNumber(0, int(classes[0]["label"]), False) if classes else None
    found = stored.header(decoders[-1])["detections"]
    best = max(
        (query for query, one in enumerate(found) if one),
        key=lambda query: found[query]["score"],
        default=None,
    )
    return None if best is None else AskedNumber(best, int(found[best]["label"]), True)


def write_study(stored: StoredTrace, answer: LayersStudied, part: str) -> None:
    """Lay a study beside the trace that it belongs to."""
    (stored.folder / FILE).write_bytes(pack_study(answer, part, stored.key))


def read_study(stored: StoredTrace) -> StoredStudy | None:
    """What was stored of a trace; None where nothing was, or of another trace."""
    path = stored.folder / FILE
    if not path.is_file():
        return None
    return unpack_study(path.read_bytes(), stored.key)


def pack_study(answer: LayersStudied, part: str, of: str) -> bytes:
    """A study as it is stored.

    Args:
        of: the key of the trace it belongs to.
    """
    study = answer.study
    drawn = {layer: view.query for layer, view in answer.layers.items()}
    said = {
        "of": of,
        "part": part,
        "target": asdict(study.target),
        "score": study.score,
        "rows": [astuple(row) for row in study.rows],
        "attributions": {
            BETWEEN.join(key): vars(found.kept_of(drawn[found.layer]))
            for key, found in study.attributions.items()
        },
        "curves": {layer: _curves(found) for layer, found in study.curves.items()},
        "without_heaviest": study.without_heaviest,
        "without_any": study.without_any,
        "layers": {layer: vars(view) for layer, view in answer.layers.items()},
        "proofs": answer.proofs,
    }
    text = json.dumps(_plain(said), separators=(",", ":"), allow_nan=False)
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def unpack_study(blob: bytes, of: str) -> StoredStudy | None:
    """What `pack_study` wrote; None where it belongs to another trace."""
    said = json.loads(gzip.decompress(blob))
    if said["of"] != of:
        return None
    study = Study(
        AskedNumber(**said["target"]),
        said["score"],
        tuple(TableRow(*map(_number, row)) for row in said["rows"]),
        {
            _key(name): Attribution(**{**found, "values": np.array(found["values"], float)})
            for name, found in said["attributions"].items()
        },
        {layer: _faithfulness(layer, found) for layer, found in said["curves"].items()},
        said["without_heaviest"],
        said["without_any"],
    )
    layers = {
        layer: LayerView(
            np.array(view["locations_px"], float),
            np.array(view["weights"], float),
            view["query"],
            np.array([_number(one) for one in view["agreement"]], float),
            view["together"],
        )
        for layer, view in said["layers"].items()
    }
    return StoredStudy(LayersStudied(study, layers, tuple(said["proofs"])), said["part"])


def _curves(found: Faithfulness) -> dict[str, Any]:
    curves = {BETWEEN.join(key): scores for key, scores in found.curves.items()}
    return {"points": found.points, "counts": found.counts, "curves": curves}


def _faithfulness(layer: str, said: dict[str, Any]) -> Faithfulness:
    curves = {tuple(key.split(BETWEEN)): np.array(of, float) for key, of in said["curves"].items()}
    return Faithfulness(layer, said["points"], np.array(said["counts"]), curves)


def _key(name: str) -> tuple[str, str, str]:
    layer, quantity, method = name.split(BETWEEN)
    return layer, quantity, method


def _plain(value: Any) -> Any:
    """As JSON has it: arrays as lists, numbers rounded, what is no number as None."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def _number(said: Any) -> Any:
    return math.nan if said is None else said
