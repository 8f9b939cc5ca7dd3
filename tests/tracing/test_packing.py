"""Packed layers: what goes in comes out, within half a step of the fixed point."""

import gzip
import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deformviz.geometry import Affine, normalised_to_original, normalised_to_pixels
from deformviz.schema import DenseTrace, DetectorOutput
from deformviz.tracing.packing import (
    PackedLayerError,
    compress,
    pack_layer,
    read_header,
    unpack_layer,
    with_header,
)
from tests.app.synthetic_trace import (
    FRAME,
    HEADS,
    OBJECTS,
    POINTS,
    QUERIES,
    SHAPES,
    synthetic_trace,
    with_unequal_levels,
)


@pytest.fixture(scope="module")
def trace():
    return synthetic_trace()


def with_layer(trace, name, **changes):
    return replace(trace, layers={name: replace(trace[name], **changes)})


@pytest.mark.parametrize("layer", ["encoder.0", "encoder.1", "decoder.0", "decoder.1"])
def test_numbers_come_back_within_half_a_step(trace, layer):
    packed = unpack_layer(pack_layer(trace, layer))
    record = trace[layer]
    half_step = np.array(packed.header["location_scale"]) / 2
    error = np.abs(packed.locations - record.sampling_locations)
    assert (error <= half_step + 1e-6).all()
    assert (
        np.abs(packed.weights - record.attention_weights).max()
        <= packed.header["weight_scale"] / 2 + 1e-7
    )
    assert np.array_equal(packed.references, record.references)


def test_the_step_is_a_small_share_of_a_pixel(trace):
    header = unpack_layer(pack_layer(trace, "encoder.1")).header
    height, width = FRAME.padded_hw
    assert header["location_scale"][0] * width < 0.05
    assert header["location_scale"][1] * height < 0.05


def test_levels_may_have_different_numbers_of_points(trace):
    unequal = with_unequal_levels(trace, "decoder.1", (1, 3, 2))
    packed = unpack_layer(pack_layer(unequal, "decoder.1"))
    assert packed.header["points_per_level"] == [1, 3, 2]
    assert packed.locations.shape == (QUERIES, HEADS, 6, 2)
    record = unequal["decoder.1"]
    assert packed.locations == pytest.approx(record.sampling_locations, abs=1e-4)
    assert packed.weights == pytest.approx(record.attention_weights, abs=1e-5)
    assert np.array_equal(packed.references, record.references)


def as_before_levels_could_differ(blob):
    """A packed layer as files from before say it: one number of points for all levels."""
    header, start = read_header(blob)
    points, *_ = header.pop("points_per_level")
    return with_header({**header, "points": points}, blob[start:])


def test_files_from_before_levels_could_differ_are_read_as_ever(trace):
    blob = pack_layer(trace, "encoder.0")
    before, now = unpack_layer(as_before_levels_could_differ(blob)), unpack_layer(blob)
    assert np.array_equal(before.locations, now.locations)
    assert np.array_equal(before.weights, now.weights)


def test_labels_of_strangers_hide_nothing(trace):
    hidden = {
        "class_names": ["cat", "gpj.\u202etac"],
        "detections": [None, {"class_name": "\u200b"}],
    }
    known, _ = read_header(pack_layer(trace, "encoder.0"))
    header, _ = read_header(with_header(known | hidden, b""))
    assert header["class_names"] == ["cat", "gpj.⟨U+202E⟩tac"]
    assert header["detections"] == [None, {"class_name": "⟨U+200B⟩"}]


def test_points_far_outside_are_not_clamped(trace):
    far = trace["decoder.0"].sampling_locations.copy()
    far[3, 1, 2, 0] = [-40.0, 70.0]
    packed = unpack_layer(
        pack_layer(with_layer(trace, "decoder.0", sampling_locations=far), "decoder.0")
    )
    assert packed.locations[3, 1, 2, 0] == pytest.approx([-40, 70], abs=2e-3)


def test_a_layer_whose_points_all_coincide(trace):
    same = np.full_like(trace["decoder.0"].sampling_locations, 0.25)
    packed = unpack_layer(
        pack_layer(with_layer(trace, "decoder.0", sampling_locations=same), "decoder.0")
    )
    assert np.array_equal(packed.locations, same)


def test_the_header_names_sizes_frames_and_labels(trace):
    header = unpack_layer(
        pack_layer(trace, "encoder.0", model_label="tiny", honesty_label="random weights")
    ).header
    assert (header["queries"], header["heads"], header["points_per_level"]) == (
        840,
        HEADS,
        [POINTS] * len(SHAPES),
    )
    assert header["levels"] == SHAPES.tolist()
    assert header["level_starts"] == [0, 640, 800]
    assert (header["kind"], header["references"], header["box_layers"]) == ("encoder", "points", 0)
    assert (header["model_label"], header["honesty_label"]) == ("tiny", "random weights")
    assert header["frame"] == {
        "original_hw": [150, 231],
        "resized_hw": [300, 462],
        "padded_hw": [320, 512],
    }


@given(x=st.floats(-0.5, 1.5), y=st.floats(-0.5, 1.5))
def test_coefficients_in_the_header_are_those_of_geometry(x, y):
    header = HEADER
    point = np.array([x, y])
    assert Affine(*header["to_original"])(point) == pytest.approx(
        normalised_to_original(FRAME)(point)
    )
    assert Affine(*header["from_original"])(normalised_to_original(FRAME)(point)) == pytest.approx(
        point
    )
    for coefficients, shape in zip(header["to_levels"], SHAPES.tolist(), strict=True):
        assert Affine(*coefficients)(point) == pytest.approx(normalised_to_pixels(shape)(point))


HEADER = unpack_layer(pack_layer(synthetic_trace(), "encoder.0")).header


def test_the_last_edge_of_the_picture_is_where_padding_begins():
    height, width = FRAME.original_hw
    corner = Affine(*HEADER["edges_from_original"])(np.array([width, height]))
    assert corner == pytest.approx([462 / 512, 300 / 320])


def test_a_decoder_knows_what_each_query_found(trace):
    header = unpack_layer(pack_layer(trace, "decoder.1")).header
    assert header["start_query"] == 7
    assert header["detections"][2]["class_name"] == "tree <b>"
    assert header["detections"][2]["box_xyxy_px"] == list(OBJECTS[1][1:])
    assert header["detections"][0] is None and len(header["detections"]) == QUERIES
    assert header["shown_score"] == pytest.approx(0.3)


def test_a_decoder_carries_its_boxes_layer_by_layer(trace):
    packed = unpack_layer(pack_layer(trace, "decoder.1"))
    assert packed.boxes_by_layer.shape == (2, QUERIES, 4)
    assert packed.boxes_by_layer[1] == pytest.approx(trace.output.boxes_cxcywh)
    assert unpack_layer(pack_layer(trace, "encoder.0")).boxes_by_layer is None


def test_of_two_detections_of_one_query_the_surer_is_kept(trace):
    """Detections come best first; the second of query 3 is another class at another place."""
    found = replace(
        trace.detections,
        boxes_xyxy_px=np.array([[1, 2, 30, 40], [5, 6, 70, 80], [9, 8, 12, 20]], np.float32),
        scores=np.array([0.9, 0.6, 0.5], np.float32),
        labels=np.array([1, 0, 2]),
        queries=np.array([3, 3, 1]),
    )
    kept = unpack_layer(pack_layer(replace(trace, detections=found), "decoder.1")).header
    assert kept["detections"][3]["score"] == 0.9
    assert kept["detections"][3]["box_xyxy_px"] == [1, 2, 30, 40]
    assert kept["detections"][1]["box_xyxy_px"] == [9, 8, 12, 20]
    assert kept["start_query"] == 3


def test_the_last_box_of_the_history_is_the_answer(trace):
    earlier, last = (
        DetectorOutput(trace.output.logits, np.full((QUERIES, 4), share, np.float32))
        for share in (0.2, 0.4)
    )
    answer = replace(last, auxiliary=(earlier,))
    packed = unpack_layer(pack_layer(replace(trace, output=answer), "decoder.1"))
    assert packed.boxes_by_layer[0, 0, 0] == np.float32(0.2)
    assert packed.boxes_by_layer[-1, 0, 0] == np.float32(0.4) and len(packed.boxes_by_layer) == 2


def test_the_encoder_starts_at_the_best_detection(trace):
    header = unpack_layer(pack_layer(trace, "encoder.0")).header
    row, column = divmod(header["start_query"] - 640, 16)
    x, y = Affine(*header["to_original"])(np.array([(column + 0.5) / 16, (row + 0.5) / 10]))
    _, x0, y0, x1, y1 = OBJECTS[0]
    assert x0 < x < x1 and y0 < y < y1


def test_a_trace_without_detections_starts_in_the_middle(trace):
    header = unpack_layer(pack_layer(replace(trace, detections=None), "encoder.0")).header
    assert header["start_query"] == 640 + 5 * 16 + 8


def test_compressed_layers_are_equal_when_their_bytes_are(trace):
    blob = pack_layer(trace, "decoder.0")
    assert compress(blob) == compress(blob)
    assert np.array_equal(unpack_layer(compress(blob)).locations, unpack_layer(blob).locations)


def test_torch_tensors_pack_to_the_same_bytes(trace):
    torch = pytest.importorskip("torch")
    record = trace["decoder.0"].map(torch.as_tensor)
    as_torch = replace(trace, layers={"decoder.0": record})
    assert pack_layer(as_torch, "decoder.0") == pack_layer(trace, "decoder.0")


# -- refusals --------------------------------------------------------------------------------------


def test_an_encoder_must_have_one_query_for_each_cell(trace):
    decoder_as_encoder = replace(trace, layers={"encoder.9": trace["decoder.0"]})
    with pytest.raises(PackedLayerError, match="12 queries, expected one for each of the 840"):
        pack_layer(decoder_as_encoder, "encoder.9")


def test_numbers_that_are_not_finite_are_refused(trace):
    broken = trace["decoder.0"].sampling_locations.copy()
    broken[0, 0, 0, 0, 0] = np.nan
    with pytest.raises(PackedLayerError, match="sampling_locations of decoder.0 holds 1 numbers"):
        pack_layer(with_layer(trace, "decoder.0", sampling_locations=broken), "decoder.0")


def test_a_layer_without_sampling_locations_is_refused(trace):
    dense = replace(trace, layers={"decoder.0.self": DenseTrace(np.ones((2, 3, 5)) / 5)})
    with pytest.raises(PackedLayerError, match="decoder.0.self is a DenseTrace"):
        pack_layer(dense, "decoder.0.self")


@pytest.mark.parametrize(
    "blob", [b"", b"\0\0", b"\xff\xff\xff\xffnothing", gzip.compress(b"no", mtime=0)]
)  # both processes of a run name their tests alike: no clock in a name
def test_other_bytes_are_refused(blob):
    with pytest.raises(PackedLayerError, match="no readable header"):
        unpack_layer(blob)


def test_a_cut_layer_is_refused(trace):
    with pytest.raises(PackedLayerError, match="it was cut or altered"):
        unpack_layer(pack_layer(trace, "decoder.0")[:-1])


def test_a_later_version_is_refused():
    text = json.dumps({"v": 2}).encode()
    with pytest.raises(PackedLayerError, match="version 2, expected 1"):
        unpack_layer(struct.pack("<I", len(text)) + text)
