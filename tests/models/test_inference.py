"""The inference form gives what the model gives, follows its changes, and is not used too far."""

import argparse
import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import deformviz as dv
from deformviz.models.inference import inference_form
from deformviz.models.inference_backbone import FoldedBlock
from deformviz.models.parts import attention_of
from deformviz.models.resnet import FrozenBatchNorm2d
from tests.models.tiny_detector import RECIPE, pictures, tiny_detector

FIXTURES = [
    "ddetr_plain",
    "ddetr_twostage",
    "detr",
    "dab_deformable_detr",
    "dino_4scale",
    "co_deformable_detr",
]
# As for the model itself: saturated references amplify rounding; so does dense attention, a little.
LOOSE = {"dino_4scale": (1e-4, 1e-5), "co_deformable_detr": (1e-4, 1e-5), "detr": (5e-5, 2e-6)}
VARIANTS = {
    "bottlenecks": {},
    "basic blocks": dict(backbone="resnet18", refine=True),
    "DC5": dict(dilation=True, levels=1),
    "two stages": dict(refine=True, two_stage=True),
    "compact": RECIPE,
}


def near(found: torch.Tensor, expected: torch.Tensor, share: float = 1e-5) -> None:
    """Equal to a share of the largest number there."""
    finite = expected[expected.isfinite()]
    scale = float(finite.abs().max()) if finite.numel() else 1.0
    torch.testing.assert_close(found, expected, rtol=share, atol=share * scale)


def compare(first, second, share: float = 1e-5) -> None:
    """Outputs and every recorded layer of two passes."""
    (output, traces), (expected, expected_traces) = first, second
    near(output.logits, expected.logits, share)
    near(output.boxes_cxcywh, expected.boxes_cxcywh, share)
    assert len(output.auxiliary) == len(expected.auxiliary)
    assert traces.keys() == expected_traces.keys()
    for name, trace in traces.items():
        near(trace.attention_weights, expected_traces[name].attention_weights, share)
        near(trace.output, expected_traces[name].output, share)


def with_lively_norms(model: nn.Module) -> nn.Module:
    """Frozen statistics that are not those of a fresh model."""
    generator = torch.Generator().manual_seed(2)
    for module in model.modules():
        if isinstance(module, FrozenBatchNorm2d):
            for buffer in module.buffers():
                buffer.copy_(0.5 + 0.5 * torch.rand(buffer.shape, generator=generator))
    return model


@pytest.fixture(scope="module", params=FIXTURES)
def recorded(request, parity):
    return parity(f"detr/{request.param}.pt")


@pytest.fixture(scope="module")
def published(recorded, tmp_path_factory):
    """The detector as `dv.load` makes it of a file like the published ones."""
    path = tmp_path_factory.mktemp("checkpoints") / f"{recorded['name']}.pth"
    arguments = argparse.Namespace(**recorded["config"])
    torch.save({"model": recorded["state_dict"], "args": arguments}, path)
    return dv.load(path)


def test_it_equals_the_original_as_the_model_does(published, recorded):
    logits, boxes = LOOSE.get(recorded["name"], (2e-5, 2e-6))
    with torch.inference_mode():
        form = inference_form(published)
        assert form is not published
        output, _ = form(recorded["images"])
    original = recorded["outputs"]
    for ours, theirs in zip(
        (*output.auxiliary, output), (*original["aux_outputs"], original), strict=True
    ):
        torch.testing.assert_close(ours.logits, theirs["pred_logits"], atol=logits, rtol=1e-4)
        torch.testing.assert_close(ours.boxes_cxcywh, theirs["pred_boxes"], atol=boxes, rtol=1e-4)


def test_it_equals_the_model_on_every_recording(published, recorded):
    """In double precision, where rounding is out of the way: saturated boxes amplify it."""
    model, images = published.double(), [image.double() for image in recorded["images"]]
    with torch.inference_mode():
        form = inference_form(model)
        compare(form(images), model(images), share=1e-10)
        compare(form(images[:1]), model(images[:1]), share=1e-10)  # no padding
    published.float()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("dtype", "share"),
    [(torch.float32, 1e-4), (torch.float64, 1e-11)],
    ids=["float32", "float64"],
)
def test_it_equals_the_model_of_every_kind(variant, dtype, share):
    """Random weights of sixteen residual blocks amplify the rounding of single precision."""
    model = with_lively_norms(tiny_detector(**VARIANTS[variant])).to(dtype)
    images = [image.to(dtype) for image in pictures((97, 130), (88, 101))]
    with torch.inference_mode():
        form = inference_form(model)
        for batch in (images, images[:1], images):
            compare(form(batch), model(batch), share)


def test_what_it_handed_out_is_not_overwritten_later():
    model, images = tiny_detector(), pictures((64, 88))
    with torch.inference_mode():
        form, given = inference_form(model), images[0].clone()
        first = form(images)
        kept = {name: trace.output.clone() for name, trace in first[1].items()}
        form(pictures((64, 88), seed=9))
        assert torch.equal(images[0], given)
        assert all(torch.equal(first[1][name].output, kept[name]) for name in kept)
        compare(form(images), first)


def test_changed_weights_make_a_new_form_and_unchanged_ones_do_not():
    model, images = tiny_detector(), pictures((64, 88))
    with torch.inference_mode():
        form = inference_form(model)
        assert inference_form(model) is form
    with torch.no_grad():
        model.backbone[0].body.layer2[0].conv1.weight.mul_(1.5)
    with torch.inference_mode():
        assert inference_form(model) is not form
        compare(inference_form(model)(images), model(images))


def test_another_formula_of_an_attention_holds_at_once():
    model, images = tiny_detector(), pictures((64, 88))
    with torch.inference_mode():
        form = inference_form(model)
        before = form(images)[0].logits
        module = attention_of(model, "encoder.0")
        module.formulas = replace(module.formulas, mask_value=lambda value, mask: 0 * value)
        assert inference_form(model) is form
        compare(form(images), model(images))
        assert not torch.allclose(form(images)[0].logits, before)


def test_the_model_itself_runs_where_somebody_looks_into_it_or_learns():
    model = tiny_detector()
    assert inference_form(model) is model  # gradients are recorded
    with torch.no_grad():
        hook = model.transformer.encoder.layers[0].register_forward_hook(lambda *_: None)
        assert inference_form(model) is model
        hook.remove()
        assert inference_form(model) is not model
        model.transformer.encoder.train()
        assert inference_form(model) is model
        model.eval()
        model.transformer.propose = lambda *_: None
        assert inference_form(model) is model
    with torch.no_grad():
        plain = nn.Linear(2, 3).eval()
        assert inference_form(plain) is plain


def test_a_form_does_not_keep_its_model_alive():
    model = tiny_detector()
    with torch.inference_mode():
        inference_form(model)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_looking_at_a_picture_runs_the_inference_form(monkeypatch):
    model, calls = with_lively_norms(tiny_detector()), []
    right = FoldedBlock.forward
    monkeypatch.setattr(
        FoldedBlock, "forward", lambda self, features: calls.append(1) or right(self, features)
    )
    picture = np.random.default_rng(3).integers(0, 256, (60, 84, 3), dtype=np.uint8)
    object.__setattr__(model.config, "short_side", 64)
    trace = dv.run(model, picture)
    assert len(calls) == 16
    hook = model.register_forward_hook(lambda *_: None)
    untouched = dv.run(model, picture)
    hook.remove()
    assert len(calls) == 16
    near(trace.output.logits, untouched.output.logits)
    locations = [found["encoder.0"].sampling_locations for found in (trace, untouched)]
    near(*locations, share=1e-4)
