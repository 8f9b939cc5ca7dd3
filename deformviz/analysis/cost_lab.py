"""Dense, window, deformable and DAT attention: formula, count, bytes and milliseconds.

Every level of a picture attends to itself, by real modules of one width. Multiply-adds are counted
while they run without numbers, times are measured while they run with some.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from deformviz.analysis.cost import (
    BILINEAR,
    AttentionSizes,
    dense_cost,
    flip_queries,
    module_cost,
)
from deformviz.analysis.cost_lab_records import KINDS, Bill, Growth, LabSizes, levels_hw
from deformviz.analysis.multiply_adds import count_multiply_adds
from deformviz.attention.dat import DATAttention, offset_grid_size
from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.attention.dense import SelfAttention
from deformviz.attention.window import LocalAttention

OFFSET_KERNEL = 5  # of DAT's offset network
MOST_ADDS, MOST_BYTES = 4_000_000_000, 2**30  # of what is measured; a person waits
REPEATS, ENOUGH_S = 5, 0.4
GROWTH = {
    "queries": (10, 30, 100, 300, 1000, 3000),
    "points": (2, 4, 8, 16),
    "side": (64, 128, 192, 256, 384, 512),
}
GROWS = {  # which kinds an axis means something to
    "queries": ("deformable",),
    "points": ("deformable",),
    "side": KINDS,
}
OnStep = Callable[[int, int], object]


def groups_of(heads: int) -> int:
    """Deformed grids of a layer: two, where the heads can be shared out."""
    return 2 if heads % 2 == 0 else 1


def tiled(map_hw: tuple[int, int], window: int) -> tuple[int, int]:
    """A map padded until windows fit, as Swin does."""
    height, width = (-(-side // window) * window for side in map_hw)
    return height, width


def formula(kind: str, sizes: LabSizes, map_hw: tuple[int, int]) -> int:
    """Multiply-adds of one layer on one map, by the kind's own formula."""
    channels, heads = sizes.channels, sizes.heads
    pixels = map_hw[0] * map_hw[1]
    if kind == "dense":
        return dense_cost(pixels, pixels, channels)
    if kind == "window":
        height, width = tiled(map_hw, sizes.window)
        return 2 * height * width * channels * (2 * channels + sizes.window**2)
    if kind == "deformable":
        return module_cost(_letters(sizes, pixels))
    rows, columns = offset_grid_size(map_hw, OFFSET_KERNEL, sizes.stride, "v1")
    knots = rows * columns
    projections = 2 * (pixels + knots) * channels**2
    offsets = knots * channels * (OFFSET_KERNEL**2 + 2)
    bias = BILINEAR * heads * pixels * knots
    return (
        projections + 2 * pixels * knots * channels + offsets + BILINEAR * knots * channels + bias
    )


def _letters(sizes: LabSizes, pixels: int) -> AttentionSizes:
    return AttentionSizes(
        sizes.queries or pixels, pixels, sizes.channels, sizes.heads, sizes.points, 1
    )


def flips_at(sizes: LabSizes, map_hw: tuple[int, int]) -> float:
    """The number of queries above which projecting values first is the cheaper way."""
    return flip_queries(_letters(sizes, map_hw[0] * map_hw[1]))


def parts(
    kind: str, sizes: LabSizes, map_hw: tuple[int, int], backend: str
) -> tuple[Callable[..., Any], Callable[[], tuple[Tensor, ...]]]:
    """A module of a kind that looks at a map, and what makes its inputs.

    Args:
        backend: of the deformable op; only this kind has several.
    """
    channels, heads = sizes.channels, sizes.heads
    pixels = map_hw[0] * map_hw[1]
    if kind == "dense":
        return SelfAttention(channels, heads), lambda: (torch.rand(1, pixels, channels),)
    if kind == "window":
        padded = tiled(map_hw, sizes.window)
        module = LocalAttention(channels, heads, sizes.window)
        return module, lambda: (torch.rand(1, channels, *padded),)
    if kind == "dat":
        module = DATAttention(
            channels,
            heads,
            groups_of(heads),
            map_hw,
            version="v1",
            stride=sizes.stride,
            offset_kernel=OFFSET_KERNEL,
            offset_range_factor=3.0,
        )
        return module, lambda: (torch.rand(1, channels, *map_hw),)
    deformable = MultiScaleDeformableAttention(channels, heads, 1, sizes.points, backend=backend)
    queries = sizes.queries or pixels

    def run(asking: Tensor, references: Tensor, value: Tensor) -> Any:
        return deformable(asking, references, value, [map_hw], None, traced=False)

    def inputs() -> tuple[Tensor, ...]:
        asking, value = torch.rand(1, queries, channels), torch.rand(1, pixels, channels)
        return asking, torch.rand(1, queries, 1, 2), value

    return run, inputs


class _Written(TorchDispatchMode):
    """Adds up the bytes of every tensor that an operation of this thread makes anew."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        views = any(each.alias_info is not None for each in func._schema.returns)
        if not views:
            made = result if isinstance(result, tuple | list) else [result]
            self.total += sum(t.nbytes for t in made if isinstance(t, torch.Tensor))
        return result


def bill(kind: str, sizes: LabSizes, map_hw: tuple[int, int]) -> Bill:
    """What one layer of a kind costs on one map, without a measurement."""
    run, inputs = parts(kind, sizes, map_hw, "reference")
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        given = inputs()
        counted = count_multiply_adds(lambda: run(*given))
        with _Written() as written:
            run(*given)
    return Bill(kind, map_hw, formula(kind, sizes, map_hw), counted, written.total)


def bills(sizes: LabSizes) -> tuple[Bill, ...]:
    """Every kind on every level, finest first."""
    return tuple(bill(kind, sizes, map_hw) for map_hw in levels_hw(sizes) for kind in KINDS)


def measured(one: Bill, sizes: LabSizes) -> Bill:
    """The bill with its time on this machine; without one where it would take too much."""
    if one.counted > MOST_ADDS or one.bytes_written > MOST_BYTES:
        return one
    run, inputs = parts(one.kind, sizes, one.map_hw, "auto")
    given = inputs()
    return replace(one, milliseconds=milliseconds(lambda: run(*given)))


@torch.no_grad()
def milliseconds(compute: Callable[[], Any]) -> float:
    """The median time of some runs, after one that does not count."""
    compute()
    times: list[float] = []
    while len(times) < REPEATS and sum(times) < ENOUGH_S:
        started = time.perf_counter()
        compute()
        times.append(time.perf_counter() - started)
    return 1000 * sorted(times)[len(times) // 2]


def growth(sizes: LabSizes, axis: str, measure: bool = True) -> tuple[Growth, ...]:
    """How costs grow along an axis of GROWTH on the finest level, everything else as it is."""
    lines = []
    for kind in GROWS[axis]:
        found = [_at(kind, sizes, axis, value) for value in GROWTH[axis]]
        if measure:
            found = [(measured(one, changed), changed) for one, changed in found]
        lines.append(
            Growth(
                axis,
                kind,
                GROWTH[axis],
                tuple(one.counted for one, _ in found),
                tuple(one.milliseconds for one, _ in found),
            )
        )
    return tuple(lines)


def _at(kind: str, sizes: LabSizes, axis: str, value: int) -> tuple[Bill, LabSizes]:
    changed = replace(sizes, **{axis: value})
    return bill(kind, changed, levels_hw(changed)[0]), changed


def measure_all(
    sizes: LabSizes, on_step: OnStep | None = None, axes: Sequence[str] = tuple(GROWTH)
) -> tuple[tuple[Bill, ...], tuple[Growth, ...]]:
    """Every bill with its time, and the growth along every axis."""
    listed = bills(sizes)
    count = len(listed) + len(axes)
    timed = []
    for done, one in enumerate(listed):
        if on_step is not None:
            on_step(done, count)
        timed.append(measured(one, sizes))
    lines: list[Growth] = []
    for done, axis in enumerate(axes, start=len(listed)):
        if on_step is not None:
            on_step(done, count)
        lines += growth(sizes, axis)
    return tuple(timed), tuple(lines)
