"""The whole detector against recordings of the original implementation."""

import argparse

import pytest
import torch

import deformviz as dv
from deformviz.models.postprocess import postprocess
from deformviz.schema import DetectorOutput

LOGITS = dict(atol=2e-5, rtol=1e-4)
BOXES = dict(atol=2e-6, rtol=1e-4)
DOUBLE_LOGITS = dict(atol=2e-6, rtol=0)
DOUBLE_BOXES = dict(atol=2e-7, rtol=0)
FIXTURES = ["ddetr_plain", "ddetr_twostage"]


@pytest.fixture(scope="module", params=FIXTURES)
def recorded(request, parity):
    return parity(f"detr/{request.param}.pt")


@pytest.fixture(scope="module")
def model(recorded, tmp_path_factory):
    """The detector as `dv.load` makes it of a file like the published ones."""
    path = tmp_path_factory.mktemp("checkpoints") / f"{recorded['name']}.pth"
    arguments = argparse.Namespace(**recorded["config"])
    torch.save({"model": recorded["state_dict"], "args": arguments, "epoch": 49}, path)
    return dv.load(path)


@pytest.fixture(scope="module")
def run(model, recorded):
    with torch.inference_mode():
        return model(recorded["images"])


def compare(output: DetectorOutput, original: dict, logits: dict, boxes: dict):
    torch.testing.assert_close(output.logits, original["pred_logits"], **logits)
    torch.testing.assert_close(output.boxes_cxcywh, original["pred_boxes"], **boxes)


def compare_all(output: DetectorOutput, original: dict, logits: dict, boxes: dict):
    compare(output, original, logits, boxes)
    for layer, auxiliary in zip(output.auxiliary, original["aux_outputs"], strict=True):
        compare(layer, auxiliary, logits, boxes)
    assert (output.proposals is not None) == ("enc_outputs" in original)
    if output.proposals:
        compare(output.proposals, original["enc_outputs"], logits, boxes)


def test_every_output_equals_the_original_in_float32(run, recorded):
    compare_all(run[0], recorded["outputs"], LOGITS, BOXES)


def test_every_output_equals_the_original_in_float64(model, recorded):
    with torch.inference_mode():
        output, _ = model.double()([image.double() for image in recorded["images"]])
    model.float()
    compare_all(output, recorded["outputs_fp64"], DOUBLE_LOGITS, DOUBLE_BOXES)


def layer_pairs(recorded, encoder, decoder):
    """(our trace's name, the recording) of each encoder and decoder attention layer."""
    for i in range(recorded["config"]["enc_layers"]):
        yield f"encoder.{i}", recorded["capture"][f"transformer.encoder.layers.{i}.{encoder}"]
    for i in range(recorded["config"]["dec_layers"]):
        yield f"decoder.{i}", recorded["capture"][f"transformer.decoder.layers.{i}.{decoder}"]


def test_every_sampling_location_and_weight_equals_the_original(run, recorded):
    compared = 0
    for name, original in layer_pairs(recorded, "self_attn", "cross_attn"):
        trace = run[1][name]
        torch.testing.assert_close(trace.references, original["reference_points"], **LOGITS)
        for key in ("sampling_locations", "attention_weights", "output"):
            torch.testing.assert_close(
                getattr(trace, key),
                original[key],
                **LOGITS,
                msg=lambda text, key=key, name=name: f"{name} {key} {text}",
            )
        assert trace.spatial_shapes.tolist() == original["value_spatial_shapes"].tolist()
        if "query" in original:
            torch.testing.assert_close(trace.query, original["query"], **LOGITS)
        compared += 1
    assert compared == recorded["config"]["enc_layers"] + recorded["config"]["dec_layers"]


def test_attention_among_queries_equals_the_original(run, recorded):
    for i in range(recorded["config"]["dec_layers"]):
        original = recorded["capture"][f"transformer.decoder.layers.{i}.self_attn"]
        trace = run[1][f"decoder.{i}.self"]
        torch.testing.assert_close(
            trace.attention_weights, original["attn_weights_per_head"], **LOGITS
        )
        torch.testing.assert_close(trace.output.transpose(0, 1), original["output"], **LOGITS)


def test_gradients_reach_the_pixels_as_in_the_original(model, recorded):
    seen = []
    hook = model.backbone[0].body.register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    images = [image.clone().requires_grad_() for image in recorded["images"]]
    output, _ = model(images, traced=False)
    hook.remove()
    wanted = recorded["image_grad"]
    scalar = (output.logits * wanted["w_logits"]).sum() + (
        output.boxes_cxcywh * wanted["w_boxes"]
    ).sum()
    (gradient,) = torch.autograd.grad(scalar, seen[0])
    torch.testing.assert_close(scalar, wanted["scalar"], atol=1e-3, rtol=1e-4)
    limit = 5e-4 * float(wanted["padded_images"].abs().max())
    torch.testing.assert_close(gradient, wanted["padded_images"], atol=limit, rtol=0)


def test_detections_equal_the_original_post_processing(recorded):
    sizes = recorded["postprocess"]["target_sizes"].tolist()
    for index, (size_hw, original) in enumerate(
        zip(sizes, recorded["postprocess"]["results"], strict=True)
    ):
        outputs = recorded["outputs"]
        one = DetectorOutput(outputs["pred_logits"][index], outputs["pred_boxes"][index])
        found = postprocess(one, tuple(size_hw))
        torch.testing.assert_close(found.scores, original["scores"], atol=1e-6, rtol=0)
        assert found.labels.tolist() == original["labels"].tolist()
        torch.testing.assert_close(found.boxes_xyxy_px, original["boxes"], atol=1e-3, rtol=1e-5)
        again = one.logits.sigmoid()[found.queries, found.labels]
        torch.testing.assert_close(again, found.scores)


def test_backbone_and_transformer_inputs_equal_the_original(model, recorded):
    from deformviz.models.padding import mask_at, pad_images
    from deformviz.models.position import token_positions

    stored = recorded["intermediate"]
    with torch.inference_mode():
        batch, mask = pad_images(recorded["images"])
        features = model.backbone[0].body(batch)
        maps = model.project(features)
    for feature, original in zip(features, stored["backbone"]["features"], strict=True):
        torch.testing.assert_close(feature, original, **LOGITS)
    inputs = stored["transformer_inputs"]
    for level, source in enumerate(maps):
        torch.testing.assert_close(source, inputs["srcs"][level], **LOGITS)
        here = mask_at(mask, tuple(source.shape[-2:]))
        assert torch.equal(here, inputs["masks"][level])
        positions = token_positions(here, source.shape[1])
        original = inputs["pos_embeds"][level].flatten(2).transpose(1, 2)
        torch.testing.assert_close(positions, original, atol=1e-5, rtol=0)
