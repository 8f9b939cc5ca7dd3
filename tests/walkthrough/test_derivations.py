"""Every derivation ends where the module itself does, and passes through its trace."""

import pytest
import torch

import deformviz as dv
from deformviz.attention.dat import DATAttention
from deformviz.attention.reference import sample
from deformviz.geometry import shapes_list
from deformviz.models.parts import private_copy
from deformviz.models.preprocess import preprocess
from deformviz.models.square import pad_to_square
from deformviz.tracing.pictures import read_picture
from deformviz.walkthrough.bilinear import bilinear
from deformviz.walkthrough.dat import UnusualAttentionError, dat
from deformviz.walkthrough.decoder import decoder
from deformviz.walkthrough.gradients import gradients, layer_gradients, score_of
from deformviz.walkthrough.multi_head import multi_head
from deformviz.walkthrough.multi_scale import multi_scale, single_scale
from deformviz.walkthrough.observe import observe
from deformviz.walkthrough.observe_grids import observe_grids
from deformviz.walkthrough.proposals import NotTwoStageError, proposals
from tests.walkthrough.conftest import PICTURE

EXACT = 1e-10
QUERY = 5


def assert_ends_right(derivation):
    assert derivation.module_output.abs().max() > 1e-6, "an answer of zeros proves nothing"
    assert derivation.difference < EXACT
    assert derivation.holds
    assert r"\term{" in derivation.whole and r"\term" not in derivation.latex(derivation.whole)
    for step in derivation:
        assert derivation.latex(step.equation).count(r"\term") == 0
        assert bool(step.code) == (step.compute is not None)
        assert set(step.inputs.values()) <= {other.name for other in derivation}


def assert_equal(step, traced):
    assert step.value.shape == traced.shape
    assert (step.value - traced).abs().max() < EXACT


def test_multi_scale_attention_follows_the_trace_of_every_layer(seen):
    for layer, inputs in seen.attention.items():
        derivation = multi_scale(seen.module(layer), inputs, QUERY)
        assert_ends_right(derivation)
        trace = seen.traces[layer].image(0)
        assert_equal(derivation["value"], trace.value)
        assert_equal(derivation["output"], trace.output[QUERY])
        for name in ("sampling_offsets", "sampling_locations", "attention_weights", "query"):
            assert_equal(derivation[name], getattr(trace, name)[QUERY])
        kind = "reference_points" if trace.reference_boxes is None else "reference_boxes"
        assert_equal(derivation[kind], trace.references[QUERY])


def test_single_scale_attention_ends_as_its_module_does(seen):
    for layer, inputs in seen.attention.items():
        for level in range(seen.module(layer).levels):
            derivation = single_scale(seen.module(layer), inputs, QUERY, level)
            assert_ends_right(derivation)
            assert_equal(
                derivation["sampling_offsets"],
                seen.traces[layer].sampling_offsets[0, QUERY, :, level : level + 1],
            )


def test_a_sample_is_the_blend_of_its_four_corners(seen):
    for layer in seen.attention:
        trace = seen.traces[layer].image(0)
        shapes = shapes_list(trace.spatial_shapes)
        sampled = sample(trace.value[None], shapes, trace.sampling_locations[None])[0]
        for level in range(len(shapes)):
            query = int(sampled[:, 1, level, 1].abs().sum(-1).argmax())
            derivation = bilinear(trace, query, head=1, level=level, point=1)
            assert_ends_right(derivation)
            whole = multi_scale(seen.module(layer), seen.attention[layer], query)
            assert_equal(derivation["sampled_value"], whole["sampled_values"].value[1, level, 1])


def test_the_gradient_of_an_offset_is_what_autograd_says(seen):
    for layer in seen.attention:
        found = layer_gradients(seen.model, seen.images, layer)
        strongest = int(found.of_offsets.abs().sum(-1).argmax())
        sample = torch.unravel_index(torch.tensor(strongest), found.of_offsets.shape[:-1])
        derivation = gradients(found, *(int(index) for index in sample))
        assert derivation.module_output.abs().max() > 0
        relative = derivation.difference / float(derivation.module_output.abs().max())
        assert relative < EXACT
    assert all(parameter.grad is None for parameter in seen.model.parameters())


def test_the_loss_of_one_query_reaches_its_own_samples(shipped_seen):
    found = layer_gradients(shipped_seen.model, shipped_seen.images, "decoder.2", score_of(3))
    moved = found.of_offsets.abs().flatten(1).sum(-1) > 0
    assert moved.nonzero().flatten().tolist() == [3]


def test_frozen_weights_still_tell_where_an_offset_should_go(shipped_seen):
    frozen = private_copy(shipped_seen.model)
    state = {name: tensor.clone() for name, tensor in frozen.state_dict().items()}
    frozen.load_state_dict(state, assign=True)
    frozen.requires_grad_(False)
    found = layer_gradients(frozen, shipped_seen.images, "decoder.1")
    free = layer_gradients(shipped_seen.model, shipped_seen.images, "decoder.1")
    assert torch.allclose(found.of_offsets, free.of_offsets, atol=EXACT)


def test_a_box_can_be_followed_through_every_decoder_layer(seen):
    for layer in range(len(seen.decoder.layer_contents)):
        derivation = decoder(seen, layer, QUERY)
        assert_ends_right(derivation)
        said = seen.layer_output(layer)
        assert_equal(derivation["box"], said.boxes_cxcywh[0, QUERY])
        assert_equal(derivation["class_logits"], said.logits[0, QUERY])
        trace = seen.traces[f"decoder.{layer}"].image(0)
        assert_equal(derivation["padded_references"], trace.references[QUERY])
        assert_equal(derivation["cross_attended"], trace.output[QUERY])
        assert_equal(
            derivation["self_attended"], seen.traces[f"decoder.{layer}.self"].output[0, QUERY]
        )


def test_dense_attention_among_queries_follows_its_trace(seen):
    for layer, module in enumerate(seen.model.transformer.decoder.layers):
        trace = seen.traces[f"decoder.{layer}.self"].image(0)
        queries = seen.traces[f"decoder.{layer}.self"].query
        derivation = multi_head(
            module.self_attn, queries, queries, seen.decoder.layer_contents[layer], QUERY
        )
        assert_ends_right(derivation)
        assert_equal(derivation["attention_weights"], trace.attention_weights[:, QUERY])
        assert_equal(derivation["output"], trace.output[QUERY])


def test_a_proposal_becomes_the_reference_of_its_query(seen):
    if not seen.model.config.two_stage:
        with pytest.raises(NotTwoStageError, match="one stage"):
            proposals(seen, QUERY)
        return
    derivation = proposals(seen, QUERY)
    assert_ends_right(derivation)
    assert_equal(derivation["proposal"], seen.decoder.references[0, QUERY])


@pytest.mark.parametrize(
    "options",
    [
        {"version": "v1", "stride": 1, "offset_range_factor": 2.0},
        {"version": "v1", "stride": 1},
        {"version": "++", "stride": 2},
        {"version": "++", "stride": 2, "offset_range_factor": 2.0, "position_bias": "log_cpb"},
        {"version": "++", "stride": 1, "position_bias": "none"},
    ],
    ids=str,
)
def test_dat_follows_its_trace(options):
    torch.manual_seed(0)
    module = DATAttention(12, heads=6, groups=3, query_hw=(6, 8), **options).double()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    features = torch.randn(2, 12, 6, 8, dtype=torch.float64)
    derivation = dat(module, features, query=17)
    assert_ends_right(derivation)
    trace = module(features)[1].image(0)
    assert_equal(derivation["positions"], trace.positions)
    assert_equal(derivation["offsets"], trace.offsets)
    assert_equal(derivation["sampled_features"], trace.sampled_features)
    assert_equal(derivation["attention_weights"], trace.attention_weights[:, 17])
    if trace.position_bias is not None:
        assert_equal(derivation["position_bias"], trace.position_bias[:, 17])


def test_every_grid_of_the_shipped_dat_follows_its_trace():
    model = dv.load("dat-scenes").double()
    pixels, _ = preprocess(read_picture(PICTURE), model.config)
    seen = observe_grids(model, pad_to_square(pixels.double(), model.config.long_side)[None])
    assert set(seen.features) == set(model.trace_names)
    for layer, features in seen.features.items():
        derivation = dat(seen.module(layer), features, query=19)
        assert_ends_right(derivation)
        trace = seen.traces[layer].image(0)
        assert_equal(derivation["output"], trace.output[:, 19])
        assert_equal(derivation["positions"], trace.positions)
        assert_equal(derivation["attention_weights"], trace.attention_weights[:, 19])


def test_a_dat_layer_that_does_not_deform_is_refused_in_a_sentence():
    module = DATAttention(8, heads=2, groups=1, query_hw=(4, 6), version="++", no_offset=True)
    with pytest.raises(UnusualAttentionError, match="no_offset=True"):
        dat(module, torch.zeros(1, 8, 4, 6), query=0)


def test_observing_leaves_the_model_as_it_was(shipped, shipped_seen):
    hooks = [
        hook
        for module in shipped.modules()
        for hook in (*module._forward_hooks.values(), *module._forward_pre_hooks.values())
    ]
    assert not hooks
    again = observe(shipped, shipped_seen.images)
    assert torch.equal(again.output.logits, shipped_seen.output.logits)
