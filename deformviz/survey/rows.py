"""The rows of a study: one per picture, layer, head and level; one per detection.

The schema is documented column by column; `describe()` prints it, a test compares it with what
is written.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from deformviz.survey.matching import Match
from deformviz.survey.quantiles import quantiles_of_roots
from deformviz.survey.samples import LayerOfQueries
from deformviz.survey.sums import size_class
from deformviz.survey.tally import Moments, Tally, times_log

VERSION = 1
TENTHS = np.array([0.1, 0.5, 0.9])
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
# Columns that say the same over and over; of measures no two are alike.
WORDS: dict[str, Any] = {
    name: [field.name for field in schema if field.type == WORD] for name, schema in TABLES.items()
}


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


def layer_rows(picture: int, tally: Tally) -> dict[str, np.ndarray]:
    """One row per layer, head and level, as columns."""
    layer = tally.layer
    head, level = np.indices((layer.heads, len(layer.points))).reshape(2, -1)
    each, names = len(head), len(layer.names)
    told = {"picture": picture, "queries": len(layer.queries), "boxed": len(layer.with_box)}
    return {
        "layer": np.repeat(np.array(layer.names, object), each),
        "head": np.tile(head, names),
        "level": np.tile(level, names),
        **{name: np.full(each * names, number) for name, number in told.items()},
        **{name: values.reshape(-1) for name, values in _measures(tally).items()},
    }


def _measures(tally: Tally) -> dict[str, np.ndarray]:
    """Every measure by name, [head level]."""
    layer, count, owners = tally.layer, len(tally.layer.queries), len(tally.layer.with_box)
    xx, yy, _ = tally.own_moments.covariance
    strayed = np.sqrt(xx + yy)
    entropy = tally.entropy.sum(axis=-1) / count
    inside = tally.inside / owners if owners else np.full_like(tally.inside, np.nan)
    found = {
        "weight_share": layer.by_level(tally.weight) / count,
        "heaviest": tally.heaviest / count,
        "entropy": np.broadcast_to(entropy[:, None], tally.heaviest.shape),
        "outside_share": layer.by_level(tally.outside) / count,
        "inside_share": layer.by_level(inside),
        "spread": layer.by_level(strayed) / np.array(layer.points),
    }
    found |= _offsets(layer, tally.moments_px, tally.squares_px, "px")
    return found | _offsets(layer, tally.moments_box, tally.squares_box, "box")


def _offsets(
    layer: LayerOfQueries, of: Moments, squares: np.ndarray, unit: str
) -> dict[str, np.ndarray]:
    """Mean, covariance and quantiles of offsets by name, [head level]; squares of their lengths
    are [query head sample]."""
    names = ("offset_x", "offset_y", "offset_xx", "offset_xy", "offset_yy")
    radii = ("radius_10", "radius_50", "radius_90")
    heads, levels = squares.shape[1], len(layer.points)
    if not of.count:
        nothing = np.full((heads, levels), np.nan)
        return {f"{name}_{unit}": nothing for name in (*names, *radii)}
    means, points = of.mean, layer.points
    of_level = layer.by_level(means) / points
    first, second = [0, 1, 0], [0, 1, 1]  # of xx, yy, xy
    within = layer.by_level(of.covariance + means[first] * means[second]) / points
    xx, yy, xy = within - of_level[first] * of_level[second]
    values = [*of_level, xx, xy, yy]
    rows = np.arange(heads)[:, None] * levels + layer.levels
    tenths = quantiles_of_roots(squares.reshape(len(squares), -1), rows.reshape(-1), TENTHS)
    values += list(tenths.reshape(-1, heads, levels))
    return {f"{name}_{unit}": value for name, value in zip((*names, *radii), values, strict=True)}


# -- detections ------------------------------------------------------------------------------------


def detection_rows(
    picture: int, found: list[dict], matches: list[Match] | None, layer: LayerOfQueries | None
) -> list[dict]:
    """One row per detection; `layer` is the last decoder layer, asked about these very queries."""
    wanted = {one["query"] for one in found}
    looked = _attention_of(layer, wanted) if layer is not None and wanted else {}
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
        rows.append(row | looked.get(one["query"], {}))
    return rows


def _attention_of(layer: LayerOfQueries, wanted: set[int]) -> dict[int, dict]:
    """How queries of the last layer looked, averaged over heads: query -> columns of its row."""
    places = np.flatnonzero(np.isin(layer.queries, list(wanted)))
    block = layer.block(places)
    weights, theirs = block.weights, block.weights_of_owners
    of_heads = {
        "entropy": -times_log(weights).sum(axis=-1),  # [query head]
        "heaviest": weights.max(axis=-1),
        "outside_share": (weights * block.outside).sum(axis=-1),
    }
    means = {name: values.mean(axis=1).tolist() for name, values in of_heads.items()}
    means["level_share"] = layer.by_level(weights).mean(axis=1).tolist()
    lengths = np.linalg.norm(block.offsets_box, axis=0)
    by_box = {
        "inside_share": (theirs * block.inside).sum(axis=-1).mean(axis=1).tolist(),
        "radius_box": lengths.mean(axis=(1, 2)).tolist(),
    }
    found = [
        {"layer": layer.names[0], **{name: values[at] for name, values in means.items()}}
        for at in range(len(places))
    ]
    for owner, at in enumerate(block.with_box.tolist()):
        found[at] |= {name: values[owner] for name, values in by_box.items()}
    return dict(zip(layer.queries[places].tolist(), found, strict=True))


def to_table(name: str, rows: list[dict]) -> pa.Table:
    """Rows as an Arrow table of the documented schema; what a row lacks is null.

    Rows of "layers" are blocks of columns, as `layer_rows` makes them.
    """
    schema = TABLES[name]
    if name != "layers" or not rows:
        return pa.Table.from_pylist(rows, schema=schema)
    columns = {
        field.name: np.concatenate([block[field.name] for block in rows]) for field in schema
    }
    arrays = [pa.array(columns[field.name]).cast(field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)
