"""The rows of a study: one per picture, layer, head and level; one per detection.

The schema is documented column by column; `describe()` prints it, a test compares it with what
is written.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa

from deformviz.survey.matching import Match
from deformviz.survey.samples import LayerOfQueries, Moments
from deformviz.survey.sums import size_class

VERSION = 1
TENTHS = (0.1, 0.5, 0.9)
F, WORD = pa.float32(), pa.dictionary(pa.int32(), pa.string())
PICTURES = pa.schema(
    [
        pa.field("picture", pa.int32(), metadata={"meaning": "number, in the study's order"}),
        pa.field("name", pa.string(), metadata={"meaning": "as listed"}),
        pa.field("path", pa.string(), metadata={"meaning": "where it was read"}),
        pa.field("height", pa.int32(), metadata={"meaning": "pixels of the original"}),
        pa.field("width", pa.int32(), metadata={"meaning": "pixels of the original"}),
        pa.field("detections", pa.int32(), metadata={"meaning": "above the study's score"}),
        pa.field("objects", pa.int32(), metadata={"meaning": "annotated; -1: no annotations"}),
        pa.field("problem", pa.string(), metadata={"meaning": "why it was skipped, or empty"}),
    ]
)
MEASURES = {  # name -> meaning; of one head on one level, over the queries asked about
    "weight_share": "mean share of the head's weight on this level; sums to 1 over levels",
    "heaviest": "mean of the largest weight on this level",
    "entropy": "mean entropy of the head's weights over all levels and points, nats",
    "outside_share": "mean weight on points outside the map",
    "inside_share": "mean weight inside the query's box, of queries that have one",
    "spread": "how far points stray from their mean over the picture's queries, in level pixels, "
    "or in half sides of the box where references are boxes",
    "offset_x_px": "mean offset, level pixels",
    "offset_y_px": "mean offset, level pixels",
    "offset_xx_px": "variance of x over queries and points",
    "offset_xy_px": "covariance of x and y over queries and points",
    "offset_yy_px": "variance of y over queries and points",
    "radius_10_px": "10 % of the offsets are shorter, level pixels",
    "radius_50_px": "median length of the offsets, level pixels",
    "radius_90_px": "90 % of the offsets are shorter, level pixels",
    "offset_x_box": "mean offset from the box's centre, half sides of the box",
    "offset_y_box": "mean offset from the box's centre, half sides of the box",
    "offset_xx_box": "variance of x, half sides of the box",
    "offset_xy_box": "covariance, half sides of the box",
    "offset_yy_box": "variance of y, half sides of the box",
    "radius_10_box": "10 % of the offsets are shorter, half sides of the box",
    "radius_50_box": "median length of the offsets, half sides of the box",
    "radius_90_box": "90 % of the offsets are shorter, half sides of the box",
}
LAYERS = pa.schema(
    [
        pa.field("picture", pa.int32(), metadata={"meaning": "number of the picture"}),
        pa.field("layer", WORD, metadata={"meaning": "name of the layer, encoder.0"}),
        pa.field("head", pa.int16(), metadata={"meaning": "number of the head"}),
        pa.field("level", pa.int16(), metadata={"meaning": "number of the level"}),
        pa.field("queries", pa.int32(), metadata={"meaning": "how many were asked about"}),
        pa.field("boxed", pa.int32(), metadata={"meaning": "how many of them have a box"}),
        *(pa.field(name, F, metadata={"meaning": text}) for name, text in MEASURES.items()),
    ]
)
DETECTIONS = pa.schema(
    [
        pa.field("picture", pa.int32(), metadata={"meaning": "number of the picture"}),
        pa.field("detection", pa.int16(), metadata={"meaning": "place by score, 0 is the best"}),
        pa.field("query", pa.int32(), metadata={"meaning": "the decoder query that found it"}),
        pa.field("class", WORD, metadata={"meaning": "in words"}),
        pa.field("score", F, metadata={"meaning": "0 to 1"}),
        pa.field("x0_px", F, metadata={"meaning": "edge, pixels of the original"}),
        pa.field("y0_px", F, metadata={"meaning": "edge, pixels of the original"}),
        pa.field("x1_px", F, metadata={"meaning": "edge, pixels of the original"}),
        pa.field("y1_px", F, metadata={"meaning": "edge, pixels of the original"}),
        pa.field("side_px", F, metadata={"meaning": "root of the box's area"}),
        pa.field("size", WORD, metadata={"meaning": "S below 32, M below 96, else L"}),
        pa.field("object", pa.int32(), metadata={"meaning": "matched true box; -1: none"}),
        pa.field("iou", F, metadata={"meaning": "with the best true box; NaN: no annotations"}),
        pa.field("right", pa.bool_(), metadata={"meaning": "class and box agree; null: unknown"}),
        pa.field("layer", WORD, metadata={"meaning": "the last decoder layer, measured below"}),
        pa.field("entropy", F, metadata={"meaning": "mean over heads, nats"}),
        pa.field("heaviest", F, metadata={"meaning": "mean over heads of the largest weight"}),
        pa.field("outside_share", F, metadata={"meaning": "weight outside the map"}),
        pa.field("inside_share", F, metadata={"meaning": "weight inside its own box"}),
        pa.field("radius_box", F, metadata={"meaning": "mean offset length, half sides"}),
        pa.field("level_share", pa.list_(F), metadata={"meaning": "weight per level"}),
    ]
)
TABLES = {"pictures": PICTURES, "layers": LAYERS, "detections": DETECTIONS}


def describe() -> str:
    """The schema of all tables as Markdown."""
    parts = []
    for name, schema in TABLES.items():
        parts.append(f"### {name}\n\n| column | type | meaning |\n|---|---|---|")
        parts += [
            f"| `{field.name}` | {field.type} | {field.metadata[b'meaning'].decode()} |"
            for field in schema
        ]
        parts.append("")
    return "\n".join(parts)


def layer_rows(picture: int, layer: LayerOfQueries) -> list[dict]:
    """One row per head and level."""
    if not len(layer.queries):
        return []
    measures = _measures(layer)
    names = list(measures)
    numbers = np.stack([measures[name] for name in names], axis=-1).tolist()
    told = {
        "picture": picture,
        "layer": layer.name,
        "queries": len(layer.queries),
        "boxed": len(layer.with_box),
    }
    return [
        told | {"head": head, "level": level} | dict(zip(names, row, strict=True))
        for head, levels in enumerate(numbers)
        for level, row in enumerate(levels)
    ]


def _measures(layer: LayerOfQueries) -> dict[str, np.ndarray]:
    """Every measure by name, [head level]."""
    weights, points = layer.weights, np.array(layer.points)
    own = layer.moments_box if layer.boxed else layer.moments_px
    strayed = np.sqrt(own.covariance[..., :2].sum(axis=-1))
    most = np.maximum.reduceat(weights, layer.starts, axis=-1)
    found = {
        "weight_share": layer.by_level(weights.mean(axis=0)),
        "heaviest": most.mean(axis=0),
        "entropy": np.broadcast_to(_entropy(weights).mean(axis=0)[:, None], most.shape[1:]),
        "outside_share": layer.by_level((weights * layer.outside).mean(axis=0)),
        "inside_share": layer.by_level(_mean(weights[layer.with_box] * layer.inside)),
        "spread": layer.by_level(strayed) / points,
    }
    found |= _offsets(layer, layer.offsets_px, layer.moments_px, "px")
    return found | _offsets(layer, layer.offsets_box, layer.moments_box, "box")


def _offsets(
    layer: LayerOfQueries, offsets: np.ndarray, of: Moments, unit: str
) -> dict[str, np.ndarray]:
    """Mean, covariance and quantiles of offsets [query head sample xy] by name, [head level]."""
    names = ("offset_x", "offset_y", "offset_xx", "offset_xy", "offset_yy")
    radii = ("radius_10", "radius_50", "radius_90")
    if not len(offsets):
        nothing = np.full((offsets.shape[1], len(layer.points)), np.nan)
        return {f"{name}_{unit}": nothing for name in (*names, *radii)}
    means, spreads = (np.moveaxis(part, -1, 0) for part in (of.mean, of.covariance))
    of_level = [layer.by_level(part) / layer.points for part in means]
    x, y = of_level
    pairs = zip(((0, 0), (1, 1), (0, 1)), spreads, strict=True)
    xx, yy, xy = (
        layer.by_level(within + means[a] * means[b]) / layer.points - of_level[a] * of_level[b]
        for (a, b), within in pairs
    )
    values = [x, y, xx, xy, yy]
    lengths = np.sqrt(np.square(offsets[..., 0]) + np.square(offsets[..., 1]))
    edges = [*layer.starts, lengths.shape[2]]
    tenths = [
        _lengths_at(lengths[..., low:high].transpose(1, 0, 2).reshape(lengths.shape[1], -1))
        for low, high in pairwise(edges)
    ]
    values += list(np.stack(tenths, axis=-1))
    return {f"{name}_{unit}": value for name, value in zip((*names, *radii), values, strict=True)}


def _lengths_at(lengths: np.ndarray) -> np.ndarray:
    """The lengths [head number] that a tenth, half and nine tenths are shorter than: [3 head].

    As NumPy's quantiles with linear interpolation, by one sort.
    """
    ordered = np.sort(lengths, axis=1)
    places = np.array(TENTHS) * (ordered.shape[1] - 1)
    below = places.astype(int)
    share = (places - below).astype(np.float32)
    above = np.minimum(below + 1, ordered.shape[1] - 1)
    return (ordered[:, below] * (1 - share) + ordered[:, above] * share).T


def _entropy(weights: np.ndarray) -> np.ndarray:
    """[.. sample] -> [..] in nats; weights sum to 1 over a head's samples."""
    tiny = np.finfo(weights.dtype).tiny  # 0 log 0 is 0
    return -(weights * np.log(np.maximum(weights, tiny))).sum(-1)


def _mean(values: np.ndarray) -> np.ndarray:
    """The mean over the first axis; NaN where there is nothing."""
    return values.mean(axis=0) if len(values) else np.full(values.shape[1:], np.nan)


# -- detections ------------------------------------------------------------------------------------


def detection_rows(
    picture: int, found: list[dict], matches: list[Match] | None, layer: LayerOfQueries | None
) -> list[dict]:
    """One row per detection; `layer` is the last decoder layer, asked about these very queries."""
    places = {} if layer is None else {int(q): i for i, q in enumerate(layer.queries)}
    rows = []
    for number, one in enumerate(found):
        match = matches[number] if matches is not None else None
        x0, y0, x1, y1 = one["box_xyxy_px"]
        side = float(np.sqrt(max(x1 - x0, 0) * max(y1 - y0, 0)))
        row = {
            "picture": picture,
            "detection": number,
            "query": one["query"],
            "class": one["class"],
            "score": one["score"],
            **dict(zip(("x0_px", "y0_px", "x1_px", "y1_px"), (x0, y0, x1, y1), strict=True)),
            "side_px": side,
            "size": size_class(side),
            "object": -1 if match is None else match.object,
            "iou": np.nan if match is None else match.iou,
            "right": None if match is None else match.right,
        }
        if layer is not None and one["query"] in places:
            row |= _attention_of(layer, places[one["query"]])
        rows.append(row)
    return rows


def _attention_of(layer: LayerOfQueries, place: int) -> dict:
    """How one query of the last layer looked, averaged over heads."""
    weights = layer.weights[place]
    told = {
        "layer": layer.name,
        "entropy": float(_entropy(weights).mean()),
        "heaviest": float(weights.max(-1).mean()),
        "outside_share": float((weights * layer.outside[place]).sum(-1).mean()),
        "level_share": layer.by_level(weights).mean(axis=0).tolist(),
    }
    (owner,) = (layer.with_box == place).nonzero()
    if len(owner):
        told["inside_share"] = float((weights * layer.inside[owner[0]]).sum(-1).mean())
        told["radius_box"] = float(np.linalg.norm(layer.offsets_box[owner[0]], axis=-1).mean())
    return told


def to_table(name: str, rows: list[dict]) -> pa.Table:
    """Rows as an Arrow table of the documented schema; what a row lacks is null."""
    return pa.Table.from_pylist(rows, schema=TABLES[name])
