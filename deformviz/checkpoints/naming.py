"""From a file under one code base's names to a plan for one system of detectors."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from deformviz.checkpoints.detector_sizes import gather_told, plan_from_tensors
from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.reading import CheckpointFile
from deformviz.checkpoints.registry import Layout, Options, Plan
from deformviz.checkpoints.renaming import Table
from deformviz.models.config import DetectorConfig

# What stands beside the weights of any file: counters, profiles of costs, parts of losses.
BESIDE = (
    r".*\.num_batches_tracked$",
    r"(.*\.)?total_(ops|params)$",
    r"n_averaged$",
    r"(criterion|loss|matcher|postprocessor)\.",
)


@dataclass(frozen=True)
class Naming:
    """How one code base calls the weights and options of one system; a table and its facts."""

    layout: str  # "official DINO"
    system: str  # its name among the known ones
    config: type[DetectorConfig]
    required: tuple[str, ...]  # keys that every such file has
    absent: tuple[str, ...] = ()  # keys of relatives, whose files also have the required ones
    table: Callable[[Mapping[str, Any]], Table] = lambda keys: Table(())
    arguments: Mapping[str, str] = field(default_factory=dict)  # their options: our fields
    silent: frozenset[str] = frozenset()  # options that say nothing about the network's shape
    fixed: Mapping[str, tuple] = field(default_factory=dict)  # options of which these are built
    unused: tuple[str, ...] = ()  # patterns of keys that only training uses
    read: Callable[[CheckpointFile], dict[str, Any]] = lambda file: {}  # fields beside sizes
    told: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None  # instead of `arguments`
    complete: Callable[[dict[str, Tensor]], None] = lambda tensors: None  # fill what is left out

    def recognises(self, file: CheckpointFile) -> bool:
        """Whether the keys are those of this system under these names, or contain them."""
        keys = file.tensors
        return all(key in keys for key in self.required) and not any(
            key in keys for key in self.absent
        )

    def ours(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Their options under our names; those that say nothing are left out."""
        if self.told is not None:
            return self.told(arguments)
        told = {
            our: _plain(arguments[name])
            for name, our in self.arguments.items()
            if arguments.get(name) is not None
        }
        if str(told.get("backbone", "")).startswith("swin"):
            told["backbone"] = "swin"  # its sizes, which the name tells too, show in the tensors
        return told

    def plan(self, file: CheckpointFile, options: Options) -> Plan:
        """Sizes from the tensors; the rest from the file's arguments, then `options`.

        Raises:
            CheckpointError: an option that is not built or not known, or sizes that contradict
                each other.
        """
        options.refuse("version", because=f"it tells versions of DAT apart, and this is {self}")
        given = options.config or {}
        self._check_options(file, given)
        unused = tuple(key for key in file.tensors if self._is_unused(key))
        kept = {key: tensor for key, tensor in file.tensors.items() if key not in unused}
        ours = self.table(kept).to_ours(kept)
        self.complete(ours)
        told = gather_told(file, options, self.ours(file.arguments), self.ours(given))
        extra = self.read(file)
        if options.class_names is not None:
            extra = extra | {"class_names": options.class_names}
        plan = plan_from_tensors(replace(file, tensors=ours), self.system, self.config, told, extra)
        return replace(plan, ignored=unused)

    def _check_options(self, file: CheckpointFile, given: Mapping[str, Any]) -> None:
        known = {*self.arguments, *self.silent, *self.fixed}
        if unknown := sorted(set(map(str, given)) - known):
            raise CheckpointError(
                f"config= has {', '.join(unknown)}, which {self} does not know. Known: "
                f"{', '.join(sorted(known - self.silent))}."
            )
        for arguments in (file.arguments, given):
            for name, values in self.fixed.items():
                if name in arguments and _plain(arguments[name]) not in values:
                    raise CheckpointError(
                        f"{file.path.name} has {name}={arguments[name]!r}; only "
                        f"{' or '.join(map(repr, values))} is built."
                    )

    def _is_unused(self, key: str) -> bool:
        return any(re.match(pattern, key) for pattern in (*BESIDE, *self.unused))

    def __str__(self) -> str:
        return self.system

    @property
    def record(self) -> Layout:
        """This naming as the registry keeps it."""
        return Layout(self.layout, self.recognises, self.plan)


def _plain(value: Any) -> Any:
    """A list as the tuple it is compared with."""
    return tuple(value) if isinstance(value, list) else value
