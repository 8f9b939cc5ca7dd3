"""DAT's position biases: what a query adds to a knot's score because of where it lies.

Four kinds, all kept under `rpe_table` in the checkpoints: "table" (a table of displacements, read
between its entries), "log_cpb" (a small network of the log-displacement), "fixed" (one number per
query and key, blind to the deformation) and "dwc" (a depthwise convolution of the queries, added
to the output instead of the scores).
"""

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from deformviz.axes import ShapeError

KINDS = ("table", "log_cpb", "fixed", "dwc", "none")
LOG_CPB_WIDTH = 32


def displacements(query_grid: Tensor, positions: Tensor) -> Tensor:
    """Query minus knot: [query yx], [batch group knot yx] -> [batch group query knot yx].

    Coordinates span 2, so displacements of points inside the map lie in [-2, 2].
    """
    return query_grid[:, None] - positions[:, :, None]


def make_position_bias(
    kind: str,
    channels: int,
    heads: int,
    groups: int,
    query_hw: tuple[int, int],
    grid_hw: tuple[int, int],
) -> nn.Parameter | nn.Module | None:
    """What is learnt for a kind of bias, shaped as in the checkpoints; None for "none".

    Raises:
        ValueError: the kind is not known.
    """
    if kind not in KINDS:
        raise ValueError(f"position_bias must be one of {KINDS}, got {kind!r}.")
    height, width = query_hw
    if kind == "table":
        table = torch.empty(heads, 2 * height - 1, 2 * width - 1)
        return nn.Parameter(nn.init.trunc_normal_(table, std=0.01))
    if kind == "fixed":
        table = torch.empty(heads, height * width, math.prod(grid_hw))
        return nn.Parameter(nn.init.trunc_normal_(table, std=0.01))
    if kind == "log_cpb":
        return nn.Sequential(
            nn.Linear(2, LOG_CPB_WIDTH),
            nn.ReLU(),
            nn.Linear(LOG_CPB_WIDTH, heads // groups, bias=False),
        )
    if kind == "dwc":
        return nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
    return None


def table_bias(table: Tensor, displacement: Tensor) -> Tensor:
    """The table of every head read at its group's displacements, zero outside the table.

    table [head row column], displacement [batch group query knot yx]
    -> [batch head query knot]. Half the displacement spans the table with `align_corners=True`.
    """
    batch, groups = displacement.shape[:2]
    tables = rearrange(table, "(group head) row column -> group head row column", group=groups)
    tables = tables.expand(batch, *tables.shape).flatten(0, 1)
    grid_xy = (displacement * 0.5).flip(-1).flatten(0, 1)
    bias = F.grid_sample(tables, grid_xy, mode="bilinear", padding_mode="zeros", align_corners=True)
    return rearrange(
        bias, "(batch group) head query knot -> batch (group head) query knot", batch=batch
    )


def log_distance(displacement: Tensor) -> Tensor:
    """Signed log-displacements: 4 d, which spans [-8, 8], squeezed to about [-1, 1]."""
    wide = displacement * 4
    return wide.sign() * torch.log2(wide.abs() + 1) / math.log2(8)


def log_cpb_bias(network: nn.Module, displacement: Tensor) -> Tensor:
    """The network's answer for every log-displacement (y, x); groups share the network.

    displacement [batch group query knot yx] -> [batch head query knot].
    """
    return rearrange(
        network(log_distance(displacement)),
        "batch group query knot head -> batch (group head) query knot",
    )


def fixed_bias(table: Tensor, queries: int, knots: int) -> Tensor:
    """The table itself [1 head query knot].

    Raises:
        ShapeError: the map has another size than the table was made for.
    """
    if table.shape[1:] != (queries, knots):
        raise ShapeError(
            f"The fixed position bias is for {table.shape[1]} queries and {table.shape[2]} knots, "
            f"got {queries} and {knots}. Resize the image to the model's own size."
        )
    return table[None]


def log_cpb_lattice(network: nn.Module, groups: int, steps: int) -> Tensor:
    """The network's answers on a lattice of displacements from -2 to 2, [head row column].

    What one draws of it between the lattice's points is nearly right; only `table_bias` reads
    its own table that way exactly.
    """
    like = next(network.parameters())
    along = torch.linspace(-2, 2, steps, dtype=like.dtype, device=like.device)
    displacement = torch.stack(torch.meshgrid(along, along, indexing="ij"), dim=-1)
    answers = network(log_distance(displacement))
    return rearrange(answers, "row column head -> head row column").repeat(groups, 1, 1)
