"""`dv.load`: from a shipped name or a file to a model that is ready to look at pictures."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from deformviz.checkpoints import own
from deformviz.checkpoints.downloads import DOWNLOADS, HUB
from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.fetch import cached, fetch
from deformviz.checkpoints.folders import read_folder, with_config_beside
from deformviz.checkpoints.foreign import is_foreign, load_foreign
from deformviz.checkpoints.reading import CheckpointFile, read_checkpoint
from deformviz.checkpoints.registry import Layout, Options, Plan, locate
from deformviz.checkpoints.report import LoadReport, compared, shared_keys, some
from deformviz.checkpoints.systems import known_systems


def known_layouts() -> tuple[Layout, ...]:
    """Our own layout, then those of every system, in the order in which they are tried."""
    theirs = (layout for system in known_systems().values() for layout in system.layout_records())
    return (own.LAYOUT, *theirs)


def load(
    name_or_path: str | Path,
    *,
    heads: int | None = None,
    dilation: bool | None = None,
    queries: int | None = None,
    version: str | None = None,
    config: Mapping[str, Any] | None = None,
    weights: str | None = None,
    class_names: Sequence[str] | None = None,
    ignore_extra: bool = False,
) -> nn.Module:
    """A model with its weights, in eval mode and float32; `model.load_report` tells how.

    Sizes are read off the tensors. What they cannot tell comes from the file's own configuration
    or `args`, else from these arguments, else from the published defaults; the report says what
    was assumed. Nothing is loaded partly, and nothing in a file is executed.

    Args:
        name_or_path: a shipped name, a .pth, .pt, .bin or .safetensors file, or a folder as
            `save_pretrained` of transformers writes it. A folder of a model we do not build
            ourselves, and "hf:NAME" of the hub, are run as transformers builds them.
        heads: attention heads, 8 if nobody says otherwise.
        dilation: DC5; its files have the same keys and shapes as those without.
        queries: of a two-stage Deformable DETR, 300 if nobody says otherwise.
        version: of DAT, "v1" or "++".
        config: constructor values under the original code's names.
        weights: which set of a training file that holds several: "model", "ema", ..
        class_names: of the classes, in the order of the class head's rows.
        ignore_extra: use the file although it holds keys this model has no place for.

    Raises:
        CheckpointError: the file cannot be read, is of no known layout, does not fit, or
            contradicts the arguments.
    """
    if (here := brought(name_or_path)) is not None:
        name_or_path = here
    if is_foreign(name_or_path):
        return load_foreign(name_or_path)
    path = locate(name_or_path)
    if config is not None and not isinstance(config, Mapping):
        raise CheckpointError(
            f"config= is a {type(config).__name__}; it must hold constructor values by name."
        )
    names = None if class_names is None else tuple(map(str, class_names))
    options = Options(heads, dilation, queries, version, config, names)
    file = read_folder(path, weights) if path.is_dir() else read_checkpoint(path, weights)
    if not path.is_dir():
        file = with_config_beside(file)
    layout = layout_of(file)
    try:
        return build(file, layout.name, layout.plan(file, options), ignore_extra)
    except CheckpointError as problem:
        if not (path.is_dir() and problem.report and problem.report.wrong_shape):
            raise
        return load_foreign(path)  # the same kind of model on a backbone we do not build


def brought(name_or_path: str | Path) -> Path | None:
    """Where a published model lies, downloaded if need be; None for anything else.

    A model of the hub that cannot be reached is left to transformers and its own cache.
    """
    name = str(name_or_path)
    if name not in DOWNLOADS and not name.startswith(HUB):
        return None
    if os.environ.get("HF_HUB_OFFLINE", "0").lower() in ("1", "true", "yes", "on"):
        return cached(name)
    try:
        return fetch(name)
    except CheckpointError:
        if not name.startswith(HUB):
            raise
        return None


def layout_of(file: CheckpointFile) -> Layout:
    """The first layout that recognises the file.

    Raises:
        CheckpointError: none does.
    """
    for layout in known_layouts():
        if layout.recognises(file):
            return layout
    raise CheckpointError(
        f"{file.path.name} holds weights of a layout deformviz does not know (its keys begin "
        f"with {some(tuple(file.tensors))}). Known are files of "
        f"{', '.join(system.title for system in known_systems().values())}."
    )


def build(file: CheckpointFile, layout: str, plan: Plan, ignore_extra: bool = False) -> nn.Module:
    """Construct the planned model and fill it, or raise and leave nothing half done."""
    system = known_systems()[plan.system]
    try:
        with torch.device("meta"):
            model = system.build(plan.config)
    except (RuntimeError, OverflowError) as error:  # sizes beyond what any number can count
        raise CheckpointError(
            f"{file.path.name} claims sizes that no model can have "
            f"({str(error).splitlines()[0]}); nothing was loaded."
        ) from None
    computed = system.computed(plan.config)
    tensors, filled = _complete(file.path.name, model, {**plan.tensors, **computed})
    extra = tuple(key for key in tensors if key not in model.state_dict()) if ignore_extra else ()
    tensors = {key: tensor for key, tensor in tensors.items() if key not in extra}
    report = LoadReport(
        file=file.path.name,
        layout=layout,
        system=system.name,
        variant=plan.variant,
        sizes=plan.sizes or plan.config.to_dict(),
        assumed=(*file.chosen, *plan.assumed),
        filled=filled,
        ignored=(*plan.ignored, *file.strange, *extra),
        not_finite=file.not_finite,
        sets=file.sets,
        metadata=dict(file.metadata),
    )
    report = compared(report, model, tensors)
    if not report.fits:
        raise CheckpointError(_misfit(report), report)
    wrong = [
        key
        for key, tensor in tensors.items()
        if key not in computed and not tensor.is_floating_point()
    ]
    if wrong:
        raise CheckpointError(
            f"{file.path.name}: {wrong[0]} holds {tensors[wrong[0]].dtype}, expected "
            f"floating-point numbers; nothing was loaded.",
            report,
        )
    model = _filled(model, lambda: system.build(plan.config), tensors)
    object.__setattr__(model, "load_report", report)  # no part of the network
    return model.eval()


def report_of(model: nn.Module) -> LoadReport:
    """How a model that was loaded became one."""
    return vars(model)["load_report"]


def _complete(
    file: str, model: nn.Module, tensors: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors with the copies of shared weights a file may omit, and the keys of those.

    Raises:
        CheckpointError: two keys of one shared weight hold different numbers.
    """
    complete, filled = dict(tensors), []
    names_of: dict[str, list[str]] = {}
    for again, first in shared_keys(model).items():
        names_of.setdefault(first, [first]).append(again)
    for names in names_of.values():
        present = [name for name in names if name in complete]
        for again in present[1:]:
            if not same_numbers(complete[again], complete[present[0]]):
                raise CheckpointError(
                    f"{file}: {again} and {present[0]} differ, but this variant has one weight "
                    f"for both; nothing was loaded."
                )
        for absent in names:
            if present and absent not in complete:
                complete[absent] = complete[present[0]]
                filled.append(absent)
    return complete, tuple(filled)


def same_numbers(first: Tensor, second: Tensor) -> bool:
    """Whether two tensors are equal, NaN in the same places included."""
    return first.shape == second.shape and bool(
        torch.equal(first, second) or first.isclose(second, rtol=0, atol=0, equal_nan=True).all()
    )


def _filled(
    shell: nn.Module, build: Callable[[], nn.Module], tensors: Mapping[str, Tensor]
) -> nn.Module:
    """The model with copies of the tensors as its weights, in float32."""
    own_copies = {
        key: tensor.to(torch.float32 if tensor.is_floating_point() else tensor.dtype, copy=True)
        for key, tensor in tensors.items()
    }
    stored = shell.state_dict()
    if all(name in stored for name, _ in shell.named_buffers(remove_duplicate=False)):
        shell.load_state_dict(own_copies, assign=True)
        return shell
    # Buffers that are computed, not stored, exist only in a model that was really built.
    with torch.random.fork_rng(devices=[]):
        model = build()
    model.load_state_dict(own_copies)
    return model


def _misfit(report: LoadReport) -> str:
    """One sentence on what does not fit."""
    found = [
        f"{len(keys)} {'key is' if len(keys) == 1 else 'keys are'} {what} ({some(keys)})"
        for what, keys in (
            ("missing", report.missing),
            ("unexpected", report.unexpected),
            ("of another shape", report.wrong_shape),
        )
        if keys
    ]
    only_extra = report.unexpected and not (report.missing or report.wrong_shape)
    cure = " With ignore_extra=True it is, without them." if only_extra else ""
    return (
        f"{report.file} looks like {report.system} ({report.variant}), but does not fit: "
        f"{'; '.join(found)}. Nothing was loaded.{cure}"
    )
