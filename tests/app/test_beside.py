"""Two models on one picture: the second is asked where the first one's query is."""

import numpy as np
import pytest
import torch

from app import work
from app.views.beside import place_of, query_at, same_layer
from deformviz.checkpoints.own import save
from deformviz.models.dense_config import DETRConfig
from deformviz.models.detr import DETR
from deformviz.tracing.packing import compress, pack_layer, unpack_layer
from deformviz.tracing.packing_dense import unpack_dense
from tests.app.synthetic_trace import synthetic_trace
from tests.app.visit import SECONDS, here, settled, visit
from tests.drawing.oracle.dense import FRAME, MAP_HW, dense_subjects
from tests.tracing.test_dense_samples import SIZES


def packed(layer):
    return unpack_layer(compress(pack_layer(synthetic_trace(), layer)))


@pytest.mark.parametrize("layer", ["encoder.0", "decoder.1"])
def test_a_query_is_found_again_where_it_is(layer):
    found = packed(layer)
    sure = [q for q, d in enumerate(found.header["detections"]) if d and d["score"] >= 0.3]
    for query in sure or (0, 7, found.header["queries"] - 1):
        assert query_at(found, place_of(found, query)) == query


def test_a_cell_of_a_dense_encoder_lies_in_the_original_picture():
    encoder = next(one for one in dense_subjects() if one.layer == "encoder.0")
    dense = unpack_dense(encoder.packed)
    (height, width), (rows, columns) = FRAME.padded_hw, MAP_HW
    place = place_of(dense, columns + 2)  # row 1, column 2
    scale = FRAME.original_hw[0] / FRAME.resized_hw[0]
    wanted = np.array([2.5 / columns * width, 1.5 / rows * height]) * scale - 0.5
    np.testing.assert_allclose(place, wanted, atol=1e-4)
    assert query_at(dense, place) == columns + 2


def test_a_box_of_a_dense_decoder_lies_in_the_original_picture():
    decoder = next(one for one in dense_subjects() if one.layer == "decoder.1")
    dense = unpack_dense(decoder.packed)
    said = decoder.trace.output.boxes_cxcywh[6, :2].numpy()
    height, width = FRAME.original_hw
    np.testing.assert_allclose(place_of(dense, 6), said * [width, height] - 0.5, atol=1e-3)
    assert query_at(dense, place_of(dense, 6)) == 6  # it found the cat


def test_the_layer_beside_is_of_the_same_part():
    layers = ("encoder.0", "decoder.0.self", "decoder.0", "decoder.1.self", "decoder.1")
    assert same_layer("decoder.1", layers) == "decoder.1"
    assert same_layer("decoder.5", layers) == "decoder.1"
    assert same_layer("encoder.4", layers) == "encoder.0"


@pytest.fixture
def dense_file(tiny_model_folder):
    """A DETR beside the other model of the folder, which all tests share."""
    torch.manual_seed(3)
    path = tiny_model_folder / "dense.safetensors"
    save(DETR(DETRConfig(**SIZES)).eval(), path)
    yield path.name
    path.unlink()


def test_a_link_shows_detr_beside_deformable_detr(tiny_server, dense_file):
    page = settled(visit("explore", model="tiny.safetensors", beside=dense_file, picture="wide"))
    work.settle(SECONDS)
    page.run()
    assert not page.exception
    assert here(page).beside == dense_file
    assert page.selectbox(key="beside").value == dense_file
    mounted = [each.proto.component_name for each in page.get("bidi_component")]
    assert {"deformviz_sampling", "deformviz_dense"} <= set(mounted)
    page.selectbox(key="beside").set_value("").run()
    assert here(page).beside == ""
