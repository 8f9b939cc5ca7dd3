"""A model as an ONNX graph for pictures of one size: its answer and its traces are the outputs.

What runs the graph elsewhere, a browser for one, sees what the model saw: every sampling location
and weight leaves the graph beside the boxes, under the name `encoder.0/sampling_locations`. The op
goes in as grid_sample, which ONNX knows; no operator is ours.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from deformviz.models.dat import DAT
from deformviz.models.parts import private_copy
from deformviz.models.preprocess import resized_size
from deformviz.schema import AttentionTrace, GridTrace
from deformviz.tracing.graph_tail import Tail, can_go_on, keep_decoder
from deformviz.tracing.labels import honesty_label, model_label

OPSET = 17  # the first with LayerNormalization; grid_sample came with 16
INPUT = "pixels"
SCENE_HW = (3, 4)  # aspect of the pictures the shipped detector grew up with
SCENE_SHORT_SIDE = 192  # px
FEWEST_HALVED = 64  # numbers of a weight; smaller ones are not worth a node
ARRAYS = {
    AttentionTrace: (
        "sampling_locations",
        "attention_weights",
        "reference_points",
        "reference_boxes",
        "value",
    ),
    GridTrace: (
        "reference_grid",
        "positions",
        "attention_weights",
        "position_bias",
        "query_grid",
    ),
}


class GraphError(ValueError):
    """A model cannot become a graph; the message is one sentence with the cure."""


@dataclass(frozen=True)
class Graph:
    """A model for pictures of one size, and what whoever runs it has to know."""

    data: bytes  # an ONNX file
    facts: dict[str, Any]  # plain values: sizes, classes, layers and their outputs
    tails: dict[str, bytes] = field(default_factory=dict)  # by layer: the decoder from there on


class Watched(nn.Module):
    """A model that normalises its picture itself, and whose traces are outputs."""

    mean: Tensor
    std: Tensor

    def __init__(self, model: Any, layers: Collection[str]):
        super().__init__()
        self.layers = tuple(layers)
        self.kept: dict[str, Tensor] = {}  # what the decoder was given, where it can go on
        self.model = model
        if can_go_on(model):
            self.model = private_copy(model)
            keep_decoder(self.model, self.kept)
        for name in ("mean", "std"):
            values = torch.tensor(getattr(model.config, f"image_{name}"))
            self.register_buffer(name, values[:, None, None])

    def named(self, pixels: Tensor) -> dict[str, Tensor]:
        """Outputs by name, of one picture [3 height width] with values from 0 to 255."""
        answer, traces = self.traced(pixels)
        found = {name: tensor[0] for name, tensor in _answer(answer).items()}
        for layer, record in traces.items():
            for name in _arrays(record):
                found[f"{layer}/{name}"] = getattr(record, name)[0]
        return found | {name: tensor[0] for name, tensor in self.kept.items()}

    def traced(self, pixels: Tensor) -> tuple[Any, Mapping[str, Any]]:
        return self.model(((pixels / 255 - self.mean) / self.std)[None], traced=self.layers)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.named(pixels).values())


def _answer(answer: Any) -> dict[str, Tensor]:
    if isinstance(answer, Tensor):
        return {"logits": answer}
    return {"logits": answer.logits, "boxes_cxcywh": answer.boxes_cxcywh}


def _arrays(record: Any) -> list[str]:
    """The arrays of a trace that leave the graph."""
    for kind, names in ARRAYS.items():
        if isinstance(record, kind):
            return [name for name in names if getattr(record, name) is not None]
    return []


def usual_size(model: Any) -> tuple[int, int]:
    """(height, width) in pixels of the pictures a graph is made for where nobody says otherwise."""
    if isinstance(model, DAT):
        return (model.config.image_size, model.config.image_size)
    short, long = SCENE_HW
    height, width = SCENE_SHORT_SIDE, SCENE_SHORT_SIDE * long // short
    if model.config.short_side is None and model.config.long_side == width:
        return height, width
    return resized_size((height, width), model.config)


def drawable(model: Any) -> list[str]:
    """Names of the layers whose trace can be drawn from what leaves the graph."""
    names = getattr(model, "trace_names", ())
    return [name for name in names if not name.endswith(".self")]


def export(
    model: Any, *, size_hw: tuple[int, int] | None = None, layers: Collection[str] | None = None
) -> Graph:
    """A model of `dv.load` as a graph.

    Args:
        model: a detector or DAT of ours, in eval mode.
        size_hw: of every picture the graph will be given, in pixels; None: `usual_size`.
        layers: whose traces are outputs; None: all that can be drawn.

    Raises:
        GraphError: the package onnx is missing, the model is built by another library, or none of
            its layers samples points or a grid.
    """
    onnx = _package()
    if not getattr(model, "trace_names", None):
        raise GraphError(
            f"{type(model).__name__} is built by another library; only models that deformviz "
            "builds itself become a graph. Choose one of `deformviz inspect`'s known layouts."
        )
    height, width = size_hw or usual_size(model)
    watched = Watched(model, drawable(model) if layers is None else layers).eval()
    pixels = torch.zeros(3, height, width)
    with torch.no_grad():
        _, traces = watched.traced(pixels)
        outputs = watched.named(pixels)
    told = [layer_facts(name, record) for name, record in traces.items() if _arrays(record)]
    if not told:
        raise GraphError(
            f"No layer of {model_label(model)} samples points or a grid, so there would be nothing "
            "to draw. Choose a model with deformable attention."
        )
    tails = [Tail(model, name, traces[name].spatial_shapes) for name in _goes_on(model, traces)]
    facts = {
        "name": model_label(model),
        "honesty": honesty_label(model),
        "input_hw": [height, width],
        "answer": "classes" if isinstance(model, DAT) else "boxes",
        "no_object": bool(getattr(model.config, "no_object", False)),
        "class_names": list(model.config.class_names),
        "layers": told,
        "tails": [{"layer": tail.layer, "inputs": tail.inputs(outputs)} for tail in tails],
    }
    data = _written(onnx, watched, {INPUT: pixels}, list(outputs))
    return Graph(data, facts, {tail.layer: _tail(onnx, tail, outputs) for tail in tails})


def _goes_on(model: Any, traces: Mapping[str, Any]) -> list[str]:
    """The layers from which the decoder can go on with other samples."""
    return [name for name in traces if name.startswith("decoder.") and can_go_on(model)]


def _tail(onnx: Any, tail: Tail, outputs: Mapping[str, Tensor]) -> bytes:
    given = {name: outputs[name] for name in tail.inputs(outputs)}
    with torch.no_grad():
        names = list(tail.named(*given.values()))
    return _written(onnx, tail, given, names)


def _package() -> Any:
    try:
        import onnx  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError:
        raise GraphError(
            "A model becomes a graph by the package onnx: pip install 'deformviz[live]'."
        ) from None
    return onnx


def _written(
    onnx: Any, module: nn.Module, given: Mapping[str, Tensor], outputs: list[str]
) -> bytes:
    """An ONNX file of a module, as PyTorch's tracing exporter writes it, smaller.

    Shapes are those of one picture, so everything that asks for them is settled while tracing;
    the warnings about that say nothing new.
    """
    buffer, log = io.BytesIO(), logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                tuple(given.values()),
                buffer,  # type: ignore[arg-type]
                input_names=list(given),
                output_names=outputs,
                opset_version=OPSET,
                dynamo=False,
            )
    finally:
        log.setLevel(level)
    whole = onnx.load_model_from_string(buffer.getvalue())
    _halve(onnx, whole)
    onnx.checker.check_model(whole)
    return whole.SerializeToString()


def layer_facts(name: str, record: Any) -> dict[str, Any]:
    """What a script has to know of a layer before it sees a number of it."""
    told: dict[str, Any] = {"name": name, "arrays": _arrays(record)}
    if isinstance(record, GridTrace):
        return told | {
            "kind": "grid",
            "version": record.version,
            "grid_hw": list(record.grid_hw),
            "query_hw": list(record.query_hw),
            "align_corners": record.align_corners,
        }
    return told | {
        "kind": "sampling",
        "levels": record.spatial_shapes.tolist(),
        "points_per_level": list(record.points_per_level),
    }


def _halve(onnx: Any, model: Any) -> None:
    """Keep weights in half precision where that changes no number: the shipped ones came so.

    Each is widened by a node that every run time folds away when it reads the file.
    """
    graph, widened = model.graph, []
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        exact = onnx.numpy_helper.to_array(tensor)
        half = exact.astype("float16")
        if exact.size < FEWEST_HALVED or (half.astype("float32") != exact).any():
            continue
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(half, f"{name}/half"))
        widened.append(
            onnx.helper.make_node("Cast", [f"{name}/half"], [name], to=onnx.TensorProto.FLOAT)
        )
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*widened, *rest])
