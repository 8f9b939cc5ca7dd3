"""Derivation of one sample: location, pixel, four corners, their weights, the blend."""

import torch
from torch import Tensor

from deformviz.attention.corners import blend_corners, read_corners
from deformviz.attention.reference import bilinear_corners, sample_level, split_levels
from deformviz.geometry import shapes_list, to_pixel_index
from deformviz.schema import AttentionTrace
from deformviz.walkthrough.asked import Asked
from deformviz.walkthrough.blackboard import Blackboard
from deformviz.walkthrough.step import Check, Worked

SOURCE = "Deformable DETR, Sec. 4.1: bilinear interpolation as in Deformable ConvNets, Eq. 3 and 4"

WHOLE = r"\term{sampled_value} = \sum_r \term{corner_weights} \cdot \term{corner_values}"


def work_out(asked: Asked) -> Worked:
    """The chosen sample."""
    return bilinear(asked.trace, *asked.sample)


@torch.no_grad()
def bilinear(trace: AttentionTrace, query: int, head: int, level: int, point: int) -> Worked:
    """W'_m x^l(p_mlqk) of one sample of a layer's trace (of one image, with its `value`)."""
    shapes = shapes_list(trace.spatial_shapes)
    size_hw = shapes[level]
    maps = split_levels(value_of(trace)[None], shapes)[level]
    location = trace.sampling_locations[query, head, level, point]
    board = Blackboard("bilinear")
    write_sample(board, maps[0, :, :, head], location, size_hw)
    at_once = sample_level(maps[:, :, :, head : head + 1], location[None, None, None, None])
    return board.finished(at_once[0, 0, 0, 0], WHOLE)


def value_of(trace: AttentionTrace) -> Tensor:
    """What the layer read [pixel head channel].

    Raises:
        ValueError: the trace was recorded without it.
    """
    if trace.value is None:
        raise ValueError("The trace was recorded without its value; there is nothing to sample.")
    return trace.value


def write_sample(
    board: Blackboard, value_map: Tensor, location: Tensor, size_hw: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Steps from a location to its sample; returns the corner values and the sample."""
    board.given(
        "value_map",
        value_map,
        symbol="W'_m x^l",
        axes="row column channel",
        source="Eq. 3: one head's map of this level",
    )
    board.given(
        "sampling_location",
        location,
        symbol="p_{mlqk}",
        axes="xy",
        source="Eq. 3",
        unit="normalised",
    )
    board.write(
        "pixel",
        to_pixel_index,
        location,
        size_hw,
        symbol="(u, v)",
        equation=r"(p_x W_l - \frac{1}{2}, \; p_y H_l - \frac{1}{2})",
        axes="xy",
        source="grid_sample with align_corners=False",
        unit="feature pixels",
    )
    cells = board.write(
        "corners",
        cells_of_corners,
        location,
        size_hw,
        symbol=r"r",
        equation=r"(\lfloor u \rfloor + \{0, 1\}, "
        r"\lfloor v \rfloor + \{0, 1\})",
        axes="corner xy",
        source=SOURCE,
        unit="column and row",
    )
    shares = board.write(
        "corner_weights",
        weights_of_corners,
        location,
        size_hw,
        symbol="G(p, r)",
        equation=r"g(u, r_x) \, g(v, r_y)",
        axes="corner",
        source=SOURCE,
        checks=_at_most_one,
    )
    values = board.write(
        "corner_values",
        read_corners,
        value_map,
        cells,
        symbol="W'_m x^l(r)",
        equation=r"\term{value_map}[r_y, r_x]",
        axes="corner channel",
        source=f"{SOURCE}; zero outside the map",
    )
    sampled = board.write(
        "sampled_value",
        blend_corners,
        values,
        shares,
        symbol="W'_m x^l(p_{mlqk})",
        equation=r"\sum_r \term{corner_weights} \cdot \term{corner_values}",
        axes="channel",
        source=SOURCE,
    )
    return values, sampled


def cells_of_corners(location_xy: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Columns and rows of the four corners [... corner xy], see `bilinear_corners`."""
    cells_xy, _ = bilinear_corners(location_xy, size_hw)
    return cells_xy


def weights_of_corners(location_xy: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """The shares of the four corners [... corner], see `bilinear_corners`."""
    _, corner_weights = bilinear_corners(location_xy, size_hw)
    return corner_weights


def _at_most_one(shares: Tensor) -> tuple[Check, ...]:
    total = float(shares.sum())
    return (
        Check(
            f"shares sum to {total:.3g}, 1 inside the map and less at its border",
            -1e-6 < total < 1 + 1e-6,
        ),
    )
