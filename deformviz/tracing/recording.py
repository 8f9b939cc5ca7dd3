"""What `record` hands out: traces by layer, their proofs, and why a layer has none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from deformviz import __version__
from deformviz.schema import Trace
from deformviz.tracing.proof import Evidence, prove
from deformviz.tracing.proven import Proof, ProofTable
from deformviz.tracing.recorded_image import RecordedImage


class RecordError(ValueError):
    """There is nothing in the model that could be recorded, or nothing that could be proven."""


def versions() -> dict[str, str]:
    """Of the programs that made a recording."""
    return {"deformviz": __version__, "torch": version("torch")}


@dataclass
class Pass:
    """The traces of one forward pass; batched, detached, on the CPU."""

    traces: dict[str, Any] = field(default_factory=dict)
    proofs: dict[str, Proof] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)


@dataclass
class Recording:
    """Traces by layer, of the last forward pass; batched, detached, on the CPU.

    `skipped` says in a sentence why a layer has no trace; `passes` holds every pass where
    `record(passes="all")` asked for it, else the last one. `images` says of each picture of the
    batch how it came into the model; `place` adds the picture itself.
    """

    layers: tuple[str, ...] = ()
    skipped: dict[str, str] = field(default_factory=dict)
    passes: list[Pass] = field(default_factory=lambda: [Pass()])
    queries: tuple[int, ...] | None = None  # those that were kept; None: all
    images: list[RecordedImage] = field(default_factory=list)
    model: str = ""  # its class, or the name of its file
    honesty: str = ""  # what its weights are worth
    versions: dict[str, str] = field(default_factory=versions)

    @property
    def traces(self) -> dict[str, Any]:
        """Traces by layer, of the last pass."""
        return self.passes[-1].traces

    @property
    def proofs(self) -> dict[str, Proof]:
        """How far each recorded layer of the last pass is from what its module returned."""
        return self.passes[-1].proofs

    def verify(self) -> ProofTable:
        """The proof of every layer, those refused included, as a table that prints itself.

        With `keep_values=True` each trace is replayed again as it is now; else these are the
        proofs made while recording.
        """
        last, proofs = self.passes[-1], {}
        for name, proof in last.proofs.items():
            trace, evidence = last.traces.get(name), last.evidence.get(name)
            if trace is not None and evidence is not None:
                proof = prove(name, trace, evidence, proof.placement_strides)
            proofs[name] = proof
        return ProofTable(proofs.values())

    def __getitem__(self, name: str) -> Any:
        if name not in self.traces:
            why = self.skipped.get(name, f"recorded so far: {', '.join(self.traces) or 'nothing'}.")
            raise KeyError(f"No trace of {name!r}; {why}")
        return self.traces[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.traces)

    def __len__(self) -> int:
        return len(self.traces)

    def image(self, index: int) -> dict[str, Any]:
        """The traces of one image of the batch, by layer, without the batch axis."""
        return {name: trace.image(index) for name, trace in self.traces.items()}

    def trace(self, index: int = 0) -> Trace:
        """One picture of the batch as `dv.run` would hand it out: layers, frame, detections.

        Raises RecordError if nothing is known of how the picture came into the model.
        """
        if index >= len(self.images):
            raise RecordError(
                f"This recording knows the frame of {len(self.images)} pictures, asked for number "
                f"{index}; say which picture it was with recording.place(picture)."
            )
        known = self.images[index]
        return Trace(
            self.image(index),
            known.frame,
            known.detections,
            logits=known.logits,
            proofs=self.proofs,
        )

    def place(self, *pictures: Any) -> Recording:
        """Say which pictures the batch was made of, in its order; returns the recording.

        Raises:
            RecordError: more pictures than the batch has.
            PictureError: one cannot be read.
        """
        if len(pictures) > len(self.images):
            raise RecordError(
                f"{len(pictures)} pictures for a batch of {len(self.images)}; "
                "name them in the order of the batch."
            )
        for index, picture in enumerate(pictures):
            self.images[index] = self.images[index].with_picture(picture)
        return self

    def save(self, path: str | Path, *, pictures: bool = True) -> Path:
        """Keep the recording as one file, to be read by `dv.open`; see docs/recording-format.md."""
        from deformviz.tracing.recording_file import save_recording

        return save_recording(self, path, pictures=pictures)

    def to_html(self, path: str | Path | None = None, **options: Any) -> str:
        """One page that needs no server; see `deformviz.figures.recordings.to_html`."""
        return _above("to_html")(self, path, **options)

    def figure(self, **options: Any) -> Any:
        """A drawing of one layer, to be saved as .svg, .png or .pdf; see `figures.recordings`."""
        return _above("figure")(self, **options)

    def show(self, **options: Any) -> Any:
        """Open the recording in the app, or in the notebook this runs in; see `cli.shown`."""
        return _above("show", "deformviz.cli.shown")(self, **options)


def _above(name: str, room: str = "deformviz.figures.recordings") -> Any:
    """A function of a floor above, for whoever starts from a recording; named, not imported."""
    return getattr(import_module(room), name)
