"""Listening to deformable convolutions: torchvision's, mmcv's, and ours.

They are told by a kernel and an argument `offset`, or by a kernel and a convolution that predicts
offsets (mmcv's "Pack", DCNv2's own).
"""

import inspect
from typing import Any

from einops import rearrange
from torch import Tensor, nn

from deformviz.attention.deformable_conv import TapTrace, deform_conv2d, tap_grid
from deformviz.tracing.listening import Keep, Skip, in_backward
from deformviz.tracing.proof import Evidence

MASKS = ("mask", "modulation")


def taps_of(module: nn.Module) -> int | None:
    """How many taps the kernel of a deformable convolution has; None for anything else."""
    kernel = getattr(module, "weight", None)
    if not isinstance(kernel, Tensor) or kernel.dim() != 4:
        return None
    taps = kernel.shape[-2] * kernel.shape[-1]
    names = _argument_names(module)
    if "offset" in names or _predictor(module, taps) is not None:
        return taps
    return None


def _argument_names(module: nn.Module) -> tuple[str, ...]:
    return tuple(inspect.signature(module.forward).parameters)


def _predictor(module: nn.Module, taps: int) -> nn.Module | None:
    """The child that predicts 2 numbers per tap, or 3 with a mask."""
    for name, child in module.named_children():
        channels = getattr(child, "out_channels", None)
        if (
            "offset" in name
            and channels
            and (channels % (2 * taps) == 0 or channels % (3 * taps) == 0)
        ):
            return child
    return None


class TapListener:
    """Hears features, offsets and masks; the moved taps follow from them.

    Offsets are (dy, dx) per tap, as torchvision and mmcv lay them out.
    """

    def __init__(self, module: nn.Module):
        self._module = module
        kernel = self._weight.shape
        self._taps = kernel[-2] * kernel[-1]
        self._signature = inspect.signature(module.forward)
        self._predictor = _predictor(module, self._taps)
        self._raw: Tensor | None = None

    @property
    def _weight(self) -> Tensor:
        """[out in row column] of the module as it is now."""
        return self._module.get_parameter("weight")

    def attach(self, keep: Keep, skip: Skip) -> list:
        """Hook the module; the handles remove the hooks."""

        def end(_, args: tuple, kwargs: dict, returned: Any) -> None:
            raw, self._raw = self._raw, None
            if in_backward():
                return
            given = self._signature.bind_partial(*args, **kwargs).arguments
            try:
                offset, mask = self._moves(given, raw)
            except ValueError as problem:
                skip(str(problem))
                return
            output = returned[0] if isinstance(returned, tuple) else returned
            features = next(iter(given.values()))
            keep(self._trace(offset, mask), self._evidence(features.detach(), output.detach()))

        handles = [self._module.register_forward_hook(end, with_kwargs=True)]
        if self._predictor is not None:
            handles.append(
                self._predictor.register_forward_hook(
                    lambda _, inputs, output: setattr(self, "_raw", output)
                )
            )
        return handles

    def _moves(self, given: dict, raw: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Offsets [batch (group tap yx) height width], and masks or None."""
        if given.get("offset") is not None:
            mask = next((given[name] for name in MASKS if given.get(name) is not None), None)
            return given["offset"], mask
        if raw is None:
            raise ValueError("its offsets were not predicted in this pass.")
        modulated = getattr(self._module, "modulated", raw.shape[1] % (3 * self._taps) == 0)
        if not modulated:
            return raw, None
        fields = raw.shape[1] // 3 * 2
        return raw[:, :fields], raw[:, fields:].sigmoid()

    def _where(self) -> dict[str, tuple[int, int]]:
        def pair(name: str, start: int) -> tuple[int, int]:
            value = getattr(self._module, name, start)
            first, second = (value, value) if isinstance(value, int) else value
            return int(first), int(second)

        return {
            "stride": pair("stride", 1),
            "padding": pair("padding", 0),
            "dilation": pair("dilation", 1),
        }

    def _trace(self, offset: Tensor, mask: Tensor | None) -> TapTrace:
        kernel_hw = self._weight.shape[-2], self._weight.shape[-1]
        output_hw = offset.shape[-2], offset.shape[-1]
        moves = rearrange(
            offset,
            "batch (group tap yx) height width -> batch group (height width) tap yx",
            tap=self._taps,
            yx=2,
        )
        start = tap_grid(output_hw, kernel_hw, like=offset, **self._where())
        if mask is not None:
            mask = rearrange(
                mask,
                "batch (group tap) height width -> batch group (height width) tap",
                tap=self._taps,
            )
        return TapTrace(positions_px=start + moves, offsets=moves, mask=mask)

    def _evidence(self, features: Tensor, output: Tensor) -> Evidence:
        weight = self._weight.detach().clone()
        bias = getattr(self._module, "bias", None)
        bias = bias.detach().clone() if isinstance(bias, Tensor) else None
        where, output_hw = self._where(), (output.shape[-2], output.shape[-1])
        kernel_hw = weight.shape[-2], weight.shape[-1]

        def replay(exact: TapTrace) -> Tensor:
            start = tap_grid(output_hw, kernel_hw, like=exact.positions_px, **where)
            height, width = output_hw
            offset = rearrange(
                exact.positions_px - start,
                "batch group (height width) tap yx -> batch (group tap yx) height width",
                height=height,
                width=width,
            )
            mask = exact.mask
            if mask is not None:
                mask = rearrange(
                    mask,
                    "batch group (height width) tap -> batch (group tap) height width",
                    height=height,
                    width=width,
                )
            return deform_conv2d(
                features.double(),
                offset,
                weight.double(),
                None if bias is None else bias.double(),
                mask,
                **where,
            )

        return Evidence(replay, output, "deformable convolution")
