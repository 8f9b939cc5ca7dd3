"""Derivation of a cost: the full formula of Appendix A.1, beside a count of the real module."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from deformviz.analysis import cost
from deformviz.analysis.cost import AttentionSizes
from deformviz.analysis.multiply_adds import count_multiply_adds
from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.walkthrough.blackboard import Blackboard
from deformviz.walkthrough.costs import levels_hw, pixels_of
from deformviz.walkthrough.step import Check, Worked
from deformviz.walkthrough.subject import Subject

SOURCE = "Deformable DETR, Appendix A.1"
LETTERS = {
    "queries": "N_q",
    "pixels": "H W",
    "levels": "L",
    "points": "K",
    "channels": "C",
    "heads": "M",
}


@dataclass(frozen=True)
class CostTerm:
    """One product of the formula: `factor` times sizes to their powers."""

    name: str
    symbol: str  # LaTeX
    compute: Callable[[AttentionSizes], int]
    factor: int
    powers: dict[str, int]  # field of AttentionSizes -> exponent

    @property
    def equation(self) -> str:
        """The product in the letters of the paper, LaTeX."""
        letters = [
            LETTERS[name] + (f"^{power}" if power > 1 else "")
            for name, power in self.powers.items()
        ]
        return " ".join(([str(self.factor)] if self.factor > 1 else []) + letters)

    def of(self, sizes: AttentionSizes) -> int:
        """The product itself: equal to `compute`, and simple enough for a browser."""
        return self.factor * prod(
            getattr(sizes, name) ** power for name, power in self.powers.items()
        )


TERMS = (
    CostTerm("output_cost", "C_W", cost.output_cost, 1, {"queries": 1, "channels": 2}),
    CostTerm("value_first_cost", "C_{W'}", cost.value_first_cost, 1, {"pixels": 1, "channels": 2}),
    CostTerm(
        "sample_first_cost",
        "C'_{W'}",
        cost.sample_first_cost,
        1,
        {"queries": 1, "levels": 1, "points": 1, "channels": 2},
    ),
    CostTerm(
        "sampling_cost",
        "C_x",
        cost.sampling_cost,
        5,
        {"queries": 1, "levels": 1, "points": 1, "channels": 1},
    ),
    CostTerm(
        "prediction_cost",
        r"C_{\Delta A}",
        cost.prediction_cost,
        3,
        {"queries": 1, "channels": 1, "heads": 1, "levels": 1, "points": 1},
    ),
)

WHOLE = r"N_q C^2 + \min(H W C^2, \; N_q L K C^2) + 5 N_q L K C + 3 N_q C M L K"


def work_out(subject: Subject) -> Worked:
    """The costs at the subject's sizes."""
    wanted = subject.sizes
    pixels = pixels_of(wanted.side, wanted.levels)
    sizes = AttentionSizes(
        wanted.queries or pixels,
        pixels,
        wanted.channels,
        wanted.heads,
        wanted.points,
        wanted.levels,
    )
    return complexity(sizes, wanted.map_hw)


def complexity(sizes: AttentionSizes, map_hw: tuple[int, int]) -> Worked:
    """Multiply-adds of one layer, term by term, against those counted while it runs.

    Args:
        sizes: `pixels` must be what `levels_hw(map_hw, sizes.levels)` has.
        map_hw: the first level in feature pixels; each further one is half as large.
    """
    board = Blackboard("complexity")
    pixels = sum(height * width for height, width in levels_hw(map_hw, sizes.levels))
    if pixels != sizes.pixels:
        raise ValueError(f"sizes.pixels is {sizes.pixels}; the levels have {pixels}.")
    for term in TERMS:
        _write_number(board, term.name, term.compute, term.equation, term.symbol, sizes)
    _write_number(
        board,
        "deformable_cost",
        cost.deformable_cost,
        r"\term{output_cost} + \min(\term{value_first_cost}, \term{sample_first_cost}) + "
        r"\term{sampling_cost} + \term{prediction_cost}",
        r"C_{\min}",
        sizes,
    )
    _write_number(
        board,
        "module_cost",
        cost.module_cost,
        r"\term{output_cost} + \term{value_first_cost} + \term{sampling_cost} + "
        r"\term{prediction_cost}",
        r"C_{\mathrm{module}}",
        sizes,
        (_short_form(sizes),),
    )
    return board.finished(torch.tensor(counted_cost(sizes, map_hw), dtype=torch.float64), WHOLE)


def _short_form(sizes: AttentionSizes) -> Check:
    if cost.short_form_holds(sizes):
        return Check("5LK + 3MLK < C: the paper's short form may stand for this", True)
    return Check("5LK + 3MLK ≥ C: the paper's short form does not apply", True)


def counted_cost(sizes: AttentionSizes, map_hw: tuple[int, int]) -> int:
    """Multiply-adds of a real module of these sizes while it runs.

    Its tensors have sizes but no memory, so every operation is called and counted, and none is
    carried out: a picture of any size costs milliseconds.
    """
    with FakeTensorMode():
        module = MultiScaleDeformableAttention(
            sizes.channels, sizes.heads, sizes.levels, sizes.points, backend="reference"
        )
        query = torch.empty(1, sizes.queries, sizes.channels)
        references = torch.empty(1, sizes.queries, sizes.levels, 2)
        value = torch.empty(1, sizes.pixels, sizes.channels)
        shapes = levels_hw(map_hw, sizes.levels)
        return count_multiply_adds(lambda: module(query, references, value, shapes, traced=False))


def _write_number(board, name, compute, equation, symbol, sizes, checks=()) -> None:
    def as_tensor(number: int) -> Tensor:
        return torch.tensor(float(number), dtype=torch.float64)

    board.write(
        name,
        compute,
        sizes,
        symbol=symbol,
        equation=equation,
        axes="",
        source=SOURCE,
        unit="multiply-adds",
        pick=as_tensor,
        checks=lambda _: checks,
    )
