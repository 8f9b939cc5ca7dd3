"""What `record` hands out: traces by layer, their proofs, and why a layer has none."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from deformviz.tracing.proof import Evidence, Proof, ProofTable, prove


class RecordError(ValueError):
    """There is nothing in the model that could be recorded, or nothing that could be proven."""


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
    `record(passes="all")` asked for it, else the last one.
    """

    layers: tuple[str, ...] = ()
    skipped: dict[str, str] = field(default_factory=dict)
    passes: list[Pass] = field(default_factory=lambda: [Pass()])
    queries: tuple[int, ...] | None = None  # those that were kept; None: all

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
