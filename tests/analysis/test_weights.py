"""Stars, statistics, likeness of heads, differences and sizes: each against numbers by hand."""

import numpy as np
import pytest
import torch

from deformviz.analysis.architecture import describe
from deformviz.analysis.compare import compare_models, layer_of
from deformviz.analysis.weights import (
    head_gains,
    head_likeness,
    offset_stars,
    weight_statistics,
)
from deformviz.models.dat import DAT
from deformviz.models.dat_presets import PUBLISHED, dat_scenes
from deformviz.models.deformable_detr import DeformableDETR, DeformableDETRConfig
from deformviz.systems.dat import DAT as DAT_SYSTEM
from tests.models.tiny_detector import RECIPE, TINY, tiny_detector


def test_an_untrained_layer_has_the_initial_star():
    torch.manual_seed(0)
    stars = offset_stars(DeformableDETR(DeformableDETRConfig(**TINY)))
    assert list(stars) == ["encoder.0", "decoder.0", "decoder.1"]
    for star in stars.values():
        assert star.trained.shape[0] == 4 and float(star.moved.max()) == 0
        assert star.query_share == 0
    first = stars["encoder.0"].trained[0, 2]  # head 0 points to the right, 1 px and 2 px
    np.testing.assert_allclose(first, [[1, 0], [2, 0]], atol=1e-6)


def test_a_bias_that_moved_is_told_point_by_point():
    model = tiny_detector()
    module = model.transformer.encoder.layers[0].self_attn
    with torch.no_grad():
        module.initialise()
        module.sampling_offsets.bias.view(4, 4, 2, 2)[1, 3, 0] += torch.tensor([3.0, -4.0])
    moved = offset_stars(model)["encoder.0"].moved
    assert moved[1, 3, 0] == pytest.approx(5.0, abs=1e-5)
    assert moved.sum() == pytest.approx(5.0, abs=1e-4)


def test_which_stars_count_shares_of_a_box():
    plain, refined, two_stage = (
        {name: star.per_box for name, star in offset_stars(tiny_detector(**changes)).items()}
        for changes in ({}, {"refine": True}, RECIPE)
    )
    assert plain == {"encoder.0": False, "decoder.0": False, "decoder.1": False}
    assert refined == {"encoder.0": False, "decoder.0": False, "decoder.1": True}
    assert two_stage == {"encoder.0": False, "decoder.0": True, "decoder.1": True}


def test_statistics_name_every_tensor_once():
    model = tiny_detector()
    rows = weight_statistics(model)
    assert sum(row.count for row in rows) == sum(p.numel() for p in model.parameters())
    row = next(r for r in rows if r.name == "transformer.encoder.layers.0.linear1.weight")
    tensor = model.transformer.encoder.layers[0].linear1.weight.detach()
    assert row.kind == "linear" and row.shape == (24, 32)
    assert row.rms == pytest.approx(float(tensor.square().mean().sqrt()), rel=1e-5)


def test_likeness_is_the_cosine_of_what_heads_pass_on():
    model = tiny_detector()
    module = model.transformer.decoder.layers[1].cross_attn
    width, heads = 32, 4
    value = module.value_proj.weight.detach().view(heads, -1, width)
    output = module.output_proj.weight.detach().view(width, heads, -1)
    maps = [(output[:, m] @ value[m]).flatten() for m in range(heads)]
    by_hand = torch.stack(
        [torch.stack([torch.cosine_similarity(a, b, 0) for b in maps]) for a in maps]
    )
    found = head_likeness(model)["decoder.1"]
    np.testing.assert_allclose(found.passes_on, by_hand.numpy(), atol=1e-5)
    assert found.looks.shape == (heads, heads)


def test_a_copied_head_is_the_most_alike():
    model = tiny_detector()
    module = model.transformer.encoder.layers[0].self_attn
    with torch.no_grad():
        value, output = module.value_proj.weight.view(4, 8, 32), module.output_proj.weight
        value[3] = value[1] * 2
        output.view(32, 4, 8)[:, 3] = output.view(32, 4, 8)[:, 1]
    first, second, cosine = head_likeness(model)["encoder.0"].most_alike
    assert (first, second) == (1, 3) and cosine == pytest.approx(1.0, abs=1e-6)


def test_heads_of_a_dat_are_compared_too():
    torch.manual_seed(0)
    found = head_likeness(DAT(dat_scenes(("boat", "cat"))))
    assert found and all(likeness.looks is None for likeness in found.values())
    for likeness in found.values():
        np.testing.assert_allclose(np.diag(likeness.passes_on), 1, atol=1e-9)


# -- two models ----------------------------------------------------------------------------------


def test_equal_models_do_not_differ():
    found = compare_models(tiny_detector(), tiny_detector())
    assert found.relative == 0 and not found.settings and not found.other_shape


def test_a_changed_layer_is_found_and_measured():
    first, second = tiny_detector(), tiny_detector()
    with torch.no_grad():
        second.transformer.decoder.layers[1].cross_attn.value_proj.weight.mul_(1.5)
    changed = [layer for layer in compare_models(first, second).layers if layer.relative > 0]
    assert [layer.layer for layer in changed] == ["decoder.1 cross_attn"]
    module = first.transformer.decoder.layers[1].cross_attn
    whole = torch.cat([p.detach().flatten() for p in module.parameters()]).norm()
    share = 0.5 * module.value_proj.weight.norm() / whole
    assert changed[0].relative == pytest.approx(float(share), rel=1e-5)


def test_models_of_other_sizes_are_compared_where_they_can_be():
    found = compare_models(tiny_detector(), tiny_detector(queries=9, refine=True))
    assert ("queries", 6, 9) in found.settings and ("refine", False, True) in found.settings
    assert any("query_embed.weight: (6, 64) and (9, 64)" in line for line in found.other_shape)
    assert found.layers


@pytest.mark.parametrize(
    ("key", "layer"),
    [
        ("transformer.encoder.layers.3.self_attn.value_proj.bias", "encoder.3 self_attn"),
        ("transformer.decoder.layers.0.norm2.weight", "decoder.0 norms"),
        ("class_embed.2.bias", "class_embed.2"),
        ("query_embed.weight", "query_embed"),
        ("backbone.0.body.layer3.4.conv2.weight", "backbone layer3"),
        ("stages.2.attns.1.proj_q.weight", "stages.2.attns.1"),
    ],
)
def test_keys_belong_to_layers_in_words(key, layer):
    assert layer_of(key) == layer


# -- sizes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{}, {"refine": True}, RECIPE, {"levels": 1}])
def test_the_parts_hold_every_parameter_once(changes):
    model = tiny_detector(**changes)
    found = describe(model, (64, 96))
    assert found.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert all(
        part.multiply_adds > 0
        for part in found.parts
        if part.name in ("backbone", "projection", "encoder", "decoder", "heads")
    )


def test_the_cost_of_an_encoder_is_that_of_its_formula():
    from deformviz.analysis.cost import AttentionSizes, module_cost

    model = tiny_detector()
    encoder = next(part for part in describe(model, (64, 96)).parts if part.name == "encoder")
    tokens = 8 * 12 + 4 * 6 + 2 * 3 + 1 * 2
    assert encoder.output == f"{tokens} tokens"
    attention = module_cost(
        AttentionSizes(queries=tokens, pixels=tokens, channels=32, heads=4, points=2, levels=4)
    )
    assert encoder.multiply_adds == attention + 2 * tokens * 32 * 24


@pytest.mark.slow
def test_the_published_detector_has_the_papers_size():
    found = describe(DeformableDETR(DeformableDETRConfig()))
    assert found.parameters / 1e6 == pytest.approx(found.published.millions, abs=0.5)
    assert found.multiply_adds / 1e9 == pytest.approx(found.published.giga, rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("stated", DAT_SYSTEM.published, ids=lambda stated: stated.name)
def test_the_published_dats_have_the_papers_sizes(stated):
    found = describe(DAT(PUBLISHED[stated.name]))
    assert found.published == stated
    assert found.parameters / 1e6 == pytest.approx(stated.millions, rel=0.03)
    assert found.multiply_adds / 1e9 == pytest.approx(stated.giga, rel=0.06)


def test_an_unknown_model_is_refused():
    with pytest.raises(ValueError, match="Linear is of no known system"):
        describe(torch.nn.Linear(2, 3))


def test_the_gain_of_a_head_is_that_of_both_its_projections():
    model = tiny_detector()
    module = model.transformer.encoder.layers[0].self_attn
    with torch.no_grad():
        for parameter in (module.value_proj.weight, module.output_proj.weight):
            parameter.copy_(
                torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3))
            )
        module.output_proj.weight.unflatten(1, (4, -1))[:, 2] *= 5
        module.output_proj.weight.unflatten(1, (4, -1))[:, 3] = 0
    gains = head_gains(model)["encoder.0"]
    channels = module.value_proj.weight.shape[0] // 4
    sizes = []
    for head in range(4):
        rows = slice(head * channels, (head + 1) * channels)
        passed = module.output_proj.weight[:, rows] @ module.value_proj.weight[rows]
        sizes.append(float(passed.detach().double().square().sum().sqrt()))
    np.testing.assert_allclose(gains, np.array(sizes) / np.mean(sizes), rtol=1e-5)
    assert gains[3] == 0 and gains[2] == gains.max()
