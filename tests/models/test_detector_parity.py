"""Every detector of the family against recordings of the original implementations."""

import argparse

import pytest
import torch

import deformviz as dv
from deformviz.models.padding import mask_at, pad_images
from deformviz.models.position import token_positions
from deformviz.models.postprocess import postprocess
from deformviz.models.proposals import anchor_boxes, best_tokens, take_tokens
from deformviz.schema import DetectorOutput

FIXTURES = [
    "ddetr_plain",
    "ddetr_twostage",
    "detr",
    "dab_deformable_detr",
    "dino_4scale",
    "co_deformable_detr",
]
# Saturated references amplify rounding; so does dense attention, a little.
LOOSE = {"dino_4scale": (1e-4, 1e-5), "co_deformable_detr": (1e-4, 1e-5), "detr": (5e-5, 2e-6)}
LOOSE_DOUBLE = {"dino_4scale": (1e-5, 1e-6), "co_deformable_detr": (1e-5, 1e-6)}
CO = "query_head.transformer"


@pytest.fixture(scope="module", params=FIXTURES)
def recorded(request, parity):
    return parity(f"detr/{request.param}.pt")


@pytest.fixture(scope="module")
def near(recorded):
    """Tolerances of this recording: logits and traces, boxes."""
    logits, boxes = LOOSE.get(recorded["name"], (2e-5, 2e-6))
    return dict(atol=logits, rtol=1e-4), dict(atol=boxes, rtol=1e-4)


@pytest.fixture(scope="module")
def model(recorded, tmp_path_factory):
    """The detector as `dv.load` makes it of a file like the published ones."""
    path = tmp_path_factory.mktemp("checkpoints") / f"{recorded['name']}.pth"
    arguments = argparse.Namespace(**recorded["config"])
    torch.save({"model": recorded["state_dict"], "args": arguments, "epoch": 49}, path)
    return dv.load(path)


@pytest.fixture(scope="module")
def run(model, recorded):
    """Output, traces, and what inner modules returned, by their name."""
    said = {}
    names = [name for name, _ in model.named_modules()]
    watched = [f"transformer.{side}.layers.{i}" for side in ("encoder", "decoder") for i in (0, 1)]
    watched += ["transformer.decoder.ref_point_head", "transformer.decoder.query_scale"]
    hooks = [
        model.get_submodule(name).register_forward_hook(
            lambda _, inputs, result, name=name: said.update({name: result})
        )
        for name in filter(names.__contains__, watched)
    ]
    with torch.inference_mode():
        output, traces = model(recorded["images"])
    for hook in hooks:
        hook.remove()
    return output, traces, said


def compare(output: DetectorOutput, original: dict, logits: dict, boxes: dict):
    torch.testing.assert_close(output.logits, original["pred_logits"], **logits)
    torch.testing.assert_close(output.boxes_cxcywh, original["pred_boxes"], **boxes)


def compare_all(output: DetectorOutput, original: dict, logits: dict, boxes: dict):
    compare(output, original, logits, boxes)
    for layer, auxiliary in zip(output.auxiliary, original["aux_outputs"], strict=True):
        compare(layer, auxiliary, logits, boxes)
    assert (output.proposals is not None) == bool({"enc_outputs", "interm_outputs"} & set(original))
    if "enc_outputs" in original:
        compare(output.proposals, original["enc_outputs"], logits, boxes)


def test_every_output_equals_the_original_in_float32(run, recorded, near):
    compare_all(run[0], recorded["outputs"], *near)


def test_every_output_equals_the_original_in_float64(model, recorded):
    logits, boxes = LOOSE_DOUBLE.get(recorded["name"], (2e-6, 2e-7))
    with torch.inference_mode():
        output, _ = model.double()([image.double() for image in recorded["images"]])
    model.float()
    compare_all(
        output, recorded["outputs_fp64"], dict(atol=logits, rtol=0), dict(atol=boxes, rtol=0)
    )


def names_in(recorded):
    """(our trace's name, the recording's module) of every attention, whatever their names."""
    dense, co = recorded["name"] == "detr", recorded["name"].startswith("co_")
    start = CO if co else "transformer"
    to_memory = "multihead_attn" if dense else "cross_attn"
    for i in range(recorded["config"]["enc_layers"]):
        yield (
            f"encoder.{i}",
            f"{start}.encoder.layers.{i}.{'attentions.0' if co else 'self_attn'}",
        )
    for i in range(recorded["config"]["dec_layers"]):
        layer = f"{start}.decoder.layers.{i}"
        yield f"decoder.{i}.self", f"{layer}.{'attentions.0.attn' if co else 'self_attn'}"
        yield f"decoder.{i}", f"{layer}.{'attentions.1' if co else to_memory}"


def batch_first(original, ours):
    """Some originals put the sequence first."""
    return original if original.shape[0] == ours.shape[0] else original.transpose(0, 1)


def test_every_captured_attention_equals_the_original(run, recorded, near):
    compared, logits = 0, near[0]
    for name, module in names_in(recorded):
        trace, original = run[1][name], recorded["capture"][module]
        wanted = {key: original[key] for key in ("output", "query") if key in original}
        if "attn_weights_per_head" in original:
            wanted["attention_weights"] = original["attn_weights_per_head"]
        else:
            wanted["references"] = original["reference_points"]
            wanted |= {key: original[key] for key in ("sampling_locations", "attention_weights")}
            assert trace.spatial_shapes.tolist() == original["value_spatial_shapes"].tolist()
        for key, value in wanted.items():
            ours = getattr(trace, key)
            torch.testing.assert_close(
                ours, batch_first(value, ours), **logits, msg=lambda text, n=name: f"{n} {text}"
            )
            compared += 1
    assert compared >= 2 * len(run[1])
    assert set(run[1]) == {name for name, _ in names_in(recorded)}


def test_every_layer_says_what_the_original_said(run, recorded, near):
    start = CO if recorded["name"].startswith("co_") else "transformer"
    for name, result in run[2].items():
        original = recorded["capture"][name.replace("transformer", start, 1)]["output"]
        ours = result[0] if isinstance(result, tuple) else result
        torch.testing.assert_close(ours, batch_first(original, ours), **near[0])
    assert len(run[2]) >= 4


def test_the_same_tokens_become_queries(run, recorded, near, model):
    if not recorded["topk"]:
        assert run[0].proposals is None
        return
    original, proposals = recorded["topk"][0], run[0].proposals
    best = best_tokens(proposals.logits, original["k"], model.config.proposal_score)
    assert torch.equal(best, original["indices"])
    chosen = recorded["outputs"].get("interm_outputs")
    if chosen is not None:
        ours = DetectorOutput(
            take_tokens(proposals.logits, best), take_tokens(proposals.boxes_cxcywh, best)
        )
        compare(ours, chosen, *near)
        _, mask = pad_images(recorded["images"])
        shapes = run[1]["encoder.0"].spatial_shapes.tolist()
        anchors, _ = anchor_boxes([mask_at(mask, tuple(shape)) for shape in shapes], 0.05)
        before = recorded["outputs"]["interm_outputs_for_matching_pre"]["pred_boxes"]
        torch.testing.assert_close(take_tokens(anchors, best), before, **near[1])


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


def original_detections(recorded, index):
    """(size of the picture, scores, labels, boxes in its pixels) of the original, best first."""
    if "postprocess" in recorded:
        found = recorded["postprocess"]["results"][index]
        size = recorded["postprocess"]["target_sizes"][index].tolist()
        scores, labels, boxes = found["scores"], found["labels"], found["boxes"]
    else:
        found = recorded["get_bboxes_without_nms"][index]
        size = recorded["img_metas"][index]["img_shape"][:2]
        boxes, scores = found["boxes_xyxy_score"].split((4, 1), dim=-1)
        scores, labels = scores[:, 0], found["labels"]
    order = scores.argsort(descending=True, stable=True)
    return tuple(size), scores[order], labels[order], boxes[order]


@pytest.mark.parametrize("index", [0, 1])
def test_detections_equal_the_original_post_processing(recorded, model, index):
    size_hw, scores, labels, boxes = original_detections(recorded, index)
    outputs = recorded["outputs"]
    one = DetectorOutput(outputs["pred_logits"][index], outputs["pred_boxes"][index])
    no_object = model.config.no_object
    found = postprocess(one, size_hw, top=len(scores), no_object=no_object)
    ours = found.boxes_xyxy_px
    if recorded["name"].startswith("co_"):  # it cuts boxes at the picture's border
        height, width = size_hw
        ours = ours.clamp(ours.new_zeros(4), ours.new_tensor([width, height, width, height]))
    torch.testing.assert_close(found.scores, scores, atol=1e-6, rtol=0)
    assert found.labels.tolist() == labels.tolist()
    torch.testing.assert_close(ours, boxes, atol=1e-3, rtol=1e-5)
    chances = one.logits.softmax(-1) if no_object else one.logits.sigmoid()
    torch.testing.assert_close(chances[found.queries, found.labels], found.scores)


def test_backbone_and_transformer_inputs_equal_the_original(model, recorded, near):
    stored = recorded["intermediate"]
    with torch.inference_mode():
        batch, mask = pad_images(recorded["images"])
        features = model.backbone[0].body(batch)
        maps = model.project(features)
    for feature, original in zip(features, stored["backbone"]["features"], strict=True):
        torch.testing.assert_close(feature, original, **near[0])
    inputs = stored["transformer_inputs"]
    if "src" in inputs:
        inputs = {"srcs": [inputs["src"]], "masks": [inputs["mask"]]} | {
            "pos_embeds": [inputs["pos_embed"]]
        }
    for level, source in enumerate(maps):
        torch.testing.assert_close(source, inputs["srcs"][level], **near[0])
        here = mask_at(mask, tuple(source.shape[-2:]))
        assert torch.equal(here, inputs["masks"][level])
        positions = token_positions(
            here,
            source.shape[1],
            temperature=model.config.position_temperature,
            shift=model.config.position_shift,
        )
        original = inputs["pos_embeds"][level].flatten(2).transpose(1, 2)
        torch.testing.assert_close(positions, original, atol=1e-5, rtol=0)


def test_the_heads_given_as_an_argument_are_enough(recorded, tmp_path):
    config = recorded["config"]
    torch.save(recorded["state_dict"], tmp_path / "bare.pth")
    queries = config["num_queries"] if config.get("two_stage") else None
    bare = dv.load(tmp_path / "bare.pth", heads=config["nheads"], dilation=False, queries=queries)
    with torch.inference_mode():
        output, _ = bare.double()([image.double() for image in recorded["images"]])
    logits, boxes = LOOSE_DOUBLE.get(recorded["name"], (2e-6, 2e-7))
    compare(output, recorded["outputs_fp64"], dict(atol=logits, rtol=0), dict(atol=boxes, rtol=0))
