"""What a file of weights is, without the wish to use it: for the command line and the app."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.folders import read_folder
from deformviz.checkpoints.load import load, report_of
from deformviz.checkpoints.reading import read_checkpoint
from deformviz.checkpoints.registry import locate
from deformviz.checkpoints.report import LoadReport
from deformviz.checkpoints.weights_alone import FoundAttention, find_attentions, why_not_run


@dataclass(frozen=True)
class Inspection:
    """A checkpoint as a model with its report, or the sentence that says why it is none."""

    file: str
    size_bytes: int
    model: nn.Module | None = field(default=None, repr=False)
    report: LoadReport | None = None  # also of a file that does not fit, if it came so far
    problem: str = ""  # one sentence; "" where the file can be used
    attentions: tuple[FoundAttention, ...] = ()  # of a file no system fits, by weights alone
    found: str = ""  # what was looked at alone, and what could not be run

    @property
    def usable(self) -> bool:
        return not self.problem

    def __str__(self) -> str:
        """Report and problem, as `deformviz inspect` prints them."""
        lines = [f"{self.file}, {self.size_bytes / 1e6:.1f} MB"]
        if self.report is not None:
            lines += ["", str(self.report), "", *_size_lines(self.report)]
        if self.problem:
            lines += ["", f"Cannot be used: {self.problem}"]
        if self.found:
            lines += ["", self.found, *(f"  {attention}" for attention in self.attentions)]
        return "\n".join(lines)


def _size_lines(report: LoadReport) -> list[str]:
    width = max((len(name) for name in report.sizes), default=0)
    return [f"  {name:{width}}  {_short(value)}" for name, value in report.sizes.items()]


def _short(value: Any, most: int = 100) -> str:
    text = str(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def inspect_checkpoint(name_or_path: str | Path, **options: Any) -> Inspection:
    """Look at a file, a folder or a shipped model; whatever is wrong with it becomes a sentence.

    Args:
        options: as `load` takes them.

    Raises:
        CheckpointError: there is no such file.
    """
    path = locate(name_or_path)
    try:
        model = load(name_or_path, **options)
    except CheckpointError as problem:
        attentions, found = look_alone(path, options.get("heads"), options.get("weights"))
        return Inspection(
            path.name,
            size_on_disk(path),
            report=problem.report,
            problem=str(problem),
            attentions=attentions,
            found=found,
        )
    return Inspection(path.name, size_on_disk(path), model, report_of(model))


def look_alone(
    path: Path, heads: int | None, weights: str | None
) -> tuple[tuple[FoundAttention, ...], str]:
    """What a file's weights tell without a network around them; nothing of an unreadable file."""
    try:
        file = read_folder(path, weights) if path.is_dir() else read_checkpoint(path, weights)
    except CheckpointError:
        return (), ""
    attentions = find_attentions(file, heads if type(heads) is int else None)
    return attentions, why_not_run(file, attentions)


def size_on_disk(path: Path) -> int:
    """Bytes of a file, or of the files that lie in a folder itself."""
    if path.is_dir():
        return sum(
            file.stat().st_size
            for file in path.iterdir()
            if file.is_file() and not file.is_symlink()
        )
    return path.stat().st_size
