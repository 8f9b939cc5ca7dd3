"""What a page draws of one version of a model: samples on the picture, and the answer."""

from dataclasses import dataclass

import torch
from torch import Tensor

from deformviz.geometry import cell_centres, grid_to_normalised
from deformviz.schema import AttentionTrace, Detections, DetectorOutput, GridTrace, ImageFrame
from deformviz.walkthrough.passes import Pass

MOST_KEYS = 64  # of a query and head that are drawn


@dataclass(frozen=True)
class Sight:
    """What one version of a model sees: the query's samples and the detections."""

    trace: AttentionTrace  # of one image
    frame: ImageFrame
    title: str
    detections: Detections | None = None  # None for the toy and for a classifier
    output: DetectorOutput | None = None  # of one image
    no_object: bool = False  # whether its last logit says "nothing here", under a softmax
    reads_cells: bool = True  # whether a sample is blended from cells of a map


def sight_of(seen: Pass, layer: str, title: str) -> Sight:
    """One layer of a pass, on the CPU."""
    trace = seen.observation.traces[layer].image(0).map(lambda tensor: tensor.cpu())
    output = seen.observation.output.image(0).map(lambda tensor: tensor.cpu())
    return Sight(trace, seen.frame, title, seen.detections, output)


def heaviest(weights: Tensor) -> tuple[Tensor, Tensor]:
    """The weights [.. key] that a picture has room for, in the order of their keys; which they are.

    Returns:
        weights and indices, both [.. drawn].
    """
    where = weights.topk(min(weights.shape[-1], MOST_KEYS), dim=-1).indices.sort(dim=-1).values
    return weights.gather(-1, where), where


def among_queries(trace: AttentionTrace, weights: Tensor) -> AttentionTrace:
    """Dense attention of queries to each other as samples: a key lies where its query stands.

    Args:
        trace: of the layer that reads the picture from the same references, of one image.
        weights: [head query key], the keys being the queries.
    """
    drawn, where = heaviest(weights.movedim(0, 1))  # [query head key]
    places = trace.references[:, 0, :2].to(weights)
    locations = places[where][:, :, None]
    return AttentionTrace(
        spatial_shapes=torch.ones(1, 2, dtype=torch.long),  # no map: offsets are shares
        sampling_offsets=locations - places[:, None, None, None],
        sampling_locations=locations,
        attention_weights=drawn[:, :, None],
        reference_points=places[:, None],
    )


def as_samples(trace: GridTrace) -> AttentionTrace:
    """A deformed grid as places and weights of every query: what a picture of samples needs.

    The offsets lead from the knots of the even grid, normalised.
    """
    hw, heads = trace.query_hw, trace.attention_weights.shape[0]
    groups = torch.tensor([trace.group_of(head) for head in range(heads)])
    knots = grid_to_normalised(trace.positions, hw, align_corners=trace.align_corners)[groups]
    start = grid_to_normalised(trace.reference_grid, hw, align_corners=trace.align_corners)[groups]
    count = hw[0] * hw[1]
    each = (count, heads, 1, knots.shape[1], 2)
    return AttentionTrace(
        spatial_shapes=torch.tensor([hw]),
        sampling_offsets=(knots - start)[:, None].expand(each),
        sampling_locations=knots[:, None].expand(each),
        attention_weights=trace.attention_weights.movedim(1, 0)[:, :, None],
        reference_points=torch.from_numpy(cell_centres(hw)).to(knots)[:, None],
    )
