"""Which pixels an answer rests on: Integrated Gradients, gradient x input, Occlusion, a CAM.

The grey of the normalised picture (its mean colour) stands for "nothing there". A detector's
queries keep their start boxes, so the question stays about the same query while pixels change.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from captum.attr import LayerGradCam, Occlusion
from torch import Tensor, nn

from deformviz.analysis.attribution import MOST_STEPS, OnStep, counted, explain
from deformviz.analysis.attribution_records import METHODS, PixelAttribution
from deformviz.analysis.attribution_targets import HeldPass, Target, run_held
from deformviz.models.dat import DAT
from deformviz.models.parts import private_copy

PIXEL_METHODS = (*METHODS, "occlusion", "grad-cam")
WINDOWS = 8  # an occluding square is an eighth of the longer side
OVERLAP = 2  # and moves by half of itself
OCCLUDED_AT_ONCE = 8


@dataclass(frozen=True)
class PixelQuestion:
    """An answer as a function of pixels, and the feature maps a CAM can be drawn on."""

    pixels: Tensor  # [colour height width], normalised
    model: nn.Module  # a private copy
    answer: Callable[[Tensor], Tensor]  # [batch colour height width] -> [batch]
    feature_layers: tuple[nn.Module, ...]


def detector_question(held: HeldPass, target: Target) -> PixelQuestion:
    """What pixels are worth to one number of a detector's answer."""
    copied = private_copy(held.model)

    def answer(pixels: Tensor) -> Tensor:
        return target.of(run_held(copied, held, list(pixels)))

    return PixelQuestion(held.pixels, copied, answer, tuple(copied.input_proj))


def classifier_question(model: DAT, pixels: Tensor, label: int) -> PixelQuestion:
    """What pixels [colour height width] are worth to a class logit of a DAT."""
    copied = private_copy(model)

    def answer(given: Tensor) -> Tensor:
        return copied(given, traced=False)[0][:, label]

    return PixelQuestion(pixels, copied, answer, (copied.cls_norm,))


def attribute_pixels(
    question: PixelQuestion,
    method: str = METHODS[0],
    *,
    on_step: OnStep | None = None,
    most_steps: int = MOST_STEPS,
) -> PixelAttribution:
    """Attribute one number of the answer to pixels.

    Args:
        method: of PIXEL_METHODS.
        on_step: hears of progress; what it raises cancels.
        most_steps: after which integrated gradients stop, complete or not.

    Raises:
        ValueError: an unknown method.
    """
    if method not in PIXEL_METHODS:
        raise ValueError(f"method is {method!r}; it must be one of {', '.join(PIXEL_METHODS)}.")
    inputs = question.pixels[None]
    baseline, steps = torch.zeros_like(inputs), 1
    if method in METHODS:
        found, steps = explain(question.answer, inputs, baseline, method, on_step, most_steps)
        values = found[0].sum(0)
    elif method == "occlusion":
        values = _occlude(question, inputs, on_step)
    else:
        values = _grad_cam(question, inputs, on_step)
    with torch.no_grad():
        ends = question.answer(torch.cat([inputs, baseline]))
    return PixelAttribution(
        method, values.detach().double().cpu().numpy(), float(ends[0]), float(ends[1]), steps
    )


def _occlude(question: PixelQuestion, inputs: Tensor, on_step: OnStep | None) -> Tensor:
    """How far the answer falls behind a grey square, shared out among its pixels."""
    side = max(2, max(inputs.shape[-2:]) // WINDOWS)
    stride = max(1, side // OVERLAP)
    windows = 1
    for size in inputs.shape[-2:]:
        windows *= -(-max(size - side, 0) // stride) + 1
    answer = counted(question.answer, on_step, windows)
    with torch.no_grad():
        return (
            Occlusion(answer)
            .attribute(
                inputs,
                sliding_window_shapes=(inputs.shape[1], side, side),
                strides=(inputs.shape[1], stride, stride),
                baselines=0.0,
                perturbations_per_eval=OCCLUDED_AT_ONCE,
            )[0]
            .mean(0)
        )


def _grad_cam(question: PixelQuestion, inputs: Tensor, on_step: OnStep | None) -> Tensor:
    """Grad-CAM on each feature map, enlarged to the picture and added up."""
    layers, size = question.feature_layers, inputs.shape[-2:]
    total = inputs.new_zeros(size)
    for done, layer in enumerate(layers):
        if on_step is not None:
            on_step(done, len(layers))
        cam = LayerGradCam(question.answer, layer).attribute(
            inputs.clone().requires_grad_(), relu_attributions=True
        )
        assert isinstance(cam, Tensor)  # of one input
        total = total + F.interpolate(cam, size, mode="bilinear", align_corners=False)[0, 0]
    return total
