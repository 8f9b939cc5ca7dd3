"""Our own layout: safetensors whose header carries the configuration as JSON."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.reading import CheckpointFile, header_json
from deformviz.checkpoints.registry import Layout, Options, Plan
from deformviz.checkpoints.report import shared_keys
from deformviz.checkpoints.systems import known_systems, system_of

FORMAT = "deformviz"
FORMAT_VERSION = "1"
RESERVED = ("format", "format_version", "system", "config")


def save(
    model: nn.Module,
    path: str | Path,
    *,
    dtype: torch.dtype = torch.float16,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a model's weights with everything needed to build it again.

    Args:
        model: of one of the known systems; its `config` goes into the header.
        path: a .safetensors file; it appears under its name only when it is whole.
        dtype: of the stored weights; half precision by default.
        metadata: further facts for the header, e.g. iterations and seed.

    Raises:
        CheckpointError: an unknown system, a reserved metadata name, or a weight that the
            dtype cannot hold.
    """
    path = Path(path)
    system = system_of(model)
    if system is None:
        raise CheckpointError(
            f"{type(model).__name__} cannot be saved; known systems: {', '.join(known_systems())}."
        )
    facts = {key: str(value) for key, value in (metadata or {}).items()}
    if taken := sorted(set(facts) & set(RESERVED)):
        raise CheckpointError(f"The metadata names {', '.join(taken)} are reserved.")
    config: Any = model.config
    again, tensors = shared_keys(model), {}
    computed = system.computed(config)
    for key, tensor in model.state_dict().items():
        if key in again or key in computed:
            continue
        tensors[key] = tensor.detach().to("cpu", dtype).contiguous().clone()
        if not bool(torch.isfinite(tensors[key]).all()):
            raise CheckpointError(f"{key} does not fit into {dtype}, or is not a number.")
    header = facts | {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "system": system.name,
        "config": json.dumps(config.to_dict()),
    }
    part = path.with_name(path.name + ".part")
    save_file(tensors, part, metadata=header)
    os.replace(part, path)


def recognises(file: CheckpointFile) -> bool:
    """Whether `save` wrote this file."""
    return file.metadata.get("format") == FORMAT


def plan(file: CheckpointFile, options: Options) -> Plan:
    """The model exactly as it was saved; nothing is left to assume."""
    if file.metadata.get("format_version") != FORMAT_VERSION:
        raise CheckpointError(
            f"{file.path.name} has format version {file.metadata.get('format_version')!r}; this "
            f"deformviz reads version {FORMAT_VERSION}."
        )
    system = known_systems().get(file.metadata.get("system", ""))
    if system is None:
        raise CheckpointError(
            f"{file.path.name} holds a {file.metadata.get('system')!r}; known systems: "
            f"{', '.join(known_systems())}."
        )
    try:
        config = system.read_config(header_json(file, "config"))
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{file.path.name}: {error}") from None
    options.refuse("config", because=f"{file.path.name} carries its own configuration")
    for name in ("heads", "dilation", "queries", "version"):
        said, stored = getattr(options, name), getattr(config, name, None)
        if said is not None and said != stored:
            raise CheckpointError(
                f"{name}={said!r} was given, but {file.path.name} says {stored!r}."
            )
    return Plan(system.name, getattr(config, "variant", ""), config, dict(file.tensors))


LAYOUT = Layout("deformviz", recognises, plan)
