"""A file of weights, whatever wrote it, as named tensors, plain arguments and text metadata."""

import argparse
import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.pickled import looks_pickled, read_pickled

MOST_FILE_BYTES = 8 * 2**30
MOST_HEADER_BYTES = 8 * 2**20
LENGTH_BYTES = 8  # of a safetensors header's own length
WEIGHT_KEYS = ("model", "state_dict", "model_state_dict")
ARGUMENT_KEYS = ("args", "config")
DISTRIBUTED_PREFIX = "module."


@dataclass(frozen=True)
class CheckpointFile:
    """What a file of weights holds, before anybody knows which model it is for."""

    path: Path
    tensors: Mapping[str, Tensor]
    arguments: Mapping[str, Any] = field(default_factory=dict)  # of the script that wrote it
    metadata: Mapping[str, str] = field(default_factory=dict)  # a safetensors header's text


def read_checkpoint(path: str | Path) -> CheckpointFile:
    """Read a .pth, .pt, .bin or .safetensors file; its content decides, not its name.

    Raises:
        CheckpointError: no such file, not a checkpoint, damaged, or unsafe. Nothing in the file
            is executed.
    """
    path = Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise CheckpointError(f"{path.name} is not a file.")
        if status.st_size > MOST_FILE_BYTES:
            raise CheckpointError(
                f"{path.name} has {status.st_size / 2**30:.1f} GiB; "
                f"{MOST_FILE_BYTES / 2**30:.0f} are allowed."
            )
        with path.open("rb") as file:
            start = file.read(LENGTH_BYTES + 1)
    except FileNotFoundError:
        raise CheckpointError(f"There is no file {path}.") from None
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be opened: {error.strerror}.") from None
    if looks_pickled(start):
        return _from_pickled(path, read_pickled(path))
    if len(start) > LENGTH_BYTES and start[LENGTH_BYTES:] == b"{":
        return _from_safetensors(path, int.from_bytes(start[:LENGTH_BYTES], "little"))
    raise CheckpointError(
        f"{path.name} is not a checkpoint: it is neither a file of torch.save nor safetensors."
    )


def _from_safetensors(path: Path, header_bytes: int) -> CheckpointFile:
    if header_bytes > MOST_HEADER_BYTES:
        raise CheckpointError(
            f"{path.name} claims a header of {header_bytes} bytes; {MOST_HEADER_BYTES} are allowed."
        )
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            metadata = file.metadata() or {}
    except (
        SafetensorError,
        OSError,
        ValueError,
        RuntimeError,
        TypeError,
        KeyError,
        AttributeError,
    ) as error:
        raise CheckpointError(
            f"{path.name} is damaged or cut off: safetensors cannot read it "
            f"({type(error).__name__})."
        ) from None
    return CheckpointFile(path, _checked(path, tensors), metadata=metadata)


def _from_pickled(path: Path, content: Any) -> CheckpointFile:
    """Find the weights in what a training script saved: bare, or beside other things."""
    if not isinstance(content, Mapping):
        raise CheckpointError(
            f"{path.name} holds a {type(content).__name__}, expected weights by name."
        )
    arguments: dict[str, Any] = {}
    for key in ARGUMENT_KEYS:
        arguments |= _plain_arguments(content.get(key))
    for key in WEIGHT_KEYS:
        if isinstance(content.get(key), Mapping):
            content = content[key]
            break
    tensors = {name: value for name, value in content.items() if isinstance(value, Tensor)}
    if not tensors or not all(isinstance(name, str) for name in tensors):
        raise CheckpointError(f"{path.name} holds no weights by name.")
    if all(name.startswith(DISTRIBUTED_PREFIX) for name in tensors):
        tensors = {name.removeprefix(DISTRIBUTED_PREFIX): v for name, v in tensors.items()}
    return CheckpointFile(path, _checked(path, tensors), arguments)


def _plain_arguments(value: Any) -> dict[str, Any]:
    if isinstance(value, argparse.Namespace):
        value = vars(value)
    return (
        {k: v for k, v in value.items() if isinstance(k, str)} if isinstance(value, Mapping) else {}
    )


def _checked(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Refuse tensors that are larger than their data, of a strange kind, or not numbers."""
    for name, tensor in tensors.items():
        if tensor.layout is not torch.strided or tensor.device.type != "cpu":
            raise CheckpointError(f"{path.name}: {name} is not a plain array of numbers.")
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise CheckpointError(
                f"{path.name}: {name} claims the shape {tuple(tensor.shape)} but holds "
                f"{tensor.untyped_storage().nbytes()} bytes."
            )
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(
                f"{path.name}: {name} holds NaN or infinity; the training that wrote it has "
                f"probably diverged."
            )
    return {name: tensor.detach() for name, tensor in tensors.items()}


def header_json(file: CheckpointFile, key: str) -> dict[str, Any]:
    """A JSON object from a safetensors header's metadata.

    Raises:
        CheckpointError: it is missing or not an object.
    """
    try:
        value = json.loads(file.metadata[key])
    except (KeyError, ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise CheckpointError(f"{file.path.name}: the header's {key!r} is not a JSON object.")
    return value
