"""A finished study of the samples of some layers, ready to be drawn: read without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from deformviz.analysis.attribution_records import Attribution, Study

PIXELS = "pixels"  # stands for the layers where pixels are asked
# Of a path, by part of the model; a person waits, and the error that is left is said.
MOST_STEPS = {"decoder": 1024, "encoder": 512, "stages": 512, PIXELS: 512}


@dataclass(frozen=True, eq=False)
class LayerView:
    """What is drawn of one layer: the samples of one query over the original picture.

    Heads of a DAT that read the same knots are drawn as one mark, `together` many at a time.
    """

    locations_px: np.ndarray  # [mark level point xy], pixel indices of the original
    weights: np.ndarray  # [mark level point]
    query: int  # of an encoder layer: the token that is worth most
    agreement: np.ndarray  # [head]
    together: int = 1

    def marks(self, found: Attribution) -> np.ndarray:
        """What the query's samples are worth, as they are drawn [mark level point]."""
        return add_up(found.of_query(self.query), self.together)


def add_up(values: np.ndarray, together: int) -> np.ndarray:
    """[head level point] -> [mark level point], sums over neighbouring heads."""
    return values.reshape(-1, together, *values.shape[1:]).sum(1)


@dataclass(frozen=True, eq=False)
class LayersStudied:
    """A finished study of the samples of some layers."""

    study: Study
    layers: dict[str, LayerView]
    proofs: tuple[dict[str, Any], ...] = ()  # of the pass that was studied, as headers hold them
