"""Records check their axes when they are made, and say which axis is wrong."""

import numpy as np
import pytest
import torch

from deformviz.axes import ShapeError, axes_of, check_shape
from deformviz.schema import AttentionTrace, Detections, DetectorOutput, ImageFrame, Trace


def trace_arrays(batch=(), make=np.zeros, queries=5):
    return dict(
        spatial_shapes=make((2, 2)),
        sampling_offsets=make((*batch, queries, 3, 2, 4, 2)),
        sampling_locations=make((*batch, queries, 3, 2, 4, 2)),
        attention_weights=make((*batch, queries, 3, 2, 4)),
        reference_points=make((*batch, queries, 2, 2)),
    )


@pytest.mark.parametrize("make", [np.zeros, torch.zeros])
def test_a_record_takes_arrays_of_either_library(make):
    trace = AttentionTrace(**trace_arrays(make=make))
    assert not trace.is_batched
    assert axes_of(trace)["attention_weights"] == "query head level point"


def test_a_wrong_axis_is_named_with_what_was_expected():
    arrays = trace_arrays() | dict(attention_weights=np.zeros((5, 2, 2, 4)))
    message = (
        r"attention_weights has 2 on axis 'head', expected 3; its axes are "
        r"\[query head level point\], its shape is \(5, 2, 2, 4\)"
    )
    with pytest.raises(ShapeError, match=message):
        AttentionTrace(**arrays)


def test_points_must_be_pairs():
    with pytest.raises(ShapeError, match="reference_points has 4 on axis 'xy', expected 2"):
        AttentionTrace(**trace_arrays() | dict(reference_points=np.zeros((5, 2, 4))))


def test_exactly_one_kind_of_reference_is_needed():
    arrays = trace_arrays() | dict(reference_boxes=np.zeros((5, 2, 4)))
    with pytest.raises(ShapeError, match="exactly one of"):
        AttentionTrace(**arrays)
    with pytest.raises(ShapeError, match="exactly one of"):
        AttentionTrace(**arrays | dict(reference_points=None, reference_boxes=None))


def test_a_batch_is_allowed_for_all_arrays_or_none():
    trace = AttentionTrace(**trace_arrays(batch=(7,)))
    assert trace.is_batched and trace.image(3).attention_weights.shape == (5, 3, 2, 4)
    with pytest.raises(ShapeError, match="of one image already"):
        trace.image(3).image(0)
    with pytest.raises(ShapeError, match="has 4 axes, expected 5"):
        AttentionTrace(**trace_arrays(batch=(7,)) | dict(attention_weights=np.zeros((5, 3, 2, 4))))


def test_a_missing_array_is_named():
    with pytest.raises(ShapeError, match="AttentionTrace.attention_weights is missing"):
        AttentionTrace(**trace_arrays() | dict(attention_weights=None))


def test_records_are_frozen_and_map_makes_a_copy():
    trace = AttentionTrace(**trace_arrays(make=torch.zeros))
    doubled = trace.map(torch.Tensor.double)
    assert doubled.attention_weights.dtype == torch.float64
    assert trace.attention_weights.dtype == torch.float32
    with pytest.raises(AttributeError):
        trace.value = 1


def test_check_shape_learns_sizes():
    sizes = check_shape("value", (2, 23, 3, 8), "batch pixel head channel")
    assert sizes == {"batch": 2, "pixel": 23, "head": 3, "channel": 8}
    with pytest.raises(ShapeError, match="weights has 4 on axis 'head', expected 3"):
        check_shape("weights", (2, 4), "batch head", sizes)


def test_detections_know_names_and_fall_back_to_numbers():
    found = Detections(
        boxes_xyxy_px=np.zeros((2, 4)),
        scores=np.ones(2),
        labels=np.array([1, 9]),
        queries=np.zeros(2),
        class_names=("house", "tree"),
    )
    assert len(found) == 2 and found.name(0) == "tree" and found.name(1) == "class 9"


def test_a_frame_refuses_impossible_sizes():
    with pytest.raises(ShapeError, match="at least 1"):
        ImageFrame((0, 5), (3, 4), (3, 4))
    with pytest.raises(ShapeError, match="does not fit"):
        ImageFrame((6, 5), (3, 4), (2, 4))


def test_a_trace_lists_its_layers_when_asked_for_an_unknown_one():
    layer = AttentionTrace(**trace_arrays())
    trace = Trace(layers={"encoder.0": layer}, frame=ImageFrame((6, 5), (3, 4), (3, 4)))
    assert trace["encoder.0"] is layer and list(trace) == ["encoder.0"]
    with pytest.raises(KeyError, match="it has encoder.0"):
        trace["encoder.1"]


def test_a_detector_output_hands_out_one_image_with_all_its_layers():
    early = DetectorOutput(torch.zeros(2, 5, 3), torch.zeros(2, 5, 4))
    output = DetectorOutput(torch.ones(2, 5, 3), torch.ones(2, 5, 4), (early,), early)
    one = output.image(1)
    assert one.logits.shape == (5, 3) and one.auxiliary[0].boxes_cxcywh.shape == (5, 4)
    assert one.proposals.logits.shape == (5, 3)
