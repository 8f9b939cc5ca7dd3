"""A layer small enough for a pencil: 2 heads, 2 levels, 2 points, maps of 3x4 and 2x2.

Every number is chosen so that the result can be worked out by hand; the last column of the larger
map is padding, so that masks and valid ratios matter.
"""

import math
from typing import Any

import torch

from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.walkthrough.observe import AttentionInputs

SHAPES_HW = [(3, 4), (2, 2)]
VALID_RATIOS = [(0.75, 1.0), (1.0, 1.0)]  # (x, y): three of four columns are picture

OFFSETS = [  # head, level, point: (x, y)
    [[[1.5, 0.0], [0.5, 0.5]], [[0.0, 0.0], [0.5, -0.5]]],
    [[[-1.0, 0.0], [-1.5, 0.0]], [[-0.5, 0.5], [2.0, 0.0]]],
]
WEIGHTS = [  # head, level, point
    [[1 / 8, 1 / 8], [1 / 4, 1 / 2]],
    [[1 / 4, 1 / 4], [1 / 4, 1 / 4]],
]
QUERY = [2.0, 1.0]


def toy_module() -> MultiScaleDeformableAttention:
    """The layer, float64: for QUERY it answers with exactly OFFSETS and WEIGHTS."""
    module = (
        MultiScaleDeformableAttention(channels=2, heads=2, levels=2, points=2, backend="reference")
        .double()
        .eval()
    )
    offsets = torch.tensor(OFFSETS, dtype=torch.float64).flatten()
    logits = torch.tensor(WEIGHTS, dtype=torch.float64).flatten().log() + math.log(8)
    with torch.no_grad():
        # z_q = (2, 1): a quarter of the wanted number twice, and half of it once.
        module.sampling_offsets.weight.copy_(torch.stack([offsets / 4, offsets / 2], dim=1))
        module.attention_weights.weight.copy_(torch.stack([logits / 4, logits / 2], dim=1))
        module.sampling_offsets.bias.zero_()
        module.value_proj.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
        module.value_proj.bias.copy_(torch.tensor([0.0, 1.0]))
        module.output_proj.weight.copy_(torch.tensor([[1.0, 0.5], [0.0, 1.0]]))
        module.output_proj.bias.copy_(torch.tensor([0.0, -1.0]))
    return module


def toy_inputs() -> AttentionInputs:
    """What the layer reads; the reference stands in the middle of the un-padded picture.

    Level 0 holds 10·row + column and row + column, level 1 holds 4, 8, 12, 16 and 1, 2, 3, 4.
    """
    first = [[10.0 * row + column, float(row + column)] for row in range(3) for column in range(4)]
    second = [[4.0, 1.0], [8.0, 2.0], [12.0, 3.0], [16.0, 4.0]]
    middle = [[0.5 * x, 0.5 * y] for x, y in VALID_RATIOS]
    columns = [index % 4 for index in range(12)]
    mask = [column == 3 for column in columns] + [False] * 4
    double: dict[str, Any] = {"dtype": torch.float64}
    return AttentionInputs(
        query=torch.tensor([[QUERY]], **double),
        references=torch.tensor([[middle]], **double),
        value_input=torch.tensor([first + second], **double),
        spatial_shapes=SHAPES_HW,
        padding_mask=torch.tensor([mask]),
    )
