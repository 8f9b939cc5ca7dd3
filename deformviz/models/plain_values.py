"""Plain values, as JSON gives them, into the fields of a frozen configuration."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, get_args, get_origin


def to_fields(
    cls: type, values: Mapping[str, Any], *, apart: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The values as the types their fields declare; lists become tuples.

    Args:
        apart: fields the caller fills in itself.

    Raises:
        ValueError: a field `cls` does not have, one it needs is missing, or a value is of
            another type.
    """
    known = {f.name: f for f in fields(cls)}
    if unknown := sorted(set(values) - set(known)):
        raise ValueError(
            f"The configuration has unknown fields: {', '.join(unknown)}. "
            f"Known are {', '.join(known)}."
        )
    required = {name for name, f in known.items() if f.default is f.default_factory is MISSING}
    if missing := sorted(required - set(apart) - set(values)):
        raise ValueError(f"The configuration lacks {', '.join(missing)}.")
    return {name: _as_declared(name, known[name].type, v) for name, v in values.items()}


def _as_declared(name: str, kind: Any, value: Any) -> Any:
    """A JSON value as the field's type; ValueError where it cannot be meant."""
    if get_origin(kind) is tuple:
        member = get_args(kind)[0]
        if isinstance(value, (list, tuple)) and all(_is_a(item, member) for item in value):
            return tuple(value)
    elif any(_is_a(value, choice) for choice in get_args(kind) or (kind,)):
        return value
    raise ValueError(f"The configuration has {name}={value!r}, which is not of type {kind}.")


def _is_a(value: Any, kind: type) -> bool:
    """Like isinstance, but True is no number, and a whole number will do for a float."""
    return type(value) is kind or (kind is float and type(value) is int)
