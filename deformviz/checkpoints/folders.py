"""A folder as `save_pretrained` writes it: config.json and safetensors, whole or in shards."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.report import Assumption

if TYPE_CHECKING:  # whoever only lists a folder needs no torch
    from torch import Tensor

    from deformviz.checkpoints.reading import CheckpointFile

WHOLE_FILES = ("model.safetensors", "pytorch_model.bin")
INDEX_FILES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
MOST_JSON_BYTES = 8 * 2**20
MOST_SHARDS = 200
MOST_LISTED = 500
ENDINGS = (".safetensors", ".pth", ".pt", ".bin")


def read_folder(folder: Path, weights: str | None = None) -> CheckpointFile:
    """The weights of a folder, its config.json as arguments; or the newest file of a training.

    Raises:
        CheckpointError: no weights in it, a file that is a link out of it, or anything that
            `read_checkpoint` refuses.
    """
    from deformviz.checkpoints.reading import CheckpointFile, read_checkpoint

    arguments = read_json(folder, "config.json") if (folder / "config.json").exists() else {}
    if (folder / "preprocessor_config.json").exists():
        arguments["preprocessor"] = read_json(folder, "preprocessor_config.json")
    for name in WHOLE_FILES:
        if (folder / name).exists():
            file = read_checkpoint(inside(folder, name), weights)
            return replace(file, path=folder, arguments={**file.arguments, **arguments})
    for name in INDEX_FILES:
        if (folder / name).exists():
            return CheckpointFile(folder, read_shards(folder, name), arguments)
    return read_newest(folder, weights)


def read_newest(folder: Path, weights: str | None) -> CheckpointFile:
    """The file of weights in a folder that was written last; which one is an assumption.

    Raises:
        CheckpointError: there is none.
    """
    names = [path.name for path in sorted(folder.iterdir())[:MOST_LISTED]]
    files = [folder / name for name in names if name.endswith(ENDINGS)]
    files = [path for path in files if path.is_file() and not path.is_symlink()]
    if not files:
        raise CheckpointError(
            f"The folder {folder.name} holds no weights: none of "
            f"{', '.join((*WHOLE_FILES, *INDEX_FILES))}, and no file that ends in "
            f"{', '.join(ENDINGS)}."
        )
    newest = max(files, key=lambda path: (path.stat().st_mtime_ns, path.name))
    from deformviz.checkpoints.reading import read_checkpoint

    file = with_config_beside(read_checkpoint(inside(folder, newest.name), weights))
    if len(files) == 1:
        return file
    others = f"the newest of {len(files)} in the folder"
    return replace(file, chosen=(Assumption("file", newest.name, others), *file.chosen))


def with_config_beside(file: CheckpointFile) -> CheckpointFile:
    """The file with the config.json that transformers wrote next to it, if there is one."""
    folder = file.path.parent
    beside = folder / "config.json"
    if file.metadata.get("format") == "deformviz" or not beside.is_file() or beside.is_symlink():
        return file
    try:
        values = read_json(folder, "config.json")
    except CheckpointError:
        return file  # of something else
    return (
        replace(file, arguments=values | dict(file.arguments)) if "model_type" in values else file
    )


def inside(folder: Path, name: Any) -> Path:
    """The path of a file that lies in the folder itself.

    Raises:
        CheckpointError: the name leads elsewhere, by its parts or by a link.
    """
    plain = (
        isinstance(name, str)
        and len(name) < 256
        and name not in ("", ".", "..")
        and Path(name).name == name
    )
    if not plain or "\\" in name or "\0" in name:
        raise CheckpointError(f"{folder.name} refers to {name!r}, which is not a file in it.")
    path = folder / name
    if path.resolve().parent != folder.resolve():
        raise CheckpointError(
            f"{folder.name}/{name} is a link out of the folder and is not followed. Copy the "
            f"file itself there."
        )
    return path


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """A JSON object from a file of the folder."""
    path = inside(folder, name)
    try:
        if not path.is_file():
            raise CheckpointError(f"{folder.name}/{name} is not a file.")
        if path.stat().st_size > MOST_JSON_BYTES:
            raise CheckpointError(f"{folder.name}/{name} is larger than {MOST_JSON_BYTES} bytes.")
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise CheckpointError(f"{folder.name}/{name} cannot be read as a JSON object.")
    return value


def read_shards(folder: Path, index: str) -> dict[str, Tensor]:
    """The tensors an index names, each from its shard."""
    from deformviz.checkpoints.reading import read_checkpoint

    shard_of = read_json(folder, index).get("weight_map")
    if not isinstance(shard_of, dict) or not shard_of:
        raise CheckpointError(f"{folder.name}/{index} has no weight_map.")
    for name in shard_of.values():
        inside(folder, name)
    shards = sorted(set(shard_of.values()))
    if len(shards) > MOST_SHARDS:
        raise CheckpointError(f"{folder.name}/{index} names {len(shards)} shards.")
    tensors: dict[str, Tensor] = {}
    for shard in shards:
        found = read_checkpoint(inside(folder, shard)).tensors
        wanted = [key for key, place in shard_of.items() if place == shard]
        if absent := [key for key in wanted if key not in found]:
            raise CheckpointError(f"{folder.name}/{shard} lacks {absent[0]}, which {index} names.")
        tensors |= {key: found[key] for key in wanted}
    return tensors
