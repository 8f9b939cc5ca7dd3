"""A training run on disk: what it was told, what it measured, what its weights were.

Format 1:
    run.json                        format, kind, recipe, versions, command
    records.jsonl                   one JSON object per line: iteration, loss, rates, norms, scores
    snapshots/000316.safetensors    raw weights at an iteration, half precision
    state.pt                        model, average, optimiser and iteration, to go on from
Every file but the records appears under its name only when it is whole; a line of the records
that was cut off by a crash is dropped on reading.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

FORMAT = 1


class RunFolderError(ValueError):
    """A folder is not a training run, or not one this version can read."""


def _replace(path: Path, write) -> None:
    """Write beside the file and rename, so that a crash leaves the old one or the new one."""
    part = path.with_name(path.name + ".part")
    write(part)
    os.replace(part, path)


class RunFolder:
    """Reads and writes one run."""

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def create(self, kind: str, recipe: Mapping, **facts) -> None:
        """Start a run here; a folder that holds one already is left as it is."""
        (self.path / "snapshots").mkdir(parents=True, exist_ok=True)
        if not (self.path / "run.json").exists():
            about = {"format": FORMAT, "kind": kind, "recipe": dict(recipe), **facts}
            _replace(self.path / "run.json",
                     lambda part: part.write_text(json.dumps(about, indent=1)))

    def about(self) -> dict:
        """The content of run.json.

        Raises:
            RunFolderError: there is none, or it is not of this format.
        """
        try:
            about = json.loads((self.path / "run.json").read_text())
            found = about["format"]
        except FileNotFoundError:
            raise RunFolderError(
                f"{self.path.name} is not a training run: it has no run.json."
            ) from None
        except (ValueError, KeyError, TypeError, OSError):
            raise RunFolderError(f"{self.path.name}/run.json cannot be read as a run.") from None
        if found != FORMAT:
            raise RunFolderError(
                f"{self.path.name} has run format {found!r}; this version reads format {FORMAT}."
            )
        return about

    def append(self, record: Mapping) -> None:
        """Add one line to the records, flushed to the system at once."""
        with (self.path / "records.jsonl").open("a") as file:
            file.write(json.dumps(dict(record)) + "\n")

    def records(self) -> Iterator[dict]:
        """The records in order; where a resumed run wrote an iteration twice, the later line."""
        path = self.path / "records.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        by_iteration: dict[tuple, dict] = {}
        for line in lines:
            try:
                record = json.loads(line)
                by_iteration[record["iteration"], record.get("kind", "step")] = record
            except (ValueError, KeyError, TypeError):
                continue
        yield from (by_iteration[key] for key in sorted(by_iteration))

    def save_snapshot(self, iteration: int, weights: Mapping[str, Tensor]) -> Path:
        """Keep weights of an iteration in half precision."""
        path = self.path / "snapshots" / f"{iteration:06d}.safetensors"
        half = {name: tensor.detach().to("cpu", torch.float16).contiguous().clone()
                for name, tensor in weights.items()}
        _replace(path, lambda part: save_file(half, part))
        return path

    def snapshots(self) -> dict[int, Path]:
        """Iteration -> file, in order."""
        found = sorted((self.path / "snapshots").glob("[0-9]*.safetensors"))
        return {int(path.stem): path for path in found}

    def load_snapshot(self, iteration: int) -> dict[str, Tensor]:
        """Weights of an iteration, as stored."""
        return load_file(self.snapshots()[iteration])

    def save_state(self, state: Mapping) -> None:
        """Keep what a stopped run needs to go on."""
        _replace(self.path / "state.pt", lambda part: torch.save(dict(state), part))

    def load_state(self) -> dict | None:
        """The last state, or None for a new run."""
        path = self.path / "state.pt"
        return torch.load(path, weights_only=True) if path.exists() else None
