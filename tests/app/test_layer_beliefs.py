"""What each layer believes, on Explore: the model's own numbers, once it is opened."""

import numpy as np
import pytest

from app.rooms import every_stored
from app.sources import list_sources
from app.views.layer_beliefs import asked_place, place_of, verdict_in_words
from deformviz.analysis.layer_beliefs import Beliefs, Proposals, beliefs_of, why_missed
from deformviz.checkpoints.load import load
from deformviz.tracing.packing import compress, pack_layer, unpack_layer
from deformviz.tracing.packing_dense import unpack_dense
from deformviz.tracing.pictures import read_picture
from deformviz.tracing.run import run
from tests.app.conftest import CHECKPOINT
from tests.app.synthetic_trace import FRAME, SHAPES, synthetic_trace
from tests.app.visit import settled, texts, visit
from tests.drawing.oracle.dense import FRAME as DENSE_FRAME
from tests.drawing.oracle.dense import MAP_HW, dense_subjects


def packed(layer):
    return unpack_layer(compress(pack_layer(synthetic_trace(), layer)))


def dense(layer):
    return unpack_dense(next(one for one in dense_subjects() if one.layer == layer).packed)


def test_a_cell_lies_in_the_original_picture():
    rows, columns = SHAPES[0]
    place = place_of(packed("encoder.0"), 3 * columns + 7)
    scale = FRAME.original_hw[0] / FRAME.resized_hw[0]
    wanted = np.array([7.5 / columns, 3.5 / rows]) * FRAME.padded_hw[::-1] * scale - 0.5
    np.testing.assert_allclose(place, wanted, atol=1e-3)


def test_a_cell_of_a_dense_encoder_lies_in_the_original_picture():
    (height, width), (rows, columns) = DENSE_FRAME.padded_hw, MAP_HW
    place = place_of(dense("encoder.0"), columns + 2)  # row 1, column 2
    scale = DENSE_FRAME.original_hw[0] / DENSE_FRAME.resized_hw[0]
    wanted = np.array([2.5 / columns * width, 1.5 / rows * height]) * scale - 0.5
    np.testing.assert_allclose(place, wanted, atol=1e-4)


def test_a_box_of_a_dense_decoder_lies_in_the_original_picture():
    decoder = next(one for one in dense_subjects() if one.layer == "decoder.1")
    said = decoder.trace.output.boxes_cxcywh[6, :2].numpy()
    height, width = DENSE_FRAME.original_hw
    wanted = said * [width, height] - 0.5
    np.testing.assert_allclose(place_of(dense("decoder.1"), 6), wanted, atol=1e-3)


def test_a_place_is_asked_about_when_it_is_looked_up():
    layer = packed("decoder.1")
    assert asked_place(layer, {"query": 7, "pinned": True}) is None
    assert asked_place(layer, {"lookup": [0.25, 0.5], "reverse": False}) is None
    place = asked_place(layer, {"lookup": [0.25, 0.5], "reverse": True})
    wanted = np.array([0.25 * 512, 0.5 * 320]) / 2 - 0.5  # padded pixels are half original ones
    np.testing.assert_allclose(place, wanted, atol=1e-3)
    assert asked_place(dense("encoder.0"), {"query": 9, "pinned": False}) is None
    cell = asked_place(dense("encoder.0"), {"query": 9, "pinned": True})
    np.testing.assert_allclose(cell, place_of(dense("encoder.0"), 9))


def test_the_table_opens_with_the_model_s_own_numbers(tiny_server, tiny_model_folder):
    page = settled(visit("explore", model=CHECKPOINT, picture="wide"))
    assert "read off after every decoder layer" not in texts(page)
    page = settled(visit("explore", model=CHECKPOINT, picture="wide", open="heads,beliefs"))
    assert not page.exception
    said = texts(page)
    assert "Who reads here?" in said  # how to ask why something was missed
    (table,) = [one.value for one in page.dataframe if "moved, px" in one.value]
    model = load(tiny_model_folder / CHECKPOINT)
    picture = read_picture(list_sources(every_stored())["wide"].read(), name="wide")
    trace = run(model, picture, prove=False)
    beliefs = beliefs_of(model, trace)
    query = int(trace.detections.queries[0])  # which the layer starts with
    assert f"Query {query}, read off after every decoder layer" in said
    own = beliefs.of_query(query)
    assert list(table["after"]) == ["decoder 0", "decoder 1"]
    assert list(table["score"]) == pytest.approx([one.score for one in own], abs=2e-3)
    assert list(table["class"]) == [beliefs.name(one.label) for one in own]


def believed(score, kept):
    """One layer and one query, whose box is in a corner, and one proposal in the other."""
    odds = np.array([[[score]]])
    proposals = Proposals(np.array([0.9, 0.4]), np.array([[0.0, 0, 5, 5], [60, 60, 90, 90]]),
                          np.array([True, True]), kept)  # fmt: skip
    return Beliefs(odds, np.array([[[0.0, 0, 20, 20]]]), (100, 100), ("cat",), proposals)


@pytest.mark.parametrize(
    ("score", "kept", "place", "words"),
    [
        (0.9, 1, (4, 4), ("was not missed: query 0 says cat 0.90", "has rank 1 of 2 and became")),
        (0.2, 1, (4, 4), ("nobody is sure of it", "query 0 with cat 0.20")),
        (0.9, 1, (70, 70), ("none began there", "has rank 2 of 2; only the best 1 become")),
        (0.9, 2, (70, 70), ("in the end.", "has rank 2 of 2 and became a query")),
        (0.9, 1, (40, 70), ("none began there", "No proposal of the encoder covers it")),
    ],
)
def test_why_it_was_missed_is_said_in_words(score, kept, place, words):
    beliefs = believed(score, kept)
    said = verdict_in_words(beliefs, why_missed(beliefs, place))
    for part in words:
        assert part in said, said
