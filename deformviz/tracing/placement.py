"""Where in the picture a sample comes from: the second half of a proof.

A mark is placed by the location alone. What the model read there depends on pixels around it; the
centre of that dependence, measured by gradients, has to lie at the mark, else the frame is wrong:
x and y exchanged, the picture's size in place of the padded one, levels mixed up.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from deformviz.attention.reference import sample_level, split_levels
from deformviz.schema import AttentionTrace
from deformviz.tracing.recording import RecordError

EDGE_CELLS = 1.5  # samples nearer to the edge depend on one side of themselves only
MIXTURES = 4  # ways of adding a sample's channels up: in one alone, two of them may cancel


def placement_strides(
    trace: AttentionTrace,
    value: Tensor,
    pixels: Sequence[Tensor],
    padded_hw: tuple[int, int],
    count: int,
) -> float | None:
    """How far samples lie from what they depend on, in cells of their level: the median of `count`.

    What a sample depends on is the squared gradient of its value with respect to the pixels; its
    middle is the pixel that has half of it to each side. A mean would follow the little that comes
    from everywhere, through attention or deep convolutions, and with it the middle of the picture.

    Strided convolutions with odd kernels put the middle of a cell up to half a cell above and left
    of the cell's own: 0.7 cells are the geometry of a ResNet, not an error of the frame.

    Args:
        trace: batched; where the samples are.
        value: what was sampled [batch pixel head channel], with its graph.
        pixels: the input that requires a gradient: one tensor [batch 3 height width], or one
            [3 height width] per picture, each in the upper left corner of the padded batch.
        count: how many samples to look at, spread over pictures, queries, heads and levels.

    Returns None where no sample lies inside, or the value does not depend on the pixels.
    """
    if not value.requires_grad:
        return None
    apart = []
    for image, query, head, sample, level in _chosen(trace, count):
        location = trace.locations_by_sample[image, query, head, sample].detach()
        shapes = [tuple(shape) for shape in trace.spatial_shapes.tolist()]
        one = split_levels(value[image : image + 1, :, head : head + 1], shapes)[level]
        read = sample_level(one, location.to(one.dtype)[None, None, None, None])
        own = pixels[image] if len(pixels) > 1 or pixels[0].dim() == 3 else pixels[0]
        amount = _dependence(read.flatten(), own)
        if amount is None:
            return None
        centre = _middle(amount[image] if amount.dim() == 3 else amount)
        if centre is not None:
            height, width = padded_hw
            stride = centre.new_tensor([width / shapes[level][1], height / shapes[level][0]])
            mark = location.float() * centre.new_tensor([width, height]) - 0.5
            apart.append(float(((centre - mark) / stride).norm()))
    return float(torch.tensor(apart).median()) if apart else None


def _dependence(read: Tensor, pixels: Tensor) -> Tensor | None:
    """How much a sampled value [channel] depends on each pixel [(batch) height width]."""
    amount, channels = None, torch.arange(len(read), device=read.device)
    for period in range(MIXTURES):
        signs = 1 - 2 * ((channels >> period) & 1)
        (gradient,) = torch.autograd.grad(
            (read * signs).sum(), pixels, retain_graph=True, allow_unused=True
        )
        if gradient is None:
            return None
        squared = gradient.float().square().sum(-3)
        amount = squared if amount is None else amount + squared
    return amount


def _middle(amount: Tensor) -> Tensor | None:
    """The (x, y) pixel that has half of an amount [height width] to each side."""
    if not float(amount.sum()) > 0:
        return None
    return torch.stack([_median(amount.sum(0)), _median(amount.sum(1))])


def _median(amount: Tensor) -> Tensor:
    """The place on one axis with half of an amount on each side, between pixels."""
    reached = amount.cumsum(0) / amount.sum()
    at = int((reached < 0.5).sum())
    before = reached[at - 1] if at else torch.zeros_like(reached[0])
    return at - 0.5 + (0.5 - before) / (reached[at] - before)


def _chosen(trace: AttentionTrace, count: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Samples inside the picture, as (image, query, head, sample, level), spread over all."""
    locations = trace.locations_by_sample.detach()
    levels = [level for level, n in enumerate(trace.points_per_level) for _ in range(n)]
    shapes = trace.spatial_shapes.to(locations.device, locations.dtype)
    cells = shapes[levels].flip(-1)  # [sample xy]
    margin = EDGE_CELLS / cells
    inside = ((locations > margin) & (locations < 1 - margin)).all(-1)
    if trace.padding_mask is not None:
        inside = inside & ~_in_padding(locations, trace.padding_mask, trace.spatial_shapes, levels)
    found = inside.nonzero()
    if not len(found):
        return
    for row in found[torch.linspace(0, len(found) - 1, min(count, len(found))).long()].tolist():
        yield (*row, levels[row[3]])


def _in_padding(locations: Tensor, mask: Tensor, shapes: Tensor, levels: list[int]) -> Tensor:
    """Whether the cell of each sample [image query head sample] is padding, which reads as zero."""
    sizes = shapes.to(locations.device)
    start = torch.cat([sizes.new_zeros(1), sizes.prod(1).cumsum(0)])[:-1]
    columns, rows = (locations * sizes[levels].flip(-1)).long().unbind(-1)
    height, width = sizes[levels].unbind(-1)
    cells = rows.clamp(min=0).minimum(height - 1) * width + columns.clamp(min=0).minimum(width - 1)
    images = torch.arange(len(mask), device=mask.device)[:, None, None, None]
    return mask[images, start[levels] + cells]


class PixelFollower:
    """Lets a pass record gradients of its pictures, and follows samples back to them."""

    def __init__(self, count: int):
        self._count, self._pixels, self._before = count, [], None

    def attach(self, root: nn.Module) -> list:
        """Hook the whole module; nothing where no sample is to be followed."""
        if not self._count:
            return []
        return [
            root.register_forward_pre_hook(self._begin, with_kwargs=True),
            root.register_forward_hook(lambda *_: self.leave()),
        ]

    def leave(self) -> None:
        """Gradients are recorded or not as before the pass."""
        if self._before is not None:
            torch.set_grad_enabled(self._before)
            self._before = None

    def _begin(self, _: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        if torch.is_inference_mode_enabled():
            raise RecordError(
                "Samples cannot be followed to their pixels in inference mode; use torch.no_grad()."
            )
        self._before = torch.is_grad_enabled()
        torch.set_grad_enabled(True)
        self._pixels = []
        return (
            tuple(self._watched(given) for given in args),
            {name: self._watched(given) for name, given in kwargs.items()},
        )

    def _watched(self, given: Any) -> Any:
        """The first batch of pictures among the arguments, as leaves of the graph."""
        if self._pixels:
            return given
        if isinstance(given, Tensor) and given.dim() == 4 and given.is_floating_point():
            self._pixels = [given.detach().requires_grad_()]
            return self._pixels[0]
        if isinstance(given, list) and given and all(isinstance(g, Tensor) for g in given):
            self._pixels = [picture.detach().requires_grad_() for picture in given]
            return list(self._pixels)
        return given

    def distance(self, trace: Any) -> float | None:
        """How far the samples of a layer lie from what they depend on, in cells."""
        if not self._pixels or not isinstance(trace, AttentionTrace) or trace.value is None:
            return None
        sizes = [picture.shape[-2:] for picture in self._pixels]
        padded = int(max(h for h, _ in sizes)), int(max(w for _, w in sizes))
        return placement_strides(trace, trace.value, self._pixels, padded, self._count)
