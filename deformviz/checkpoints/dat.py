"""The key layout of the published DAT files, {"model": .., "config": ..}.

Keys do not tell the two versions apart (a "++" model of windows and deformed grids has v1's), nor
strides or groups: the configuration must, from the file itself or from the caller.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from deformviz.axes import ShapeError
from deformviz.checkpoints.dat_config import constructor_values, to_config
from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.reading import CheckpointFile
from deformviz.checkpoints.registry import Layout, Options, Plan
from deformviz.checkpoints.report import Assumption
from deformviz.models.dat import DAT
from deformviz.models.dat_buffers import computed_buffers
from deformviz.models.dat_config import DATConfig

REQUIRED = (
    "patch_proj.0.weight",
    "cls_norm.norm.weight",
    "cls_head.weight",
    "down_projs.0.0.weight",
)


def recognises(file: CheckpointFile) -> bool:
    """Whether the keys are those of a published DAT of either version."""
    return all(key in file.tensors for key in REQUIRED)


def plan(file: CheckpointFile, options: Options) -> Plan:
    """The model its configuration describes, with tables resized where sizes changed.

    Raises:
        CheckpointError: version or configuration unknown, or they do not describe a DAT.
    """
    options.refuse(
        "heads", "dilation", "queries", because="they belong to Deformable DETR, and this is DAT"
    )
    values, assumed = _values(file, options)
    version = _version(file, options, values)
    config = to_config(values, version)
    try:
        with torch.device("meta"):
            shell = DAT(config)
    except ValueError as error:
        raise CheckpointError(f"{file.path.name}: {error}") from None
    tensors, changed = fit_tables(file.tensors, shell, config, values.get("lookup_22k"))
    assumed += tuple(
        Assumption(key, tuple(tensors[key].shape), f"resized from {tuple(file.tensors[key].shape)}")
        for key in changed
    )
    return Plan("dat", config.variant, config, tensors, assumed)


def _values(file: CheckpointFile, options: Options):
    """Constructor values: the caller's, where given, come before the file's own."""
    own = constructor_values(file.arguments) if file.arguments else {}
    said = constructor_values(options.config) if options.config else {}
    if not own and not said:
        raise CheckpointError(
            f"{file.path.name} is a DAT checkpoint without its configuration, and the tensors do "
            f"not tell strides and groups. Give config=, the constructor values or the yacs tree "
            f"of the training script."
        )
    assumed = tuple(
        Assumption(name, value, f"config=; the file says {own[name]!r}")
        for name, value in said.items()
        if name in own and own[name] != value
    )
    return own | said, assumed


def _version(file: CheckpointFile, options: Options, values: Mapping[str, Any]) -> str:
    if options.version not in ("v1", "++"):
        given = "" if options.version is None else f"version={options.version!r} was given, but "
        raise CheckpointError(
            f'{given}{file.path.name} needs version="v1" (DAT, CVPR 2022) or version="++" '
            f"(DAT++ and DAT+): both codes use these keys for different formulas."
        )
    second = [
        key
        for key in file.tensors
        if ".rpb" in key or key.startswith(("patch_proj.3", "stages.0.local_perception"))
    ]
    if options.version == "v1" and second:
        raise CheckpointError(
            f"version='v1' was given, but {file.path.name} has {second[0]}, which only DAT++ has. "
            f'Give version="++".'
        )
    return options.version


def fit_tables(
    tensors: Mapping[str, Tensor],
    model: DAT,
    config: DATConfig,
    lookup: Sequence[int] | None = None,
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Tensors as `model` needs them, where only tables, masks or the class head differ in size.

    Tables are resized bicubically, indices and masks are the model's own, classes are picked by
    `lookup` (for each class of the model, its row in the file). Keys the model does not have, and
    shapes no rule covers, stay as they are.

    Returns:
        The tensors, and the keys whose numbers changed.

    Source: DAT's `load_pretrained`, both versions.
    """
    wanted = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    fitted, changed = dict(tensors) | computed_buffers(config), []
    for key, tensor in tensors.items():
        shape, leaf = wanted.get(key), key.rsplit(".", 1)[-1]
        if shape is None or shape == tuple(fitted[key].shape):
            continue
        if leaf == "rpe_table" and tensor.ndim == len(shape) == 3:
            fitted[key] = F.interpolate(tensor.float()[None], shape[1:], mode="bicubic")[0]
        elif leaf == "relative_position_bias_table" and tensor.ndim == 2:
            fitted[key] = resize_steps(tensor.float(), shape[0], key)
        elif key.startswith("cls_head.") and lookup is not None:
            fitted[key] = pick_classes(tensor, lookup, key)
        else:
            continue
        changed.append(key)
    return fitted, tuple(changed)


def resize_steps(table: Tensor, rows: int, key: str) -> Tensor:
    """A bias table of square windows [step head] for windows of another size.

    Raises:
        ShapeError: the table is not that of square windows.
    """
    before, after = math.isqrt(table.shape[0]), math.isqrt(rows)
    if before**2 != table.shape[0] or after**2 != rows:
        raise ShapeError(f"{key} has {table.shape[0]} rows, which is not a square.")
    square = table.T.unflatten(1, (before, before))[None]
    return F.interpolate(square, (after, after), mode="bicubic")[0].flatten(1).T


def pick_classes(tensor: Tensor, lookup: Sequence[int], key: str) -> Tensor:
    """The rows of a class head that belong to the model's classes.

    Raises:
        CheckpointError: the lookup names a row that is not there.
    """
    index = torch.as_tensor(lookup)
    if (
        index.ndim != 1
        or index.is_floating_point()
        or not len(index)
        or int(index.min()) < 0
        or int(index.max()) >= len(tensor)
    ):
        raise CheckpointError(
            f"lookup_22k must list rows of {key}, whole numbers from 0 to {len(tensor) - 1}."
        )
    return tensor[index]


LAYOUT = Layout("official DAT", recognises, plan)
