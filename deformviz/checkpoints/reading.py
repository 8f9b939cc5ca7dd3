"""A file of weights, whatever wrote it, as named tensors, plain arguments and text metadata."""

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
from deformviz.checkpoints.foreign_files import what_it_is
from deformviz.checkpoints.pickle_objects import StoredTensor
from deformviz.checkpoints.pickled import Pickled, read_pickled
from deformviz.checkpoints.report import Assumption
from deformviz.checkpoints.signature import looks_pickled
from deformviz.checkpoints.weight_sets import BARE, WeightSet, find_weights, peel

MOST_FILE_BYTES = 8 * 2**30
MOST_HEADER_BYTES = 8 * 2**20
MOST_GROWTH, SLACK_BYTES = 4, 64 * 2**20  # of tensors over their file, and beyond that
LENGTH_BYTES = 8  # of a safetensors header's own length
FIRST_BYTES = 512
ARGUMENT_KEYS = ("args", "config", "hyper_parameters")


@dataclass(frozen=True)
class CheckpointFile:
    """What a file of weights holds, before anybody knows which model it is for."""

    path: Path
    tensors: Mapping[str, Tensor]
    arguments: Mapping[str, Any] = field(default_factory=dict)  # of the script that wrote it
    metadata: Mapping[str, str] = field(default_factory=dict)  # a safetensors header's text
    sets: tuple[str, ...] = ()  # every set of weights in the file, by its place
    chosen: tuple[Assumption, ...] = ()  # what was chosen among several
    strange: tuple[str, ...] = ()  # keys that hold no plain numbers
    not_finite: tuple[str, ...] = ()  # keys that hold NaN or infinity


def read_checkpoint(path: str | Path, weights: str | None = None) -> CheckpointFile:
    """Read a .pth, .pt, .bin, .pkl or .safetensors file; its content decides, not its name.

    Args:
        weights: which set of a file that holds several, e.g. "model" or "ema"; None: the average
            where there is one, as evaluation does.

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
            start = file.read(FIRST_BYTES)
    except FileNotFoundError:
        raise CheckpointError(f"There is no file {path}.") from None
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be opened: {error.strerror}.") from None
    if looks_pickled(start):
        return _from_pickled(read_pickled(path), weights)
    if start[LENGTH_BYTES : LENGTH_BYTES + 1] == b"{":
        return _from_safetensors(path, int.from_bytes(start[:LENGTH_BYTES], "little"), weights)
    raise CheckpointError(what_it_is(path.name, start))


def _from_safetensors(path: Path, header_bytes: int, weights: str | None) -> CheckpointFile:
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
    if weights is not None:
        raise CheckpointError(f"{path.name} holds one set of weights; weights= has no choice here.")
    return _finished(CheckpointFile(path, tensors, metadata=metadata, sets=(BARE,)))


def _from_pickled(file: Pickled, weights: str | None) -> CheckpointFile:
    """Find the weights in what a training script saved: bare, or beside other things."""
    content, path = file.content, file.path
    sets = find_weights(content)
    if not sets:
        beside = f" (it holds {', '.join(sorted(file.stubs)[:3])})" if file.stubs else ""
        raise CheckpointError(f"{path.name} holds no weights by name{beside}.")
    arguments: dict[str, Any] = {}
    if isinstance(content, Mapping):
        for key in ARGUMENT_KEYS:
            arguments |= _plain(content.get(key))
        if isinstance(content.get("meta"), Mapping):
            arguments["meta"] = content["meta"]
    chosen, why = choose(path.name, sets, weights)
    tensors, size = {}, path.stat().st_size
    claimed = 0
    for name, value in chosen.tensors.items():
        tensor = file.tensor(name, value) if isinstance(value, StoredTensor) else value
        claimed += tensor.numel() * tensor.element_size()
        if claimed > MOST_GROWTH * size + SLACK_BYTES:
            raise CheckpointError(
                f"{path.name} claims {claimed} bytes of weights in a file of {size} bytes."
            )
        tensors[name] = tensor
    return _finished(
        CheckpointFile(
            path,
            tensors,
            arguments,
            sets=tuple(one.place for one in sets),
            chosen=why,
            strange=chosen.strange,
        )
    )


def choose(
    file: str, sets: list[WeightSet], wanted: str | None
) -> tuple[WeightSet, tuple[Assumption, ...]]:
    """The set of weights to use, and the assumption where there was a choice.

    Raises:
        CheckpointError: `wanted` names none of them.
    """
    places = ", ".join(one.place for one in sets)
    if wanted is not None:
        for one in sets:
            if wanted in (one.place, one.place.partition(".")[0], one.place.rpartition(".")[2]):
                return one, (Assumption("weights", one.place, "the argument"),)
        raise CheckpointError(f"{file} holds no weights {wanted!r}; it holds {places}.")
    averaged = [one for one in sets if one.is_averaged]
    trained = [one for one in sets if not one.is_averaged and not one.is_of_optimiser]
    most = max(len(one.tensors) for one in (trained or sets))
    whole = [one for one in averaged if 2 * len(one.tensors) >= most]
    best = (whole or trained or sets)[0]
    if len(sets) == 1:
        return best, ()
    why = "the average, as evaluation uses it" if best.is_averaged else "the trained weights"
    return best, (
        Assumption("weights", best.place, f"{why}; the file holds {places}; weights= chooses"),
    )


def _finished(file: CheckpointFile) -> CheckpointFile:
    """Names without the prefixes of wrappers; tensors checked."""
    strange, tensors = list(file.strange), {}
    for name, tensor in file.tensors.items():
        if tensor.layout is torch.strided and tensor.device.type == "cpu":
            tensors[name] = tensor.detach()
        else:
            strange.append(name)
    prefix, short = peel(list(tensors))
    not_finite = tuple(
        short[name]
        for name, tensor in tensors.items()
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all())
    )
    chosen = file.chosen
    if prefix:
        chosen += (Assumption("prefix", prefix, "what wrappers put before every name"),)
    return CheckpointFile(
        file.path,
        {short[name]: tensor for name, tensor in tensors.items()},
        file.arguments,
        file.metadata,
        file.sets,
        chosen,
        tuple(strange),
        not_finite,
    )


def _plain(value: Any) -> dict[str, Any]:
    """Arguments of a script, whether kept as a mapping or as a Namespace."""
    return (
        {k: v for k, v in value.items() if isinstance(k, str)} if isinstance(value, Mapping) else {}
    )


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
