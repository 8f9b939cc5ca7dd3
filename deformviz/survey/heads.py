"""One row per picture, layer and head, from the rows of its levels: what questions are asked of."""

from __future__ import annotations

import pyarrow as pa

from deformviz.survey.rows import LAYERS, MEASURES

NAME = "heads"
KEYS = ("picture", "layer", "head")
# Shares add up over the levels of a head; of other measures the largest level counts.
SUMMED = frozenset({"weight_share", "outside_share", "inside_share"})
HEADS = pa.schema(
    [*(LAYERS.field(name) for name in KEYS), *(LAYERS.field(name) for name in MEASURES)]
)


def joined(measure: str) -> str:
    """How the levels of a head are joined: "sum" or "max"."""
    return "sum" if measure in SUMMED else "max"


def head_rows(layers: pa.Table) -> pa.Table:
    """Rows of heads from rows of layers, in their order."""
    grouped = layers.group_by(list(KEYS), use_threads=False).aggregate(
        [(measure, joined(measure)) for measure in MEASURES]
    )
    columns = [grouped[name] for name in KEYS]
    columns += [grouped[f"{measure}_{joined(measure)}"] for measure in MEASURES]
    arrays = [column.cast(field.type) for column, field in zip(columns, HEADS, strict=True)]
    return pa.Table.from_arrays(arrays, schema=HEADS)


def sql() -> str:
    """The same as a query of the table of layers."""
    measures = ", ".join(f'{joined(name)}("{name}") AS "{name}"' for name in MEASURES)
    return f"SELECT picture, layer, head, {measures} FROM layers GROUP BY picture, layer, head"
