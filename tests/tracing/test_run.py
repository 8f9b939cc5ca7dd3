"""Running a model on a picture: what comes back is what the model computed."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

import deformviz as dv
from deformviz.attention.reference import ms_deform_attn_reference
from deformviz.models.preprocess import preprocess
from deformviz.schema import AttentionTrace
from deformviz.tracing.labels import honesty_label, model_label
from deformviz.tracing.packing import pack_layer, unpack_layer
from deformviz.tracing.proof import Evidence
from deformviz.tracing.proving import spread


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(3).integers(0, 256, (90, 144, 3), dtype=np.uint8)


def test_a_run_hands_out_one_image_without_batch_axes(model, picture):
    trace = dv.run(model, picture)
    assert list(trace) == list(model.trace_names)
    assert trace.frame.original_hw == (90, 144) and trace.frame.resized_hw == (45, 72)
    layer = trace["encoder.0"]
    assert layer.sampling_locations.shape == (6 * 9 + 3 * 5 + 2 * 3 + 1 * 2, 4, 4, 4, 2)
    assert trace.detections.boxes_xyxy_px.shape[1] == 4
    assert trace.detections.class_names == model.config.class_names
    assert (trace.detections.scores.diff() <= 0).all()


def test_every_layer_rebuilds_the_models_own_output(model, picture):
    model = copy.deepcopy(model).double()
    trace = dv.run(model, picture, keep_values=True)
    modules = {
        f"encoder.{i}": layer.self_attn for i, layer in enumerate(model.transformer.encoder.layers)
    }
    modules |= {
        f"decoder.{i}": layer.cross_attn for i, layer in enumerate(model.transformer.decoder.layers)
    }
    for name, module in modules.items():
        layer = trace[name]
        with torch.no_grad():
            rebuilt = module.output_proj(
                ms_deform_attn_reference(
                    layer.value[None],
                    layer.spatial_shapes,
                    layer.sampling_locations[None],
                    layer.attention_weights[None],
                )
            )[0]
        torch.testing.assert_close(rebuilt, layer.output, atol=1e-12, rtol=0)


def test_a_run_equals_the_model_called_by_hand(model, picture):
    trace = dv.run(model, picture)
    pixels, _ = preprocess(picture, model.config)
    with torch.no_grad():
        output, traces = model([pixels])
    torch.testing.assert_close(trace.output.logits, output.logits[0])
    torch.testing.assert_close(
        trace["decoder.1"].sampling_locations, traces["decoder.1"].sampling_locations[0]
    )


def test_only_the_layers_asked_for_are_traced_and_the_answer_stays(model, picture):
    everything, some = dv.run(model, picture), dv.run(model, picture, layers={"decoder.1"})
    assert list(some) == ["decoder.1"]
    torch.testing.assert_close(some.output.logits, everything.output.logits, atol=1e-5, rtol=1e-4)


def test_values_are_kept_only_on_request(model, picture):
    assert dv.run(model, picture)["encoder.0"].value is None
    kept = dv.run(model, picture, layers={"encoder.0"}, keep_values=True)["encoder.0"]
    assert isinstance(kept, AttentionTrace) and kept.value.shape[1:] == (4, 4)


def test_an_unknown_layer_is_named(model, picture):
    with pytest.raises((KeyError, ValueError), match="encoder.9"):
        dv.run(model, picture, layers={"encoder.9"})


def test_progress_is_told_and_a_run_can_be_cancelled(model, picture):
    heard = []
    dv.run(model, picture, on_layer=lambda name, index, count: heard.append((name, index, count)))
    assert heard == [
        ("backbone", 0, 5),
        ("encoder.0", 1, 5),
        ("encoder.1", 2, 5),
        ("decoder.0", 3, 5),
        ("decoder.1", 4, 5),
    ]

    class Cancelled(Exception):
        pass

    def stop_at_the_second(name, index, count):
        if name == "encoder.1":
            raise Cancelled

    with pytest.raises(Cancelled):
        dv.run(model, picture, on_layer=stop_at_the_second)


def test_labels_say_what_the_weights_are(model):
    assert (model_label(model), honesty_label(model)) == ("DeformableDETR", "random weights")


def test_what_a_run_returns_is_ordinary(model, picture):
    layer = dv.run(model, picture, keep_values=True)["encoder.0"]
    locations = layer.sampling_locations[None].requires_grad_()
    sampled = dv.ms_deform_attn(
        layer.value[None], layer.spatial_shapes, locations, layer.attention_weights[None]
    )
    sampled.sum().backward()
    assert locations.grad.abs().sum() > 0
    torch.nn.Linear(layer.value.shape[-1], 1)(layer.value).sum().backward()
    layer.attention_weights.mul_(0.5)
    assert not any(tensor.is_inference() for tensor in pickle.loads(pickle.dumps(tensors(layer))))


def tensors(record):
    found = []
    record.map(lambda tensor: found.append(tensor) or tensor)
    return found


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sixteen_bit_models_run_and_their_numbers_are_readable(model, picture, dtype):
    low, exact = copy.deepcopy(model).to(dtype), dv.run(model, picture)
    trace = dv.run(low, picture)
    assert {t.dtype for t in tensors(trace["decoder.0"]) if t.is_floating_point()} == {
        torch.float32
    }
    torch.testing.assert_close(trace.output.logits, exact.output.logits, atol=0.2, rtol=0.05)
    assert dv.run(low, picture, as_model=True)["encoder.0"].attention_weights.dtype in (
        dtype,
        torch.float32,  # autocast takes softmax in float32
    )


def test_one_layer_may_be_named_by_its_name_alone(model, picture):
    assert list(dv.run(model, picture, layers="encoder.1").layers) == ["encoder.1"]


def test_arguments_in_the_wrong_order_are_named(model, picture):
    with pytest.raises(TypeError, match="needs a model first, got str"):
        dv.run("garden.png", model)


def test_a_run_proves_its_layers_and_a_packed_layer_says_so(model, picture):
    trace = dv.run(model, picture)
    assert list(trace.proofs) == ["encoder.0", "encoder.1", "decoder.0", "decoder.1"]
    assert all(proof.difference < 1e-6 for proof in trace.proofs.values())
    header = unpack_layer(pack_layer(trace, "decoder.1")).header
    assert header["proof"] == {
        "difference": trace.proofs["decoder.1"].difference,
        "tolerance": 1e-5,
        "placement": None,
    }
    bare = replace(trace, proofs={})
    assert unpack_layer(pack_layer(bare, "decoder.1")).header["proof"] is None
    assert list(dv.run(model, picture, layers="encoder.1").proofs) == ["encoder.1"]


def test_a_model_whose_numbers_are_broken_is_not_proven(model, picture):
    broken = copy.deepcopy(model)
    broken.transformer.decoder.layers[1].cross_attn.output_proj.bias.data.fill_(float("nan"))
    proof = dv.run(broken, picture).proofs["decoder.1"]
    assert not proof.agrees


def test_layers_of_large_maps_are_proven_by_spread_queries():
    small = AttentionTrace(
        torch.tensor([[1, 1]]),
        *(torch.zeros(1, 700, 1, 1, 1, 2) for _ in range(2)),
        torch.arange(700.0).reshape(1, 700, 1, 1, 1),
        reference_points=torch.zeros(1, 700, 1, 2),
    )
    evidence = Evidence(lambda trace: None, torch.arange(700.0)[None, :, None], "Eq. 3")
    few, answer = spread(small, evidence)
    assert few.attention_weights.shape[1] == 512
    torch.testing.assert_close(few.attention_weights[0, :, 0, 0, 0], answer.returned[0, :, 0])
    assert answer.returned[0, [0, -1], 0].tolist() == [0, 699]
