"""How one query samples: where to, how far, and with which weight.

Plain NumPy, so that a stored trace is answered without torch. Symbols follow Deformable DETR
(arXiv 2010.04159), Eq. 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deformviz.axes import axes, check_axes
from deformviz.geometry import shapes_list


@dataclass(frozen=True)
class QuerySampling:
    """What one query of one layer does, ready to be drawn or put in a table."""

    spatial_shapes: np.ndarray = axes("level hw")  # feature pixels
    locations: np.ndarray = axes("head level point xy")  # normalised, may leave [0, 1]
    offsets_px: np.ndarray = axes("head level point xy")  # feature pixels of the level
    weights: np.ndarray = axes("head level point")  # sums to 1 over level, point

    def __post_init__(self):
        check_axes(self, unbatched=("spatial_shapes", "locations", "offsets_px", "weights"))


def query_sampling(
    locations: np.ndarray,
    weights: np.ndarray,
    references: np.ndarray,
    spatial_shapes,
    query: int,
) -> QuerySampling:
    """The samples of one query out of a whole layer.

    Args:
        locations: [query head level point xy], normalised to the padded image.
        weights: [query head level point].
        references: [query level xy] or [query level cxcywh], normalised; of a box its centre
            counts.
        spatial_shapes: [level hw] in feature pixels.

    Raises IndexError if the layer has no such query.
    """
    if not 0 <= query < len(locations):
        raise IndexError(f"There is no query {query}; this layer has 0 to {len(locations) - 1}.")
    shapes = shapes_list(spatial_shapes)
    size_xy = np.array([(width, height) for height, width in shapes], np.float64)
    reference_xy = np.asarray(references[query], np.float64)[:, :2]
    offsets = np.asarray(locations[query], np.float64) - reference_xy[:, None, :]
    return QuerySampling(
        spatial_shapes=np.array(shapes),
        locations=np.asarray(locations[query]),
        offsets_px=offsets * size_xy[:, None, :],
        weights=np.asarray(weights[query]),
    )


def level_share(weights: np.ndarray) -> np.ndarray:
    """How a head's weight is shared out among levels: [.. head level point] -> [.. head level]."""
    return weights.sum(axis=-1)


def effective_points(weights: np.ndarray) -> np.ndarray:
    """How many points a head really uses: exp of the entropy of its weights.

    [.. head level point] -> [.. head], from 1 (all weight on one point) to level * point (even).
    """
    joint = weights.reshape(*weights.shape[:-2], -1).astype(np.float64)
    joint = joint / joint.sum(axis=-1, keepdims=True)
    logarithm = np.log(joint, out=np.zeros_like(joint), where=joint > 0)
    return np.exp(-(joint * logarithm).sum(axis=-1))


def outside_share(locations: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of each head's weight that falls outside the map, where the value is zero.

    locations [.. head level point xy], weights [.. head level point] -> [.. head]. Outside means
    the point itself has left [0, 1]; within half a cell beyond, a sample still reads a little.
    """
    outside = ((locations < 0) | (locations > 1)).any(axis=-1)
    return (weights * outside).sum(axis=(-1, -2)) / weights.sum(axis=(-1, -2))


def mean_offset(offsets_px: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Where a head leans: its offsets averaged by weight, [.. head level point xy] -> [.. head xy].

    Offsets count pixels of their own level.
    """
    total = weights.sum(axis=(-1, -2))[..., None]
    return (offsets_px * weights[..., None]).sum(axis=(-2, -3)) / total
