"""Names of axes: declare them once on a record, check them whenever one is made.

Every coordinate mistake this field is known for came from a tensor whose last axis had no name.
Works on anything with a `.shape`: torch, NumPy, memory maps; so it imports none of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")

# Axes whose name already says how long they are.
FIXED_SIZES = {"xy": 2, "hw": 2, "cxcywh": 4, "xyxy": 4}


class ShapeError(ValueError):
    """A tensor does not have the axes it was declared with."""


def axes(spec: str, *, optional: bool = False) -> Any:
    """A dataclass field that holds an array with the named axes, e.g. `axes("level hw")`.

    `optional=True` allows None (and makes it the default). A leading `batch` axis is always
    allowed, for all fields of a record or for none of them; `spatial_shapes`, which no batch
    shares out, declares itself with `axes("level hw")` and is checked the same way but never
    carries one: see `check_axes`.
    """
    metadata = {"axes": spec, "optional": optional}
    return field(default=None, metadata=metadata) if optional else field(metadata=metadata)


@dataclass_transform(frozen_default=True, field_specifiers=(axes, field))
def record(cls: type[T]) -> type[T]:
    """A frozen dataclass in whose fields `axes` is no default: plain fields may follow it."""
    return dataclass(frozen=True)(cls)


def axes_of(record: Any) -> dict[str, str]:
    """The declared axes of each array of a record or record class: name -> "query head ...\""""
    return {f.name: f.metadata["axes"] for f in fields(record) if "axes" in f.metadata}


def check_shape(
    name: str, shape: tuple[int, ...], spec: str, sizes: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Compare a shape with its axis names; return `sizes` with the newly learnt ones.

    Args:
        name: what to call the tensor in the error.
        spec: axis names separated by spaces, `"query head level point xy"`.
        sizes: axis sizes known so far, from other tensors.

    Raises:
        ShapeError: the number of axes differs, or one size disagrees.
    """
    names, shape, known = spec.split(), tuple(shape), dict(sizes or {})
    if len(names) != len(shape):
        raise ShapeError(
            f"{name} has {len(shape)} axes, expected {len(names)}; its axes are "
            f"[{spec}], its shape is {shape}."
        )
    for axis, size in zip(names, shape, strict=True):
        expected = FIXED_SIZES.get(axis, known.setdefault(axis, size))
        if size != expected:
            raise ShapeError(
                f"{name} has {size} on axis '{axis}', expected {expected}; its axes are "
                f"[{spec}], its shape is {shape}."
            )
    return known


def check_axes(record: Any, *, unbatched: tuple[str, ...] = ("spatial_shapes",)) -> dict[str, int]:
    """Check every declared array of a frozen record; return the sizes by axis name.

    A leading `batch` axis is allowed if all arrays have it, except those named in `unbatched`,
    which belong to the whole batch.

    Raises:
        ShapeError: an array is missing, has other axes, or disagrees with another one.
    """
    sizes: dict[str, int] = {}
    batched: bool | None = None
    for declared in fields(record):
        spec = declared.metadata.get("axes")
        if spec is None:
            continue
        value = getattr(record, declared.name)
        if value is None:
            if not declared.metadata["optional"]:
                raise ShapeError(
                    f"{type(record).__name__}.{declared.name} is missing; it needs axes [{spec}]."
                )
            continue
        if declared.name not in unbatched:
            this_batched = len(value.shape) == len(spec.split()) + 1
            batched = this_batched if batched is None else batched
            spec = f"batch {spec}" if batched else spec
        sizes = check_shape(declared.name, tuple(value.shape), spec, sizes)
    return sizes


def is_batched(record: Any) -> bool:
    """Whether a checked record carries the leading `batch` axis."""
    for name, spec in axes_of(record).items():
        value = getattr(record, name)
        if value is not None and name != "spatial_shapes":
            return len(value.shape) == len(spec.split()) + 1
    return False
