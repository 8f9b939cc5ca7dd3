"""Models that are run as transformers builds them, with their own image processor.

A file that one of our systems fits becomes ours (see `load`); any other `model_type` that
transformers knows is loaded by it. Nothing in a folder is executed: no remote code, weights only.
"""

import logging
from pathlib import Path
from typing import Any

from torch import nn

from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.folders import inside, read_json
from deformviz.checkpoints.report import Assumption, LoadReport

HUB = "hf:"
OURS = ("deformable_detr", "detr", "dab-detr")  # what a layout of ours reads
PROCESSING = (
    "do_resize",
    "size",
    "do_rescale",
    "do_normalize",
    "image_mean",
    "image_std",
    "do_pad",
)


def is_foreign(name_or_path: Any) -> bool:
    """Whether this is for transformers: "hf:NAME", or a folder that none of our systems can run.

    That is another `model_type` than ours, or a picture processed as ours never do.
    """
    if str(name_or_path).startswith(HUB):
        return True
    folder = Path(name_or_path)
    if not folder.is_dir() or not (folder / "config.json").is_file():
        return False
    kind = read_json(folder, "config.json").get("model_type")
    if not isinstance(kind, str):
        return False
    return kind not in OURS or _processed_differently(folder)


def _processed_differently(folder: Path) -> bool:
    """Whether pictures are not resized by their sides, or not normalised."""
    if not (folder / "preprocessor_config.json").is_file():
        return False
    said = read_json(folder, "preprocessor_config.json")
    switched_off = any(
        said.get(f"do_{step}") is False for step in ("resize", "rescale", "normalize")
    )
    size = said.get("size")
    return switched_off or isinstance(size, dict) and "height" in size


def _check_folder(folder: Path) -> None:
    """Every file lies in the folder itself, as for our own models."""
    for path in folder.iterdir():
        if path.is_symlink():
            inside(folder, path.name)


def load_foreign(name_or_path: str | Path) -> nn.Module:
    """A model of transformers in eval mode and float32, with `processor` and `load_report`.

    Args:
        name_or_path: a folder as `save_pretrained` writes it, or "hf:NAME" of the hub.

    Raises:
        CheckpointError: transformers does not know the model, its weights do not fit, or nothing
            can be had under this name.
    """
    import transformers

    source = str(name_or_path).removeprefix(HUB)
    if Path(name_or_path).is_dir():
        _check_folder(Path(name_or_path))
    try:
        config = transformers.AutoConfig.from_pretrained(source)
        kind = getattr(transformers, str((config.architectures or [""])[0]), None)
        if kind is None:
            raise CheckpointError(
                f"{source} is a {config.model_type}, but its config.json names no class of "
                f"transformers {transformers.__version__} to build."
            )
        model, info = kind.from_pretrained(source, output_loading_info=True)
    except (OSError, ValueError, RuntimeError, KeyError) as problem:
        raise CheckpointError(f"{source} cannot be loaded: {_first_sentence(problem)}") from None
    missing = tuple(sorted(info["missing_keys"]))
    if missing:
        raise CheckpointError(
            f"{source} lacks {len(missing)} weights of {kind.__name__} ({missing[0]}, ..); what "
            "it would show were random numbers. Nothing was loaded."
        )
    model.processor = processor_of(source)
    model.load_report = LoadReport(
        file=source.rstrip("/").rpartition("/")[2],
        layout="transformers",
        system=config.model_type,
        variant=kind.__name__,
        assumed=preprocessing(model.processor),
        matched=len(model.state_dict()),
        unexpected=tuple(sorted(info["unexpected_keys"])),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        metadata={"transformers": transformers.__version__},
    )
    return model.float().eval()


def processor_of(source: str) -> Any:
    """What feeds a model its pictures and its text, as its own folder says; None without one."""
    import transformers

    for kind in (transformers.AutoProcessor, transformers.AutoImageProcessor):
        try:
            found = kind.from_pretrained(source)
        except (OSError, ValueError, ImportError, KeyError, TypeError, AttributeError) as problem:
            logging.getLogger(__name__).info("%s of %s: %r", kind.__name__, source, problem)
            continue
        if getattr(found, "image_processor", None) or hasattr(found, "do_resize"):
            return found
    return None


def preprocessing(processor: Any) -> tuple[Assumption, ...]:
    """How a picture is fed, for the report, from the processor's own configuration."""
    if processor is None:
        return ()
    images = getattr(processor, "image_processor", processor)
    source = f"{type(images).__name__} of the model"
    return tuple(
        Assumption(name, _plain(value), source)
        for name in PROCESSING
        if (value := getattr(images, name, None)) is not None
    )


def _plain(value: Any) -> Any:
    """A size as a plain dictionary of what it says."""
    facts = value if isinstance(value, dict) else getattr(value, "__dict__", None)
    return {k: v for k, v in facts.items() if v is not None} if facts else value


def _first_sentence(problem: Exception) -> str:
    line = str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
    return line if line.endswith(".") else f"{line}."
