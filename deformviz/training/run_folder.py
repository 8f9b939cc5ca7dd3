"""A training run on disk: what it was told, what it measured, what its weights or traces were.

Format 1:
    run.json                        format, kind, recipe, versions, command. `kind` is "detector"
                                    where `recipe` rebuilds the model, "recording" for any other
                                    loop; a recording lists its probe pictures under `pictures`;
                                    `history` says what another recipe was until which iteration
    records.jsonl                   one JSON object per line: iteration, loss, rates, norms, scores
    snapshots/000316.safetensors    raw weights at an iteration, see `snapshot_coding`
    traces/000316.safetensors       what each layer did to each probe picture: one uint8 tensor
                                    "<picture>/<layer>", a packed layer (`tracing.packing`), gzip
    pictures/0.png                  probe pictures
    curves.json                     statistics per snapshot, see `analysis.curves`
    state.pt                        model, average, optimiser and iteration, to go on from
Every file but the records appears under its name only when it is whole; a line of the records
that was cut off by a crash is dropped on reading. An iteration written twice, by a run that was
taken up again, counts as written last.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open

if TYPE_CHECKING:  # a page lists runs without torch
    from torch import Tensor

FORMAT = 1
NUMBERED = re.compile(r"(\d{1,12})\.safetensors")


class RunFolderError(ValueError):
    """A folder is not a training run, or not one this version can read."""


def _replace(path: Path, write: Callable[[Path], Any]) -> None:
    """Write beside the file and rename, so that a crash leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
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
            self.write_about({"format": FORMAT, "kind": kind, "recipe": dict(recipe), **facts})

    def taken_up(self, iteration: int, recipe: Mapping, command: str) -> None:
        """Note that the run goes on with another recipe from `iteration` on."""
        about, recipe = self.about(), json.loads(json.dumps(dict(recipe)))
        before = {
            name: about["recipe"].get(name)
            for name in recipe
            if about["recipe"].get(name) != recipe[name]
        }
        if before:
            past = {"until": iteration, "recipe": before, "command": about.get("command", "")}
            self.write_about(
                about
                | {
                    "recipe": recipe,
                    "command": command,
                    "history": [*about.get("history", []), past],
                }
            )

    def write_about(self, about: Mapping) -> None:
        """Put down run.json anew."""
        self.write_json("run.json", about)

    def write_json(self, name: str, content: Any, indent: int | None = 1) -> None:
        """A JSON file in the folder, whole or not at all."""
        _replace(self.path / name, lambda part: part.write_text(json.dumps(content, indent=indent)))

    def about(self) -> dict:
        """The content of run.json.

        Raises:
            RunFolderError: there is none, or it is not of this format.
        """
        try:
            about = json.loads((self.path / "run.json").read_text())
            found = about["format"]
            named = isinstance(about.get("kind"), str) and isinstance(about.get("recipe"), dict)
        except (FileNotFoundError, NotADirectoryError):
            raise RunFolderError(
                f"{self.path.name} is not a training run: it has no run.json."
            ) from None
        except (ValueError, KeyError, TypeError, OSError):
            raise RunFolderError(f"{self.path.name}/run.json cannot be read as a run.") from None
        if found != FORMAT:
            raise RunFolderError(
                f"{self.path.name} has run format {found!r}; this version reads format {FORMAT}."
            )
        if not named:
            raise RunFolderError(f"{self.path.name}/run.json names no kind or no recipe.")
        return about

    # -- records ---------------------------------------------------------------------------------

    def append(self, record: Mapping) -> None:
        """Add one line to the records, handed to the system at once."""
        line = json.dumps(dict(record)) + "\n"
        with (self.path / "records.jsonl").open("ab+") as file:
            if file.tell() and not self._ends_whole(file):
                line = "\n" + line  # a crash cut the last line off
            file.write(line.encode())

    @staticmethod
    def _ends_whole(file) -> bool:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"

    def records(self) -> Iterator[dict]:
        """The records in order; where a resumed run wrote an iteration twice, the later line."""
        path = self.path / "records.jsonl"
        lines = path.read_bytes().splitlines() if path.is_file() else []
        by_iteration: dict[tuple[int, str], dict] = {}
        for line in lines:
            try:
                record = json.loads(line)
                key = record["iteration"], record.get("kind", "step")
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
            if type(key[0]) is int and isinstance(key[1], str):
                by_iteration[key] = record
        yield from (by_iteration[key] for key in sorted(by_iteration))

    def curve(self, name: str) -> tuple[list[int], list[float]]:
        """Iterations and values of one number of the records, where it is there and finite."""
        pairs = [
            (record["iteration"], record[name])
            for record in self.records()
            if isinstance(record.get(name), (int, float)) and math.isfinite(record[name])
        ]
        return [i for i, _ in pairs], [float(value) for _, value in pairs]

    # -- snapshots and traces --------------------------------------------------------------------

    def save_snapshot(
        self, iteration: int, weights: Mapping[str, Tensor], coding: str = "half"
    ) -> Path:
        """Keep weights of an iteration in few bytes (see `snapshot_coding`)."""
        path = self.path / "snapshots" / f"{iteration:06d}.safetensors"
        from safetensors.torch import save_file

        from deformviz.training.snapshot_coding import encode

        coded = encode(weights, coding)
        _replace(path, lambda part: save_file(coded, part))
        return path

    def snapshots(self) -> dict[int, Path]:
        """Iteration -> file of weights, in order."""
        return self._numbered("snapshots")

    def traces(self) -> dict[int, Path]:
        """Iteration -> file of probe traces, in order."""
        return self._numbered("traces")

    def _numbered(self, name: str) -> dict[int, Path]:
        files = (self.path / name).glob("*.safetensors")
        found = {int(match[1]): path for path in files if (match := NUMBERED.fullmatch(path.name))}
        return dict(sorted(found.items()))

    def load_snapshot(self, iteration: int) -> dict[str, Tensor]:
        """Weights of an iteration as floats.

        Raises:
            RunFolderError: there is no such snapshot, or its file is damaged.
        """
        from safetensors.torch import load_file

        from deformviz.training.snapshot_coding import decode

        path = self.snapshots().get(iteration)
        if path is None:
            raise RunFolderError(f"{self.path.name} has no snapshot of iteration {iteration}.")
        try:
            return decode(load_file(path))
        except (SafetensorError, OSError, ValueError, RuntimeError):
            raise RunFolderError(f"{path.name} in {self.path.name} is damaged.") from None

    def save_traces(self, iteration: int, layers: Mapping[str, bytes]) -> Path:
        """Keep packed layers of an iteration; keys are "<picture>/<layer>"."""
        from safetensors.numpy import save_file

        path = self.path / "traces" / f"{iteration:06d}.safetensors"
        tensors = {name: np.frombuffer(blob, np.uint8) for name, blob in layers.items()}
        _replace(path, lambda part: save_file(tensors, part))
        return path

    def trace_names(self, iteration: int) -> list[str]:
        """The keys "<picture>/<layer>" stored for an iteration; none if its file is damaged."""
        try:
            with safe_open(self.traces()[iteration], "np") as file:
                return list(file.keys())
        except (KeyError, SafetensorError, OSError):
            return []

    def load_trace(self, iteration: int, picture: int, layer: str) -> bytes:
        """One packed layer, gzip.

        Raises:
            RunFolderError: it was not recorded, or the file is damaged.
        """
        try:
            with safe_open(self.traces()[iteration], "np") as file:
                return file.get_tensor(f"{picture}/{layer}").tobytes()
        except (KeyError, SafetensorError, OSError):
            raise RunFolderError(
                f"{self.path.name} has no readable trace of {layer} on picture {picture} at "
                f"iteration {iteration}."
            ) from None

    def save_picture(self, number: int, picture: np.ndarray) -> None:
        """Keep a probe picture, HWC uint8 RGB."""
        from PIL import Image

        image = Image.fromarray(picture)
        _replace(
            self.path / "pictures" / f"{number}.png", lambda part: image.save(part, format="PNG")
        )

    def picture_path(self, number: int) -> Path:
        """Where a probe picture lies, whether or not it is there."""
        return self.path / "pictures" / f"{int(number)}.png"

    # -- the state of a run that goes on ---------------------------------------------------------

    def save_state(self, state: Mapping) -> None:
        """Keep what a stopped run needs to go on."""
        import torch

        _replace(self.path / "state.pt", lambda part: torch.save(dict(state), part))

    def load_state(self) -> dict | None:
        """The last state, or None for a new run."""
        import torch

        path = self.path / "state.pt"
        return torch.load(path, weights_only=True) if path.exists() else None
