"""Answers of the lesson on one grid for all."""

import torch

from deformviz.analysis.key_sets_store import LAYER
from deformviz.lessons.ablations import ACCURACY, AS_IT_IS, ON_OBJECT
from deformviz.tracing.packing import decompress, read_header
from deformviz.tracing.store import SHIPPED_KEYS, read_index

STAY = {"dense", "dat"}


def panels_whose_places_stay() -> int:
    """The choice that names the panels in which all queries share their places."""
    header, _ = read_header(decompress(read_index(SHIPPED_KEYS)[0].layer_gzip(LAYER)))
    sets = header["sets"]
    shared = {one["name"] for one in sets if one["shared"]}
    return 2 if shared == STAY else 0 if len(shared) == len(sets) else 3


def bound_in_cells(s: float = 2.0, knots: int = 7) -> float:
    """tanh(1e9) * s / knots, in cells of a grid that spans -1 to 1."""
    farthest = float(torch.tanh(torch.tensor(1e9))) * s / knots
    return farthest / (2 / knots)


def what_finds_the_object() -> int:
    gained = {name: ON_OBJECT[name] - ON_OBJECT["undeformed"] for name in ("attention", "knots")}
    return 0 if gained["attention"] > 5 * gained["knots"] else 1


def cost_of_no_offsets() -> int:
    lost = ACCURACY[AS_IT_IS] - ACCURACY["offsets_off"]
    return 0 if lost > 0.5 else 1 if lost > 0.005 else 2
