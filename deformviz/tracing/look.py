"""Look at one picture with any model: one recording, proven, with picture and answer."""

from collections.abc import Collection
from typing import Any

import numpy as np
import torch
from torch import nn

from deformviz.checkpoints.foreign import processor_of
from deformviz.models.dat import DAT
from deformviz.models.preprocess import preprocess
from deformviz.schema import ImageFrame
from deformviz.tracing.answers import read_answer
from deformviz.tracing.ordinary import readable
from deformviz.tracing.pictures import read_picture
from deformviz.tracing.record import record
from deformviz.tracing.recorded_image import RecordedImage
from deformviz.tracing.recording import RecordError, Recording


def look(
    model: nn.Module,
    image: Any,
    *,
    prompt: str | None = None,
    processor: Any = None,
    layers: Collection[str] | None = None,
    keep_values: bool = False,
    top: int = 100,
    title: str = "",
    placement: int = 0,
) -> Recording:
    """Run `model` on one picture, record every deformable attention and prove it.

    Args:
        model: from `dv.load`, one of our own, or any model of transformers.
        image: path, bytes, PIL image or HWC uint8 RGB array.
        prompt: what a model that reads text is asked: "a cat. a remote." for Grounding DINO and
            OmDet-Turbo, "semantic", "instance" or "panoptic" for OneFormer.
        processor: of a model of transformers; its own if None.
        layers, keep_values, placement: as in `record`.
        top: detections kept, best first.
        title: what to call the picture.

    Raises:
        PictureError: the picture cannot be read.
        RecordError: the model cannot be recorded, needs a prompt or a processor.
    """
    picture = read_picture(image)
    ours = is_ours(model)
    kept = {"layers": layers, "keep_values": keep_values}
    with record(model, **kept, placement=0 if ours else placement) as recording:
        if ours:
            seen = _look_ourselves(model, picture, top)
        else:
            seen = _look_as_transformers(model, picture, prompt, processor, top)
    recording.images = [RecordedImage(*seen, title=title)]
    if ours and placement and not isinstance(model, DAT):
        config: Any = model.config
        pixels, _ = preprocess(picture, config)
        parameter = next(model.parameters())
        with record(model, layers=layers, placement=placement) as followed:
            model([pixels.to(parameter.device, parameter.dtype)])
        recording.proofs.update(followed.proofs)
    return recording


def is_ours(model: Any) -> bool:
    """Whether `dv.run` feeds this model by its own configuration."""
    return isinstance(model, DAT) or hasattr(getattr(model, "config", None), "image_mean")


def _look_ourselves(model: nn.Module, picture: np.ndarray, top: int) -> tuple:
    from deformviz.tracing.run import run

    trace = run(model, picture, top=top, layers=())
    return trace.frame, picture, trace.detections, trace.logits


def _look_as_transformers(model, picture: np.ndarray, prompt, processor, top: int) -> tuple:
    from PIL import Image

    processor = processor or getattr(model, "processor", None) or _own_processor(model)
    inputs = _inputs(model, processor, Image.fromarray(picture), prompt)
    parameter = next(model.parameters())
    given = {
        name: value.to(parameter.device, parameter.dtype if value.is_floating_point() else None)
        for name, value in inputs.items()
        if isinstance(value, torch.Tensor)
    }
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            outputs = model(**given)
    finally:
        model.train(training)
    frame = frame_of(inputs, picture.shape[:2])
    answer = {
        name: readable(value) for name, value in outputs.items() if isinstance(value, torch.Tensor)
    }
    return frame, picture, read_answer(model, answer, inputs, frame, top), None


def _own_processor(model: nn.Module) -> Any:
    """The processor of the folder or name a model was loaded from."""
    source = str(getattr(getattr(model, "config", None), "_name_or_path", "") or "")
    found = processor_of(source) if source else None
    if found is None:
        raise RecordError(
            f"Nothing says how {type(model).__name__} wants its pictures: no processor was saved "
            "beside it. Say which: look(model, picture, processor=..)."
        )
    return found


def _inputs(model: nn.Module, processor: Any, picture: Any, prompt: str | None) -> dict[str, Any]:
    """What the model's forward takes, as its processor makes it."""
    images = getattr(processor, "image_processor", processor)
    if images is processor:
        return dict(processor(images=picture, return_tensors="pt"))
    if not prompt:
        raise RecordError(
            f'{type(model).__name__} reads text beside the picture; give it a prompt: "a cat. a '
            'remote." (or a task of OneFormer: "panoptic").'
        )
    kind = type(processor).__name__
    if kind.startswith("OneFormer"):
        return dict(processor(picture, [prompt], return_tensors="pt"))
    if kind.startswith("OmDet"):
        names = [part.strip() for part in prompt.split(".") if part.strip()]
        return {
            **processor(images=picture, text=names, return_tensors="pt"),
            "class_names": names,
        }
    text = prompt.strip()
    text = text if text.endswith(".") else f"{text}."
    return dict(processor(images=picture, text=text, return_tensors="pt"))


def frame_of(inputs: dict[str, Any], original_hw: tuple[int, int]) -> ImageFrame:
    """How a processor resized and padded a picture, read off what it made."""
    height, width = inputs["pixel_values"].shape[-2:]
    padded_hw = int(height), int(width)
    resized_hw, mask = padded_hw, inputs.get("pixel_mask")
    if mask is not None and tuple(mask.shape[-2:]) == padded_hw:
        seen = mask[0].bool()
        resized_hw = int(seen.any(1).sum()), int(seen.any(0).sum())
    return ImageFrame((original_hw[0], original_hw[1]), resized_hw, padded_hw)
