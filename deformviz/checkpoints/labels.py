"""Names of classes from a file: COCO's own json, a JSON list or object, or one name a line."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deformviz.checkpoints.errors import CheckpointError

MOST_BYTES = 512 * 2**20  # annotations of COCO's training pictures have 450 MB
MOST_CLASSES = 100_000


def read_labels(path: str | Path) -> tuple[str, ...]:
    """The names in the order of the class head's rows; ids without a name go by their number.

    Raises:
        CheckpointError: no such file, or nothing in it that could be names.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"There is no file of labels {path}.")
    if path.stat().st_size > MOST_BYTES:
        raise CheckpointError(f"{path.name} is larger than {MOST_BYTES} bytes.")
    text = path.read_text(encoding="utf-8", errors="replace")
    if not text.lstrip().startswith(("{", "[")):
        names = tuple(line.strip() for line in text.splitlines() if line.strip())
        return _checked(path, names)
    try:
        return _checked(path, _from_json(json.loads(text)))
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path.name} cannot be read as JSON.") from None


def _from_json(value: Any) -> tuple[str, ...]:
    if isinstance(value, Mapping) and isinstance(value.get("categories"), list):
        value = {
            entry["id"]: entry["name"]
            for entry in value["categories"]
            if isinstance(entry, Mapping) and "id" in entry and "name" in entry
        }
    elif isinstance(value, Mapping) and isinstance(value.get("id2label"), Mapping):
        value = value["id2label"]
    if isinstance(value, list):
        return tuple(map(str, value))
    named = {
        int(key): str(name)
        for key, name in (value.items() if isinstance(value, Mapping) else ())
        if str(key).isdecimal() and len(str(key)) < 7
    }
    return tuple(named.get(i, f"class {i}") for i in range(max(named, default=-1) + 1))


def _checked(path: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or len(names) > MOST_CLASSES:
        raise CheckpointError(
            f"{path.name} holds {len(names)} names of classes; 1 to {MOST_CLASSES} are read."
        )
    return names
