"""Our detector and Hugging Face transformers', run side by side on the same random weights."""

import pytest
import torch

import deformviz as dv
from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.models.padding import pad_images
from tests.models.tiny_detector import pictures

transformers = pytest.importorskip("transformers")

SIZES = dict(
    d_model=32,
    encoder_layers=2,
    decoder_layers=2,
    encoder_attention_heads=4,
    decoder_attention_heads=8,
    encoder_ffn_dim=48,
    decoder_ffn_dim=40,
    num_queries=11,
    encoder_n_points=2,
    decoder_n_points=3,
    num_labels=7,
    auxiliary_loss=True,
)
VARIANTS = {
    "plain": dict(),
    "single scale": dict(num_feature_levels=1),
    "five levels": dict(num_feature_levels=5),
    "refine": dict(with_box_refine=True),
    "two-stage": dict(with_box_refine=True, two_stage=True, two_stage_num_proposals=9),
}


def foreign_detector(seed: int = 0, **changes):
    """A random transformers detector; statistics and zero-initialised weights are random too."""
    stages = (
        ["stage4"] if changes.get("num_feature_levels") == 1 else ["stage2", "stage3", "stage4"]
    )
    backbone = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[16, 32, 64, 128], depths=[1, 2, 1, 1], out_features=stages
    )
    config = transformers.DeformableDetrConfig(backbone_config=backbone, **(SIZES | changes))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.DeformableDetrForObjectDetection(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.1)
            for name, buffer in model.named_buffers():
                if name.endswith("running_var"):
                    buffer.uniform_(0.5, 2.0)
    return model


@pytest.fixture(scope="module", params=VARIANTS)
def pair(request, tmp_path_factory):
    """(theirs, ours): saved by `save_pretrained`, loaded by `dv.load`."""
    theirs = foreign_detector(**VARIANTS[request.param])
    folder = tmp_path_factory.mktemp("hub")
    theirs.save_pretrained(folder)
    return theirs, dv.load(folder)


@pytest.mark.parametrize(
    ("dtype", "logits", "boxes"), [(torch.float32, 2e-5, 2e-6), (torch.float64, 2e-6, 2e-7)]
)
def test_outputs_are_equal(pair, dtype, logits, boxes):
    theirs, ours = (model.to(dtype) for model in pair)
    images = [image.to(dtype) for image in pictures((65, 74), (48, 97))]
    batch, mask = pad_images(images)
    with torch.inference_mode():
        expected = theirs(batch, pixel_mask=(~mask).long())
        output, _ = ours(images)
    torch.testing.assert_close(output.logits, expected.logits, atol=logits, rtol=1e-4)
    torch.testing.assert_close(output.boxes_cxcywh, expected.pred_boxes, atol=boxes, rtol=1e-4)
    for model in pair:
        model.float()


def test_sampling_is_equal_in_every_layer(pair):
    theirs, ours = pair
    seen = []
    name = "MultiScaleDeformableAttention"
    inner = [module for module in theirs.modules() if type(module).__name__ == name]
    hooks = [
        module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[4:6]))
        for module in inner
    ]
    images = pictures((65, 74), (48, 97))
    batch, mask = pad_images(images)
    with torch.inference_mode():
        theirs(batch, pixel_mask=(~mask).long())
        _, traces = ours(images)
    for hook in hooks:
        hook.remove()
    names = [name for name in traces if not name.endswith(".self")]
    assert len(seen) == len(names) == 4
    for name, (locations, weights) in zip(names, seen, strict=True):
        torch.testing.assert_close(traces[name].sampling_locations, locations, atol=2e-5, rtol=1e-4)
        torch.testing.assert_close(traces[name].attention_weights, weights, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("last", [2, 4])
def test_the_module_alone_equals_theirs(last):
    from transformers.models.deformable_detr import modeling_deformable_detr as foreign

    config = transformers.DeformableDetrConfig(d_model=24, num_feature_levels=2)
    generator = torch.Generator().manual_seed(3)
    theirs = foreign.DeformableDetrMultiscaleDeformableAttention(
        config, num_heads=3, n_points=5
    ).double()
    for parameter in theirs.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    ours = MultiScaleDeformableAttention(24, heads=3, levels=2, points=5).double()
    ours.load_state_dict(theirs.state_dict())
    shapes = [(4, 7), (2, 3)]

    def random(*shape):
        return torch.rand(shape, generator=generator, dtype=torch.float64)

    query, tokens, references = random(2, 6, 24), random(2, 34, 24), random(2, 6, 2, last)
    padding = random(2, 34) > 0.7
    expected, weights = theirs(
        query,
        attention_mask=~padding,
        encoder_hidden_states=tokens,
        reference_points=references,
        spatial_shapes=torch.tensor(shapes),
        spatial_shapes_list=shapes,
        level_start_index=torch.tensor([0, 28]),
    )
    output, trace = ours(query, references, tokens, shapes, padding)
    torch.testing.assert_close(output, expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(trace.attention_weights, weights, atol=1e-12, rtol=0)
