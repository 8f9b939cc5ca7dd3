"""What each part of the shipped DAT brings: its accuracy with the part taken away or changed.

`python -m deformviz.lessons.ablations` measures them; a slow test does so again. Nothing is trained
anew: a part is missed most by a model that has learnt to lean on it. Without torch until measured.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

MODEL, SCENES = "dat-scenes", 1000
AS_IT_IS = "as_it_is"
# Share of SCENES held-out scenes named rightly, by the name of what was done to the model.
ACCURACY = {
    AS_IT_IS: 0.981,
    "offsets_off": 0.963,
    "offsets_off_first": 0.969,
    "offsets_off_last": 0.977,
    "half_reach": 0.973,
    "twice_reach": 0.969,
    "bias_off": 0.981,
    "both_off": 0.964,
}
# The same of a DAT whose nine knots a group miss small objects where its grid is not bent.
SMALL_MODEL, SMALL_SCENES, SMALL_SIZES = "dat-small-scenes", 500, (0.14, 0.34)
SMALL_ACCURACY = {AS_IT_IS: 0.856, "offsets_off": 0.65}
# Shares of the last layer on the object, over SHARED_SCENES; the same slow test measures them.
SHARED_SCENES = 500
ON_OBJECT = {"attention": 0.532, "knots": 0.233, "undeformed": 0.207}
# Reported, arXiv 2201.00520: over Swin on ImageNet and COCO; offsets or bias alone; the bound.
REPORTED = {"accuracy": "+0.7", "map": "+0.8", "one": "+0.3", "bound": "s = 2"}


def measure(
    scenes: int = SCENES,
    name: str = MODEL,
    sizes: tuple[float, float] | None = None,
    changes: tuple[str, ...] = (),
) -> dict[str, float]:
    """The same numbers, computed now: every scene is rendered once and shown to every version.

    Args:
        sizes: of the objects; None: the usual ones.
        changes: names of CHANGES; empty: all of them.
    """
    import torch

    from deformviz.checkpoints.load import load
    from deformviz.models.dat import DAT
    from deformviz.training.dat import evaluation_batches
    from deformviz.training.scenes import SINGLE_SIZES

    model = load(name)
    assert isinstance(model, DAT)
    versions = {one: _changed(model, CHANGES[one]) for one in changes or CHANGES}
    right = dict.fromkeys(versions, 0)
    with torch.inference_mode():
        batches = evaluation_batches(model.config, scenes=scenes, sizes=sizes or SINGLE_SIZES)
        for images, labels in batches:
            for change, version in versions.items():
                logits, _ = version(images, traced=False)
                right[change] += int((logits.argmax(-1) == labels).sum())
    return {change: count / scenes for change, count in right.items()}


def _changed(model: Any, change: Callable[[list[Any]], None]) -> Any:
    """A copy of the model whose deformed layers, first to last, were changed."""
    import torch

    from deformviz.attention.dat import DATAttention

    version = copy.deepcopy(model).eval()
    with torch.no_grad():
        change([module for module in version.modules() if isinstance(module, DATAttention)])
    return version


def _no_offsets(layers: list[Any]) -> None:
    for layer in layers:
        layer.conv_offset[-1].weight.zero_()


def _no_bias(layers: list[Any]) -> None:
    for layer in layers:
        layer.rpe_table.zero_()


def _neither(layers: list[Any]) -> None:
    _no_offsets(layers)
    _no_bias(layers)


def _reach(factor: float) -> Callable[[list[Any]], None]:
    def change(layers: list[Any]) -> None:
        for layer in layers:
            layer.offset_range_factor *= factor

    return change


CHANGES: dict[str, Callable[[list[Any]], None]] = {
    AS_IT_IS: lambda layers: None,
    "offsets_off": _no_offsets,
    "offsets_off_first": lambda layers: _no_offsets(layers[:1]),
    "offsets_off_last": lambda layers: _no_offsets(layers[1:]),
    "half_reach": _reach(0.5),
    "twice_reach": _reach(2.0),
    "bias_off": _no_bias,
    "both_off": _neither,
}


if __name__ == "__main__":
    import sys

    sys.stdout.write(f"{measure()}\n")
