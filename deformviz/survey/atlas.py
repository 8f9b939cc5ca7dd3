"""The head atlas: for every head of a study, where its weight falls around its reference.

One binary for a browser, framed like `deformviz.tracing.packing`: a header, then for each layer,
head and level a map [y x] of uint16, the share of the head's weight in steps of its tile's scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deformviz.survey.cells import BINS, REACH_BOX, REACH_PX
from deformviz.survey.pictures import SurveyError
from deformviz.survey.sums import ALL, LayerSums
from deformviz.tracing.packing import STEPS, VERSION, with_header

if TYPE_CHECKING:
    from deformviz.survey.study import Study

KIND = "head-atlas"


def groups(study: Study) -> list[str]:
    """What a study's maps can be split by: all queries, sizes, right and wrong, classes."""
    there = dict.fromkeys(name for sums in study.sums.values() for name in sums.counts)
    order = {ALL: 0, "size S": 1, "size M": 2, "size L": 3, "right": 4, "wrong": 5}
    return sorted(there, key=lambda name: (order.get(name, len(order)), name))


def head_maps(sums: LayerSums, group: str = ALL) -> np.ndarray:
    """Shares of each head's weight [head level y x] of the group; they sum to 1, or are all 0."""
    weights = sums.weights[group]
    whole = weights.sum(axis=(1, 2, 3), keepdims=True)
    return np.divide(weights, whole, out=np.zeros_like(weights), where=whole > 0)


def pack_atlas(study: Study, group: str = ALL) -> bytes:
    """Header and maps of all layers that have the group.

    Raises:
        SurveyError: no layer has it.
    """
    shown = {name: sums for name, sums in study.sums.items() if group in sums.counts}
    if not shown:
        raise SurveyError(
            f"The study has no queries of {group!r}; it has {', '.join(groups(study))}."
        )
    described, scales, body, tiles = [], [], [], 0
    for name, sums in shown.items():
        maps = head_maps(sums, group)
        most = maps.max(axis=(1, 2, 3))
        scale = np.where(most > 0, most, 1.0) / STEPS
        described.append(
            {
                "name": name,
                "heads": sums.heads,
                "levels": len(sums.points),
                "boxed": sums.boxed,
                "reach": REACH_BOX if sums.boxed else REACH_PX,
                "first": tiles,
            }
        )
        tiles += sums.heads
        scales += scale.tolist()
        body.append(np.round(maps / scale[:, None, None, None]).astype("<u2").tobytes())
    header = {
        "v": VERSION,
        "kind": KIND,
        "layer": group,
        "queries": tiles,
        "levels": [[BINS, BINS]] * max(len(sums.points) for sums in shown.values()),
        "level_starts": [0],
        "start_query": 0,
        "to_original": [1.0, 0.0, 1.0, 0.0],  # there is no picture: stage pixels stay what they are
        "bins": BINS,
        "layers": described,
        "scales": scales,
        "pictures": study.covered,
        "honesty_label": f"{study.covered:,} pictures",
        "groups": groups(study),
    }
    return with_header(header, b"".join(body))
