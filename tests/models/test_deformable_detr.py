"""What the detector promises in all its variants."""

import pytest
import torch

from deformviz.attention.reference import ms_deform_attn_reference
from deformviz.axes import ShapeError
from deformviz.models.deformable_detr import DeformableDETR, DeformableDETRConfig
from deformviz.schema import AttentionTrace, DenseTrace
from tests.models.tiny_detector import RECIPE, pictures, tiny_detector

SIZES = [(65, 74), (48, 97)]
VARIANTS = {
    "single scale": dict(levels=1),
    "DC5": dict(levels=1, dilation=True),
    "two levels": dict(levels=2),
    "three levels": dict(levels=3),
    "plain": dict(),
    "five levels": dict(levels=5),
    "four levels, DC5": dict(dilation=True),
    "refine": dict(refine=True),
    "two-stage": dict(refine=True, two_stage=True),
    "two-stage, five levels": dict(refine=True, two_stage=True, levels=5),
    "mixed query selection": dict(refine=True, two_stage=True, content_queries="learned"),
    "recipe": RECIPE,
    "basic blocks": dict(backbone="resnet18"),
    "a ResNet of its own": dict(backbone="resnet", resnet_blocks=(1, 2, 1, 1), backbone_stem=6),
    "other heads in the decoder": dict(decoder_heads=8, decoder_feedforward_channels=40),
}


def level_shapes(padded_hw, levels, dilation):
    """Strides 8, 16, 32 (DC5: 8, 16, 16), then doubled per level; each halving rounds up."""
    strides = [8, 16, 16 if dilation else 32][-min(levels, 3) :]
    while len(strides) < levels:
        strides.append(2 * strides[-1])
    return [[-(-side // stride) for side in padded_hw] for stride in strides]


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_runs_and_learns(name):
    model = tiny_detector(**VARIANTS[name]).train()
    config = model.config
    output, traces = model(pictures(*SIZES))
    assert output.logits.shape == (2, 6, 5)
    assert output.boxes_cxcywh.shape == (2, 6, 4)
    assert len(output.auxiliary) == config.decoder_layers - 1
    assert tuple(traces) == model.trace_names
    shapes = traces["encoder.0"].spatial_shapes.tolist()
    assert shapes == level_shapes((65, 97), config.levels, config.dilation)
    assert (traces["decoder.1"].reference_boxes is not None) == config.refine
    loss = output.logits.sum() + output.boxes_cxcywh.sum()
    if output.proposals:
        loss = loss + output.proposals.logits.sum() + output.proposals.boxes_cxcywh.sum()
    for layer in output.auxiliary:
        loss = loss + layer.logits.sum() + layer.boxes_cxcywh.sum()
    loss.backward()
    untouched = [
        key
        for key, parameter in model.named_parameters()
        if parameter.requires_grad and parameter.grad is None
    ]
    assert not untouched
    assert all(
        bool(torch.isfinite(parameter.grad).all())
        for parameter in model.parameters()
        if parameter.grad is not None
    )


@pytest.mark.parametrize(
    ("name", "millions", "keys"),
    [
        ("single scale", 34, 284),
        ("DC5", 34, 284),
        ("plain", 40, 296),
        ("refine", 41, 332),
        ("two-stage", 41, 365),
    ],
)
def test_full_size_models_have_the_published_number_of_parameters(name, millions, keys):
    with torch.device("meta"):
        model = DeformableDETR(DeformableDETRConfig(**VARIANTS[name]))
    assert round(sum(p.numel() for p in model.parameters()) / 1e6) == millions
    assert sum(not key.startswith("backbone") for key in model.state_dict()) == keys


def test_the_recipe_has_the_size_of_the_training_notes():
    sizes = dict(
        hidden_channels=64,
        heads=8,
        encoder_layers=2,
        decoder_layers=3,
        classes=8,
        feedforward_channels=192,
        queries=30,
    )
    shape = RECIPE | dict(compact_channels=(16, 32, 64, 96, 128), compact_blocks=(1, 2, 2, 1))
    with torch.device("meta"):
        model = DeformableDETR(DeformableDETRConfig(**shape, **sizes))
    assert sum(p.numel() for p in model.parameters()) == 1_220_160


def test_dc5_dilates_all_but_the_first_block_of_the_last_stage():
    body = tiny_detector(levels=1, dilation=True).backbone[0].body
    assert [block.conv2.dilation[0] for block in body.layer4] == [1, 2, 2]
    assert [block.conv2.stride[0] for block in body.layer4] == [1, 1, 1]
    assert body.layer4[0].downsample[0].stride == (1, 1)
    assert [block.conv2.dilation[0] for block in body.layer3] == [1] * 6
    assert body(torch.zeros(1, 3, 64, 96))[0].shape[-2:] == (4, 6)


def test_only_the_layers_asked_for_keep_a_trace_and_the_answer_is_the_same():
    model, images = tiny_detector(refine=True), pictures(*SIZES)
    with torch.inference_mode():
        everything, all_traces = model(images)
        something, some = model(images, traced=("decoder.1", "decoder.0.self"))
        nothing, none = model(images, traced=False)
    assert list(some) == ["decoder.0.self", "decoder.1"]
    assert none == {}
    for other in (something, nothing):
        torch.testing.assert_close(other.logits, everything.logits)
    torch.testing.assert_close(
        some["decoder.1"].attention_weights, all_traces["decoder.1"].attention_weights
    )
    assert isinstance(all_traces["encoder.0"], AttentionTrace)
    assert isinstance(all_traces["decoder.0.self"], DenseTrace)


def test_a_layer_that_does_not_exist_is_named():
    with pytest.raises(KeyError, match=r"encoder\.7.*it has encoder\.0"):
        tiny_detector()(pictures((33, 40)), traced=("encoder.7",))


def test_progress_is_told_before_each_stage_and_can_cancel():
    class Cancelled(Exception):
        pass

    heard = []

    def listen(name, index, count):
        heard.append((name, index, count))
        if name == "decoder.0":
            raise Cancelled

    with pytest.raises(Cancelled):
        tiny_detector()(pictures((33, 40)), on_layer=listen)
    assert heard == [("backbone", 0, 4), ("encoder.0", 1, 4), ("decoder.0", 2, 4)]


@pytest.mark.parametrize("size_hw", [(1, 1), (33, 40), (7, 300)])
def test_a_small_or_thin_picture_is_no_problem(size_hw):
    for changes in (dict(), RECIPE | dict(queries=2)):
        with torch.inference_mode():
            output, _ = tiny_detector(**changes)(pictures(size_hw))
        assert bool(torch.isfinite(output.logits).all())


def test_a_layers_output_follows_from_its_trace():
    model, images = tiny_detector(), pictures(*SIZES)
    with torch.inference_mode():
        _, traces = model(images)
    trace, layer = traces["encoder.0"], model.transformer.encoder.layers[0].self_attn
    attended = ms_deform_attn_reference(
        trace.value, trace.spatial_shapes, trace.sampling_locations, trace.attention_weights
    )
    torch.testing.assert_close(layer.output_proj(attended), trace.output)


def test_the_padded_side_of_a_picture_does_not_change_its_references():
    model = tiny_detector()
    with torch.inference_mode():
        _, alone = model(pictures((64, 96)))
        _, together = model([pictures((64, 96))[0], *pictures((64, 64), seed=2)])
    assert torch.equal(
        alone["encoder.0"].reference_points[0], together["encoder.0"].reference_points[0]
    )
    narrow = together["encoder.0"].reference_points[1, 0, 0]
    torch.testing.assert_close(narrow, torch.tensor([0.5 / 12, 0.5 / 8]))
    value = together["encoder.0"].value[1, :96].unflatten(0, (8, 12))
    assert bool((value[:, 8:] == 0).all()) and bool((value[:, :8] != 0).any())


def test_proposals_start_at_their_anchors():
    model = tiny_detector(**RECIPE)
    with torch.no_grad():
        for head in model.bbox_embed:
            head.layers[-1].weight.zero_()
            head.layers[-1].bias.zero_()
        output, _ = model(pictures(*SIZES))
    boxes = output.proposals.boxes_cxcywh[1, : 9 * 13].unflatten(0, (9, 13))
    usable = boxes[:7]  # row 7 reads pixel row 50 of 65, below the 48 that are picture
    torch.testing.assert_close(usable[0, 0], torch.tensor([0.5 / 13, 0.5 / 7, 0.06, 0.06]))
    torch.testing.assert_close(usable[6, 12], torch.tensor([12.5 / 13, 6.5 / 7, 0.06, 0.06]))
    assert bool((boxes[7:] == 1).all())


def test_proposals_beyond_the_tokens_are_refused_in_words():
    model = tiny_detector(refine=True, two_stage=True, queries=300)
    with pytest.raises(ValueError, match="fewer than the 300 queries"):
        model(pictures((40, 50)))


@pytest.mark.parametrize("images", [[], [torch.zeros(1, 20, 30)], [torch.zeros(20, 30)]])
def test_what_is_no_picture_is_refused(images):
    with pytest.raises(ShapeError):
        tiny_detector()(images)
