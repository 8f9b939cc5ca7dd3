"""Dense attention on the canvas of samples: what is drawn is what the model weighed most."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from deformviz.models.dense_config import DABDETRConfig, DETRConfig
from deformviz.models.detr import DABDETR, DETR
from deformviz.tracing import packing_dense
from deformviz.tracing.dense_samples import dense_as_samples
from deformviz.tracing.packing import PackedLayerError, decompress, unpack_layer
from deformviz.tracing.packing_dense import pack_dense, unpack_dense
from deformviz.tracing.run import run
from deformviz.tracing.store import pack_record

SIZES = dict(
    classes=5,
    hidden_channels=32,
    heads=4,
    encoder_layers=2,
    decoder_layers=2,
    feedforward_channels=24,
    queries=6,
    dropout=0.0,
    backbone_width=4,
    short_side=None,
    long_side=320,
)


@pytest.fixture(scope="module", params=[(DETR, DETRConfig), (DABDETR, DABDETRConfig)])
def looked(request):
    kind, config = request.param
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        model = kind(config(**SIZES)).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.2)
    picture = np.random.default_rng(0).integers(0, 255, (100, 160, 3), dtype=np.uint8)
    return model, run(model, picture)


@pytest.mark.parametrize("layer", ["encoder.1", "decoder.0", "decoder.1"])
def test_samples_are_the_heaviest_keys_at_the_centres_of_their_cells(looked, layer):
    _, trace = looked
    found, weights = dense_as_samples(trace, layer), trace[layer].attention_weights
    height, width = trace[layer].keys_hw
    assert (height, width) == (7, 10) and found.keys == 70 and found.drawn == 64
    drawn = found.trace
    for query, head in ((0, 0), (5, 3)):
        order = weights[head, query].argsort(descending=True)
        column, row = int(order[0]) % width, int(order[0]) // width
        first = drawn.sampling_locations[query, head, 0, 0].tolist()
        assert first == pytest.approx([(column + 0.5) / width, (row + 0.5) / height])
        kept = weights[head, query][order[:64]]
        assert torch.allclose(drawn.attention_weights[query, head, 0], kept)
    assert found.share == pytest.approx(float(drawn.attention_weights.sum((2, 3)).mean()))


def test_references_are_cells_in_the_encoder_and_boxes_in_the_decoder(looked):
    _, trace = looked
    cells = dense_as_samples(trace, "encoder.0").trace.reference_points[:, 0]
    assert cells[11].tolist() == pytest.approx([1.5 / 10, 1.5 / 7])
    boxes = dense_as_samples(trace, "decoder.0").trace.reference_points[:, 0]
    assert torch.allclose(boxes, trace.output.auxiliary[0].boxes_cxcywh[:, :2])


def test_every_layer_travels_to_the_canvas_with_all_its_weights(looked):
    model, trace = looked
    for layer in trace:
        packed = unpack_dense(pack_record(model, trace, layer))
        exact = np.asarray(trace[layer].attention_weights)
        steps = exact.max(-1, keepdims=True) / 65535
        assert (np.abs(packed.weights - exact) <= 0.51 * steps).all()
        assert packed.header["levels"] == ([] if layer.endswith(".self") else [[7, 10]])
        if layer.startswith("decoder"):
            said = (*trace.output.auxiliary, trace.output)[int(layer.split(".")[1])]
            np.testing.assert_array_equal(packed.boxes, said.boxes_cxcywh)
        else:
            assert packed.boxes is None and packed.weights.shape == (4, 70, 70)


def test_a_layer_too_large_for_one_file_shows_its_heaviest_keys(looked, monkeypatch):
    model, trace = looked
    monkeypatch.setattr(packing_dense, "MOST_WEIGHTS", 4 * 70 * 70 - 1)
    packed = unpack_layer(pack_record(model, trace, "encoder.0"))
    exact = dense_as_samples(trace, "encoder.0").trace
    np.testing.assert_allclose(packed.weights, exact.attention_weights, atol=1e-4)
    np.testing.assert_allclose(packed.locations, exact.sampling_locations, atol=1e-4)
    assert "64 heaviest of 70 keys" in packed.header["honesty_label"]


def test_a_packed_layer_that_was_cut_is_named(looked):
    model, trace = looked
    blob = decompress(pack_record(model, trace, "decoder.1"))
    with pytest.raises(PackedLayerError, match="cut or altered"):
        unpack_dense(blob[:-2])
    with pytest.raises(PackedLayerError, match="can be packed"):
        pack_dense(replace(trace, output=None), "decoder.1")


def test_attention_among_queries_lies_on_no_map(looked):
    assert dense_as_samples(looked[1], "decoder.0.self") is None
