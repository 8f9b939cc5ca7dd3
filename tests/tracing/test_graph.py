"""A model as a graph: ONNX Runtime computes what torch computed, every traced number included."""

import sys

import numpy as np
import pytest
import torch

import deformviz as dv
from deformviz.models.detr import DETR
from deformviz.models.preprocess import preprocess
from deformviz.schema import GridTrace
from deformviz.tracing.graph import (
    ARRAYS,
    INPUT,
    GraphError,
    Watched,
    drawable,
    export,
    layer_facts,
    usual_size,
)
from deformviz.tracing.graph_tail import Tail
from deformviz.training.scenes import render, scene_generator
from deformviz.walkthrough.observe import observe
from deformviz.walkthrough.what_if import Edit, go_on
from tests.models.tiny_detector import RECIPE, tiny_detector

TOLERANCE = 1e-4
SMALL_HW = (48, 80)
TINY_EDITS = [
    Edit("decoder.0", 4, dropped_heads=(1,), moved=(((2, 3, 2), (0.25, 0.75)),)),
    Edit("decoder.1", 2, dropped_levels=(1,), moved=(((0, 0, 0), (0.5, -0.1)),)),
]
EDITS = [
    Edit("decoder.0", 3, dropped_levels=(1,)),
    Edit("decoder.1", 7, dropped_heads=(0, 5), moved=(((2, 3, 1), (0.25, 0.75)),)),
    Edit("decoder.2", 0, moved=(((1, 0, 0), (0.5, -0.1)), ((7, 2, 3), (0.9, 0.4)))),
]


def answers(data, given):
    """Every output of a graph by name, as ONNX Runtime computes it."""
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, given), strict=True))


def looked_at(graph, image):
    return answers(graph.data, {INPUT: image.transpose(2, 0, 1).astype(np.float32)})


def expected_of(trace, facts):
    """What torch gives for every array that a trace holds and a graph tells."""
    answer = {"logits": trace.logits}
    if trace.output is not None:
        answer = {"logits": trace.output.logits, "boxes_cxcywh": trace.output.boxes_cxcywh}
    return answer | {
        f"{layer['name']}/{array}": getattr(trace[layer["name"]], array)
        for layer in facts["layers"]
        for array in layer["arrays"]
    }


def largest_difference(found, expected):
    """Between arrays of the same shapes; what is not expected is not compared."""
    for name, tensor in expected.items():
        assert found[name].shape == tuple(tensor.shape), name
    return max(float(np.abs(found[name] - expected[name].numpy()).max()) for name in expected)


def changed(found, edit):
    """Locations and weights of a layer as an edit of one query has them."""
    locations = found[f"{edit.layer}/sampling_locations"].copy()
    weights = found[f"{edit.layer}/attention_weights"].copy()
    for (head, level, point), place in edit.moved:
        locations[edit.query, head, level, point] = place
    mine = weights[edit.query]
    mine[:, list(edit.dropped_levels)] = 0
    mine /= mine.sum((-2, -1), keepdims=True)
    mine[list(edit.dropped_heads)] = 0
    return {
        f"{edit.layer}/sampling_locations": locations,
        f"{edit.layer}/attention_weights": weights,
    }


def differs_from_the_app(model, image, edits, found, answer):
    """How far tails are from what the app's own what-if answers; an edit must change something.

    `found` are the outputs of the model untouched, `answer(layer, given)` those of a tail.
    """
    pixels, _ = preprocess(image, model.config)
    seen, most = observe(model, [pixels]), 0.0
    for edit in edits:
        said, right = answer(edit.layer, found | changed(found, edit)), go_on(seen, edit)
        expected = {
            "logits": right.output.logits[0],
            "boxes_cxcywh": right.output.boxes_cxcywh[0],
        }
        for name in (name for name in model.trace_names if edit.layer < name):
            if f"{name}/value" in said:
                expected[f"{name}/sampling_locations"] = right.traces[name].sampling_locations[0]
                expected[f"{name}/attention_weights"] = right.traces[name].attention_weights[0]
        most = max(most, largest_difference(said, expected))
        assert np.abs(said["logits"] - found["logits"]).max() > 10 * TOLERANCE, edit
    return most


def numbers(named):
    return {name: tensor.detach().numpy() for name, tensor in named.items()}


@pytest.fixture(scope="module")
def tiny():
    """(a detector with random weights, a picture of noise, the outputs of its graph by torch)."""
    model = tiny_detector(**RECIPE, short_side=None, long_side=SMALL_HW[1])
    image = np.random.default_rng(0).integers(0, 256, (*SMALL_HW, 3)).astype(np.uint8)
    pixels = torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32))
    with torch.no_grad():
        return model, image, numbers(Watched(model, drawable(model)).named(pixels))


def test_what_becomes_a_graph_gives_what_the_model_gives(tiny):
    model, image, found = tiny
    trace = dv.run(model, image, keep_values=True, prove=False)
    assert list(trace.layers) == ["encoder.0", "decoder.0.self", "decoder.0", *found_layers(2)]
    layers = {"layers": [layer_facts(name, trace[name]) for name in drawable(model)]}
    assert largest_difference(found, expected_of(trace, layers)) < TOLERANCE
    encoder, _, last = layers["layers"]
    assert encoder["levels"] == [[6, 10], [3, 5], [2, 3], [1, 2]]
    assert last["points_per_level"] == [3, 3, 3, 3] and "reference_boxes" in last["arrays"]


def found_layers(count):
    return [f"decoder.{index}{end}" for index in range(1, count) for end in (".self", "")]


def test_the_decoder_goes_on_from_a_layer_that_reads_elsewhere_as_in_the_app(tiny):
    model, image, found = tiny
    shapes = [(6, 10), (3, 5), (2, 3), (1, 2)]

    def answer(layer, given):
        tail = Tail(model, layer, shapes)
        inputs = [torch.from_numpy(given[name]) for name in tail.inputs(given)]
        with torch.no_grad():
            return numbers(tail.named(*inputs))

    assert differs_from_the_app(model, image, TINY_EDITS, found, answer) < TOLERANCE


def test_without_its_package_the_cure_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(GraphError, match=r"pip install 'deformviz\[live\]'"):
        export(tiny_detector())


def test_a_model_with_nothing_to_draw_is_refused():
    pytest.importorskip("onnx")
    dense = DETR(
        DETR.config_type(
            classes=3,
            hidden_channels=16,
            heads=2,
            encoder_layers=1,
            decoder_layers=1,
            feedforward_channels=8,
            queries=4,
            backbone="resnet18",
            backbone_width=4,
        )
    ).eval()
    with pytest.raises(GraphError, match="samples points or a grid"):
        export(dense, size_hw=(40, 64))
    with pytest.raises(GraphError, match="built by another library"):
        export(torch.nn.Linear(2, 3))


def test_every_array_that_leaves_a_graph_is_one_of_its_record():
    for kind, names in ARRAYS.items():
        assert set(names) <= set(kind.__dataclass_fields__)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["deformable-detr-scenes", "dat-scenes"])
def test_shipped_models_come_out_of_a_graph_as_torch_has_them(name):
    onnx = pytest.importorskip("onnx")
    model = dv.load(name)
    size_hw, graph = usual_size(model), export(model)
    assert len(graph.data) < 2.5 * sum(parameter.numel() for parameter in model.parameters())
    for data in (graph.data, *graph.tails.values()):
        nodes = onnx.load_model_from_string(data).graph.node
        assert {node.domain for node in nodes} <= {"", "ai.onnx"}  # nothing of ours
        assert "GridSample" in {node.op_type for node in nodes}
    for index in range(3):
        image = render(scene_generator(31, index), size_hw).image
        trace = dv.run(model, image, keep_values=True, prove=False)
        found = looked_at(graph, image)
        assert largest_difference(found, expected_of(trace, graph.facts)) < TOLERANCE
    grids = [isinstance(record, GridTrace) for record in trace.layers.values()]
    assert any(grids) is (name == "dat-scenes") is not bool(graph.tails)
    if not graph.tails:
        return
    tails = {tail["layer"]: tail["inputs"] for tail in graph.facts["tails"]}

    def answer(layer, given):
        return answers(graph.tails[layer], {name: given[name] for name in tails[layer]})

    assert differs_from_the_app(model, image, EDITS, found, answer) < TOLERANCE
