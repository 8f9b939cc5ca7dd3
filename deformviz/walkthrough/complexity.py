"""Derivation of a cost: the full formula of Appendix A.1, beside a count of the real module."""

import torch
from torch import Tensor

from deformviz.analysis import cost
from deformviz.analysis.cost import AttentionSizes
from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.walkthrough.blackboard import Blackboard
from deformviz.walkthrough.step import Check, Derivation

SOURCE = "Deformable DETR, Appendix A.1"
TERMS = (
    ("output_cost", cost.output_cost, r"N_q C^2", "C_W"),
    ("value_first_cost", cost.value_first_cost, r"H W C^2", "C_{W'}"),
    ("sampling_cost", cost.sampling_cost, r"5 N_q L K C", "C_x"),
    ("prediction_cost", cost.prediction_cost, r"3 N_q C M L K", r"C_{\Delta A}"),
)


def complexity(sizes: AttentionSizes, map_hw: tuple[int, int]) -> Derivation:
    """Multiply-adds of one layer, term by term, against those counted while it runs.

    Args:
        sizes: `pixels` must be what `levels_hw(map_hw, sizes.levels)` has.
        map_hw: the first level in feature pixels; each further one is half as large.
    """
    board = Blackboard("complexity")
    pixels = sum(height * width for height, width in levels_hw(map_hw, sizes.levels))
    if pixels != sizes.pixels:
        raise ValueError(f"sizes.pixels is {sizes.pixels}; the levels have {pixels}.")
    for name, compute, equation, symbol in TERMS:
        _write_number(board, name, compute, equation, symbol, sizes)
    _write_number(board, "sample_first_cost", cost.sample_first_cost, r"N_q L K C^2", "C'_{W'}",
                  sizes)
    _write_number(
        board, "deformable_cost", cost.deformable_cost,
        r"\term{output_cost} + \min(\term{value_first_cost}, \term{sample_first_cost}) + "
        r"\term{sampling_cost} + \term{prediction_cost}", r"C_{\min}", sizes)
    _write_number(
        board, "module_cost", cost.module_cost,
        r"\term{output_cost} + \term{value_first_cost} + \term{sampling_cost} + "
        r"\term{prediction_cost}", r"C_{\mathrm{module}}", sizes,
        (Check("5K + 3MK < C" if cost.short_form_holds(sizes)
               else "5K + 3MK >= C: the paper's short form does not apply", True),))
    return board.finished(torch.tensor(counted_cost(sizes, map_hw), dtype=torch.float64))


def levels_hw(map_hw: tuple[int, int], levels: int) -> list[tuple[int, int]]:
    """Sizes of the levels: each halving rounds up."""
    return [tuple(-(-side // 2**level) for side in map_hw) for level in range(levels)]


def counted_cost(sizes: AttentionSizes, map_hw: tuple[int, int]) -> int:
    """Multiply-adds of a real module of these sizes while it runs."""
    module = MultiScaleDeformableAttention(sizes.channels, sizes.heads, sizes.levels,
                                           sizes.points, backend="reference")
    query = torch.zeros(1, sizes.queries, sizes.channels)
    references = torch.full((1, sizes.queries, sizes.levels, 2), 0.5)
    value = torch.zeros(1, sizes.pixels, sizes.channels)
    shapes = levels_hw(map_hw, sizes.levels)
    return cost.count_multiply_adds(
        lambda: module(query, references, value, shapes, traced=False))


def _write_number(board, name, compute, equation, symbol, sizes, checks=()) -> None:
    def as_tensor(number: int) -> Tensor:
        return torch.tensor(float(number), dtype=torch.float64)
    board.write(name, compute, sizes, symbol=symbol, equation=equation, axes="", source=SOURCE,
                unit="multiply-adds", pick=as_tensor, checks=lambda _: checks)
