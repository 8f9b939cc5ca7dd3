"""The proof: what a trace implies is what the module returned, and a wrong trace is seen."""

from dataclasses import replace

import pytest
import torch

from deformviz.tracing.record import record
from tests.tracing.transformers_families import (
    DEFORMABLE_LAYERS,
    FAMILIES,
    build,
    inputs_of,
)

ROUNDING = 1e-6  # of float32, relative to the largest output
OPTIONS = {
    "rt_detr_v2, discrete": {"family": "rt_detr_v2", "method": "discrete"},
    "d_fine, discrete": {"family": "d_fine", "method": "discrete"},
}


def recorded(family, **options):
    model = build(family, **options)
    with torch.no_grad(), record(model, keep_values=True) as recording:
        model(**inputs_of(family))
    return recording


@pytest.fixture(scope="module")
def recording_of():
    made = {}

    def once(name):
        if name not in made:
            made[name] = recorded(**OPTIONS.get(name, {"family": name}))
        return made[name]

    pytest.importorskip("transformers")
    return once


def swapped(tensor, axis, first, second):
    order = list(range(tensor.shape[axis]))
    order[first], order[second] = order[second], order[first]
    return tensor.index_select(axis, torch.tensor(order))


def every_pair(count):
    return [(i, j) for i in range(count) for j in range(i)]


def exchanges(trace):
    """Every exchange of two queries (some of many), heads, levels, points, and of x and y."""
    locations, weights = trace.locations_by_sample, trace.weights_by_sample
    for axis, name in ((1, "queries"), (2, "heads"), (3, "samples")):
        for first, second in every_pair(min(locations.shape[axis], 12)):
            yield (
                f"{name} {first} and {second}",
                swapped(locations, axis, first, second),
                weights,
            )
            yield (
                f"weights of {name} {first} and {second}",
                locations,
                swapped(weights, axis, first, second),
            )
    yield "x and y", locations.flip(-1), weights


def with_samples(trace, locations, weights):
    return replace(
        trace,
        sampling_locations=locations.reshape(trace.sampling_locations.shape),
        attention_weights=weights.reshape(trace.attention_weights.shape),
    )


@pytest.mark.parametrize("name", [*FAMILIES, *OPTIONS])
def test_every_layer_of_a_family_is_recorded_and_proven(recording_of, name):
    recording = recording_of(name)
    family = OPTIONS.get(name, {"family": name})["family"]
    assert len(recording) == DEFORMABLE_LAYERS.get(family, 2)
    assert not recording.skipped
    proofs = recording.verify()
    assert proofs.agrees and proofs.worst < ROUNDING, proofs
    for trace in recording.traces.values():
        total = trace.weights_by_sample.sum(-1)
        torch.testing.assert_close(total, torch.ones_like(total))


@pytest.mark.parametrize("name", [*FAMILIES, *OPTIONS])
def test_any_exchange_turns_the_proof_red(recording_of, name):
    recording = recording_of(name)
    layer = list(recording)[-1]
    right = recording[layer]
    try:
        for what, locations, weights in exchanges(right):
            recording.traces[layer] = with_samples(right, locations, weights)
            (proof,) = (row for row in recording.verify() if row.layer == layer)
            assert not proof.agrees, f"exchanging {what} was not seen: {proof}"
    finally:
        recording.traces[layer] = right


def test_a_proof_prints_as_a_table_that_names_what_differs(recording_of):
    recording = recording_of("rt_detr")
    right = recording["decoder.1"]
    recording.traces["decoder.1"] = right.map(lambda t: t * 1.01 if t.is_floating_point() else t)
    try:
        lines = str(recording.verify()).splitlines()
    finally:
        recording.traces["decoder.1"] = right
    assert lines[0].split() == ["layer", "difference", "allowed", "placement", "formula"]
    assert "DIFFERS" not in lines[1] and lines[2].endswith("DIFFERS")


def test_unequal_points_are_a_case_of_the_record(recording_of):
    trace = recording_of("d_fine")["decoder.0"]
    assert trace.points_per_level == (3, 4, 2)
    assert trace.sampling_locations.shape == (2, 11, 4, 9, 2)
    assert trace.sample_levels == [slice(0, 3), slice(3, 7), slice(7, 9)]


def test_references_of_one_level_are_those_of_every_level(recording_of):
    boxes = recording_of("rt_detr")["decoder.0"].reference_boxes
    assert boxes.shape == (2, 11, 3, 4)
    torch.testing.assert_close(boxes, boxes[:, :, :1].expand_as(boxes))


def test_discrete_sampling_is_named_and_not_taken_for_bilinear(recording_of):
    recording = recording_of("rt_detr_v2, discrete")
    right = recording["decoder.0"]
    assert right.sampling == "nearest"
    recording.traces["decoder.0"] = replace(right, sampling="bilinear")
    try:
        assert recording.verify()[0].difference > 0.01
    finally:
        recording.traces["decoder.0"] = right


def test_padding_is_kept_whichever_way_a_family_marks_it():
    pytest.importorskip("transformers")
    model = build("deformable_detr")
    mask = torch.ones(2, 64, 96, dtype=torch.long)
    mask[1, 48:] = 0
    with torch.no_grad(), record(model) as recording:
        model(**inputs_of("deformable_detr"), pixel_mask=mask)
    padding = recording["encoder.0"].padding_mask
    height, width = recording["encoder.0"].spatial_shapes[0].tolist()
    first = padding[:, : height * width].unflatten(1, (height, width))
    assert not first[0].any() and first[1, 6:].all() and not first[1, :6].any()


def test_the_recorded_original_gives_its_own_traces(parity):
    transformers = pytest.importorskip("transformers")
    import json

    stored = parity("detr/hf_rt_detr.pt")
    config = stored["config_json"]
    config = json.loads(config) if isinstance(config, str) else config
    model = transformers.RTDetrForObjectDetection(transformers.RTDetrConfig.from_dict(config))
    model.load_state_dict(stored["state_dict"])
    with torch.no_grad(), record(model.eval()) as recording:
        model(pixel_values=torch.stack(list(stored["images"])))
    assert recording.verify().worst < ROUNDING
    for number, name in enumerate(recording):
        captured = stored["capture"][f"model.decoder.layers.{number}.encoder_attn"]
        trace = recording[name]
        for field in ("sampling_locations", "attention_weights"):
            torch.testing.assert_close(getattr(trace, field), captured[field], atol=2e-5, rtol=1e-4)
