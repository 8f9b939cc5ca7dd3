"""Edits of one layer for one query, and the model's own answer to them."""

import pytest
import torch

from deformviz.walkthrough.multi_scale import multi_scale
from deformviz.walkthrough.observe import observe, private_copy
from deformviz.walkthrough.toy import toy_inputs, toy_module
from deformviz.walkthrough.what_if import Edit, asked_alone, edit_module, edited, go_on

EVERYTHING = {
    "offset_scale": 0.3,
    "sharpness": 0.0,
    "dropped_heads": (1,),
    "reference_shift_xy": (0.1, -0.05),
    "moved": (((0, 1, 1), (0.4, 0.6)),),
}


def answer(**changes):
    module, inputs = private_copy(toy_module()), toy_inputs()
    edit_module(module, Edit("toy", 0, **changes))
    output, trace = module(
        inputs.query,
        inputs.references,
        inputs.value_input,
        inputs.spatial_shapes,
        inputs.padding_mask,
    )
    return output[0, 0].tolist(), trace.image(0).map(torch.Tensor.detach)


def test_scaling_the_offsets_to_nothing_gathers_all_samples_at_the_reference():
    _, trace = answer(offset_scale=0.0)
    assert torch.allclose(trace.sampling_locations[0, :, 0], torch.tensor([0.375, 0.5]).double())


def test_a_dragged_sample_is_read_where_it_was_put():
    # Head 0, level 1, point 1 goes from pixel (1, 0) with 8 to (1, 1) with 16: + 8/2.
    output, trace = answer(moved=(((0, 1, 1), (0.75, 0.75)),))
    assert trace.sampling_locations[0, 0, 1, 1].tolist() == [0.75, 0.75]
    assert output == pytest.approx([10.75 + 4, 1.875])


def test_flattened_weights_are_all_equal_and_sharpened_ones_go_to_the_largest():
    _, flat = answer(sharpness=0.0)
    assert flat.attention_weights[0, 0].flatten().tolist() == pytest.approx([0.25] * 4)
    _, sharp = answer(sharpness=50.0)
    assert sharp.attention_weights[0, 0, 1, 1] > 0.999


def test_a_dropped_level_leaves_its_weight_to_the_others():
    _, trace = answer(dropped_levels=(1,))
    assert trace.attention_weights[0, 0].flatten().tolist() == pytest.approx([0.5, 0.5, 0, 0])


def test_a_dropped_head_contributes_nothing():
    output, _ = answer(dropped_heads=(1,))
    assert output == pytest.approx([9.3125, -1.0])  # only the bias is left of head 1


def test_without_any_level_nothing_is_read_and_nothing_is_not_a_number():
    output, _ = answer(dropped_levels=(0, 1))
    assert output == pytest.approx([0.0, -1.0])


def test_a_moved_reference_takes_its_samples_along():
    _, right = answer()
    _, moved = answer(reference_shift_xy=(0.25, 0.0))
    shift = moved.sampling_locations - right.sampling_locations
    assert torch.allclose(shift, torch.tensor([0.25, 0.0]).double().expand_as(shift))


def test_the_real_model_goes_on_from_the_edited_layer(shipped, shipped_seen):
    found = observe(edited(shipped, Edit("decoder.1", 4, **EVERYTHING)), shipped_seen.images)
    before, after = shipped_seen.output, found.output
    assert torch.equal(before.auxiliary[0].boxes_cxcywh, after.auxiliary[0].boxes_cxcywh)
    change = (before.auxiliary[1].boxes_cxcywh - after.auxiliary[1].boxes_cxcywh)[0].abs().amax(-1)
    assert change[4] > 1e-4
    assert (change > 0).sum() == 1  # others hear of it one layer later
    assert ((before.logits - after.logits)[0].abs().amax(-1) > 0).sum() > 1
    again = observe(shipped, shipped_seen.images)
    assert torch.equal(again.output.logits, before.logits)


def test_going_on_from_the_edited_layer_equals_a_whole_pass_exactly(seen):
    for layer in seen.attention:
        edit = Edit(layer, None, offset_scale=0.3, sharpness=2.0, dropped_heads=(1,))
        whole = observe(edited(seen.model, edit), seen.images)
        found = go_on(seen, edit)
        assert torch.equal(found.output.logits, whole.output.logits)
        assert torch.equal(found.output.boxes_cxcywh, whole.output.boxes_cxcywh)
        assert not torch.equal(found.output.logits, seen.output.logits)
        assert found.attention.keys() == whole.attention.keys()
        for name, inputs in whole.attention.items():
            assert torch.equal(found.attention[name].query, inputs.query)
            assert torch.equal(
                found.traces[name].sampling_locations, whole.traces[name].sampling_locations
            )
        for one, other in zip(
            found.decoder.layer_contents, whole.decoder.layer_contents, strict=True
        ):
            assert torch.equal(one, other)


def test_the_derivation_of_an_edited_query_follows_the_edited_trace(shipped, shipped_seen):
    for layer, query in (("encoder.1", 40), ("decoder.0", 0), ("decoder.1", 4)):
        edit = Edit(layer, query, **EVERYTHING)
        found = go_on(shipped_seen, edit)
        module = asked_alone(shipped_seen.module(layer), edit)
        derivation = multi_scale(module, found.attention[layer], query)
        trace = found.traces[layer].image(0)
        for name in ("sampling_locations", "attention_weights", "output"):
            assert torch.allclose(derivation[name].value, getattr(trace, name)[query], atol=1e-10)
        right = shipped_seen.traces[layer].image(0).attention_weights[query]
        assert not torch.allclose(derivation["attention_weights"].value, right)
        assert derivation.difference < 1e-10


def test_what_lies_before_the_edited_layer_is_not_computed_again(shipped, shipped_seen):
    ran = []
    hooks = [
        module.register_forward_hook(lambda module, *_: ran.append(module))
        for module in shipped.modules()
        if isinstance(module, torch.nn.Conv2d)
    ]
    try:
        observe(shipped, shipped_seen.images)
        assert ran
        ran.clear()
        found = go_on(shipped_seen, Edit("encoder.0", 4, offset_scale=0.0))
        assert not ran
    finally:
        for hook in hooks:
            hook.remove()
    assert (
        found.results["transformer.encoder.layers.0"]
        is not (shipped_seen.results["transformer.encoder.layers.0"])
    )
    later = go_on(shipped_seen, Edit("decoder.1", 4, offset_scale=0.0))
    for name in ("encoder.layers.0", "decoder.layers.0"):
        assert later.results[f"transformer.{name}"] is shipped_seen.results[f"transformer.{name}"]


def test_an_edit_that_changes_nothing_changes_nothing(shipped, shipped_seen):
    edit = Edit("encoder.0", 7)
    assert edit.changes_nothing
    found = observe(edited(shipped, edit), shipped_seen.images)
    assert torch.allclose(found.output.logits, shipped_seen.output.logits, atol=1e-12)


def test_what_does_not_exist_is_named(shipped):
    with pytest.raises(ValueError, match="8 on axis 'head'; head 8 does not exist"):
        edited(shipped, Edit("decoder.0", 0, dropped_heads=(8,)))
    with pytest.raises(KeyError, match="this model has encoder.0"):
        edited(shipped, Edit("decoder.9", 0))
    with pytest.raises(ValueError, match="between 0 and 100"):
        Edit("decoder.0", 0, sharpness=-1.0)
