"""Types of the scripts for the headers of packed traces, written from the Python records.

`python -m app.canvas.header_types` writes `kit/headers.js` anew.
"""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from deformviz.tracing import headers

TARGET = Path(__file__).with_name("kit") / "headers.js"
PLAIN = {int: "number", float: "number", str: "string", bool: "boolean", type(None): "null"}
HEAD = """\
// Headers of packed traces, written by `python -m app.canvas.header_types` from the records in
// deformviz/tracing/headers.py, which say what each field means.
"""


def type_name(annotation: Any) -> str:
    """An annotation as TypeScript reads it."""
    if annotation in PLAIN:
        return PLAIN[annotation]
    if is_typeddict(annotation):
        return annotation.__name__
    arguments = get_args(annotation)
    if get_origin(annotation) is list:
        inner = type_name(arguments[0])
        return f"({inner})[]" if " " in inner else f"{inner}[]"
    if get_origin(annotation) in (types.UnionType, Union):
        return " | ".join(map(type_name, arguments))
    raise TypeError(f"There is no type in scripts for {annotation!r}; add it here.")


def typedef(record: type) -> str:
    """One record as a JSDoc type, inherited fields included."""
    lines = [f" * {(record.__doc__ or '').strip().splitlines()[0]}"]
    lines.append(f" * @typedef {{object}} {record.__name__}")
    for name, annotation in get_type_hints(record, include_extras=True).items():
        optional = get_origin(annotation) is NotRequired
        inner = get_args(annotation)[0] if optional else annotation
        shown = f"[{name}]" if optional else name
        lines.append(f" * @property {{{type_name(inner)}}} {shown}")
    return "\n".join(["/**", *lines, " */"])


def script() -> str:
    """The text of `kit/headers.js`."""
    return "\n\n".join([HEAD.rstrip(), *map(typedef, headers.RECORDS), "export {};"]) + "\n"


if __name__ == "__main__":
    TARGET.write_text(script(), encoding="utf-8")
