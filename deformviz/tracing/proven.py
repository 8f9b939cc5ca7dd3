"""Proofs of recorded layers as they travel: numbers alone, so that no reader needs torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Proof:
    """How far one layer's replay is from what its module returned, relative to the largest value.

    `placement_strides` is how far the picture's pixels that a sample depends on lie from its mark,
    in cells of its level; None where that was not asked for.
    """

    layer: str
    formula: str
    difference: float
    tolerance: float
    placement_strides: float | None = None

    @property
    def agrees(self) -> bool:
        """Whether the trace says what the module did; a difference that is no number does not."""
        return self.difference <= self.tolerance

    def __str__(self) -> str:
        verdict = "agrees" if self.agrees else "DIFFERS"
        where = (
            f", {self.placement_strides:.2f} cells" if self.placement_strides is not None else ""
        )
        return f"{self.layer}: {verdict}, {self.difference:.1e} ({self.formula}){where}"


class ProofTable(tuple):
    """The proofs of a recording, one row per layer."""

    @property
    def agrees(self) -> bool:
        """Whether every layer agrees, and there is one."""
        return bool(self) and all(proof.agrees for proof in self)

    @property
    def worst(self) -> float:
        """The largest relative difference; what is no number counts as infinite."""
        return max(p.difference if p.difference == p.difference else float("inf") for p in self)

    def __str__(self) -> str:
        if not self:
            return "No layer was recorded."
        wide = max(len("layer"), *(len(proof.layer) for proof in self))
        rows = [f"{'layer':<{wide}}  difference  allowed  placement  formula"]
        for proof in self:
            placed = "-" if proof.placement_strides is None else f"{proof.placement_strides:.2f}"
            mark = "" if proof.agrees else "  DIFFERS"
            rows.append(
                f"{proof.layer:<{wide}}  {proof.difference:10.1e}  {proof.tolerance:7.0e}  "
                f"{placed:>9}  {proof.formula}{mark}"
            )
        return "\n".join(rows)
