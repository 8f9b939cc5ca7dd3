"""Run a model on one picture and keep what every attention layer did."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import torch

from deformviz.models.dat import DAT
from deformviz.models.inference import inference_form
from deformviz.models.postprocess import postprocess
from deformviz.models.preprocess import preprocess
from deformviz.schema import AttentionTrace, Trace
from deformviz.tracing.classify import classify
from deformviz.tracing.look import is_ours, look
from deformviz.tracing.ordinary import as_in_model, precision_of, readable
from deformviz.tracing.pictures import read_picture
from deformviz.tracing.proving import proving

OnLayer = Callable[[str, int, int], None]
UNTRACED_FIELDS = ("value", "query", "output")


def run(
    model: Any,
    image: Any,
    *,
    layers: Collection[str] | None = None,
    on_layer: OnLayer | None = None,
    keep_values: bool = False,
    top: int = 100,
    as_model: bool = False,
    prove: bool = True,
    prompt: str | None = None,
    processor: Any = None,
) -> Trace:
    """Look at one picture with `model`.

    Args:
        model: from `dv.load`, or any of our detectors or DATs in eval mode.
        image: path, bytes, PIL image or HWC uint8 RGB array.
        layers: names of the layers to trace, e.g. {"encoder.5"}; None = all. Others run without
            a trace, which is faster and needs no memory.
        on_layer: called with (name, index, count) before each stage; what it raises cancels
            the run.
        keep_values: also keep `value`, `query` and `output` of each traced layer.
        top: detections kept, best first.
        prompt, processor: of a model of transformers, as in `look`; its layers are those that
            `record` finds.
        prove: replay each traced layer, at about the cost of the picture; else `proofs` is empty.
        as_model: keep layers and output in the model's dtype and on its device.

    Returns:
        A Trace without batch axes, of ordinary CPU tensors: float32, or float64 of a model in
        double precision.

    Raises:
        PictureError: the picture cannot be read.
        KeyError: a name in `layers` is not a layer of this model.
    """
    _check_model(model)
    if not is_ours(model):
        return look(
            model,
            image,
            prompt=prompt,
            processor=processor,
            layers=layers,
            keep_values=keep_values,
            top=top,
        ).trace(0)
    picture = read_picture(image)
    layers = (layers,) if isinstance(layers, str) else layers
    ordinary = as_in_model if as_model else readable
    if isinstance(model, DAT):
        return classify(model, picture, layers, on_layer, keep_values, ordinary)
    parameter = next(model.parameters())
    pixels, frame = preprocess(picture, model.config)
    pixels = pixels.to(parameter.device, parameter.dtype)
    with torch.inference_mode(), precision_of(model):
        form = inference_form(model)
        with proving(model, layers if prove else ()) as proofs:
            output, traces = form(
                [pixels], traced=True if layers is None else tuple(layers), on_layer=on_layer
            )
    missing = set(layers or ()) - set(traces)
    if missing:
        raise KeyError(
            f"This model has no layer {', '.join(sorted(missing))}; it has {', '.join(traces)}."
        )
    one = output.image(0).map(ordinary)
    return Trace(
        layers={name: _one_image(record, keep_values, ordinary) for name, record in traces.items()},
        frame=frame,
        detections=postprocess(
            output.image(0).map(readable),
            frame.original_hw,
            top=top,
            class_names=model.config.class_names,
            no_object=model.config.no_object,
        ),
        output=one,
        proofs=proofs,
    )


def _check_model(model: Any) -> None:
    if not isinstance(model, torch.nn.Module):
        raise TypeError(
            f"run(model, image) needs a model first, got {type(model).__name__}; "
            "load one with `dv.load(name_or_path)`."
        )


def _one_image(record: Any, keep_values: bool, ordinary: Callable) -> Any:
    """The record of the only image, without what was not asked for."""
    if not keep_values and isinstance(record, AttentionTrace):
        record = replace(record, **dict.fromkeys(UNTRACED_FIELDS))
    return record.image(0).map(ordinary)
