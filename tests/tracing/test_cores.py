"""The op-level fallback: modules that no adapter fits are heard at the core they call."""

from functools import partial

import pytest
import torch
from torch import nn

import deformviz as dv
from deformviz.attention.reference import ms_deform_attn_reference
from deformviz.tracing import cores

SHAPES = [(5, 7), (3, 4), (2, 2)]
PIXELS, QUERIES, CHANNELS, HEADS, POINTS = 51, 6, 16, 4, 2


class MSDeformAttnFunction(torch.autograd.Function):
    """The signature of Deformable-DETR's and mmcv's own function."""

    @staticmethod
    def forward(
        ctx,
        value,
        value_spatial_shapes,
        value_level_start_index,
        sampling_locations,
        attention_weights,
        im2col_step,
    ):
        return ms_deform_attn_reference(
            value, value_spatial_shapes.tolist(), sampling_locations, attention_weights
        )


def multi_scale_deformable_attn_pytorch(
    value, value_spatial_shapes, sampling_locations, attention_weights
):
    """The signature of mmcv's and detrex' plain version."""
    return ms_deform_attn_reference(
        value, value_spatial_shapes.tolist(), sampling_locations, attention_weights
    )


def deformable_attention_core_func_v2(
    value, value_spatial_shapes, sampling_locations, attention_weights, num_points_list, method
):
    """D-FINE's and RT-DETRv2's: a value per level, samples in a row, unequal points."""
    total, first = 0, 0
    for level, shape, count in zip(value, value_spatial_shapes, num_points_list, strict=True):
        part = slice(first, first + count)
        total = total + ms_deform_attn_reference(
            level.movedim(3, 1),
            [shape],
            sampling_locations[:, :, :, None, part],
            attention_weights[:, :, :, None, part],
        )
        first += count
    return total


class Core(nn.Module):
    """A child without parameters, as in transformers."""

    def forward(self, value, shapes, starts, sampling_locations, attention_weights):
        return ms_deform_attn_reference(value, shapes, sampling_locations, attention_weights)


class Odd(nn.Module):
    """Deformable attention whose offsets and weights come from one network of several layers."""

    counts = (POINTS,) * len(SHAPES)

    def __init__(self):
        super().__init__()
        samples = HEADS * sum(self.counts)
        self.where = nn.Sequential(nn.Linear(CHANNELS, 20), nn.ReLU(), nn.Linear(20, 3 * samples))
        self.mix = nn.Linear(CHANNELS, CHANNELS)

    def forward(self, query, anchors, memory, shapes):
        batch, queries = query.shape[:2]
        made = self.where(query).view(batch, queries, HEADS, -1, 3)
        weights = made[..., 2].softmax(-1)
        level = [i for i, count in enumerate(self.counts) for _ in range(count)]
        sizes = torch.tensor([SHAPES[i][::-1] for i in level]).to(made)
        locations = anchors[:, :, None, None] + made[..., :2] / sizes
        value = memory.unflatten(2, (HEADS, -1))
        return self.mix(self.attend(value, shapes, locations, weights))

    def attend(self, value, shapes, locations, weights):
        raise NotImplementedError


def by_level(given):
    return given.unflatten(3, (len(SHAPES), POINTS))


class ByFunction(Odd):
    def attend(self, value, shapes, locations, weights):
        starts = torch.tensor([0, 35, 47])
        return MSDeformAttnFunction.apply(
            value, torch.tensor(shapes), starts, by_level(locations), by_level(weights), 64
        )


class ByPlainFunction(Odd):
    def attend(self, value, shapes, locations, weights):
        return multi_scale_deformable_attn_pytorch(
            value, torch.tensor(shapes), by_level(locations), by_level(weights)
        )


class ByChild(Odd):
    def __init__(self):
        super().__init__()
        self.attn = Core()

    def attend(self, value, shapes, locations, weights):
        return self.attn(
            value,
            shapes,
            None,
            sampling_locations=by_level(locations),
            attention_weights=by_level(weights),
        )


class ByHeldFunction(Odd):
    counts = (3, 1, 2)

    def __init__(self):
        super().__init__()
        self.core = partial(deformable_attention_core_func_v2, method="default")

    def attend(self, value, shapes, locations, weights):
        per_level = value.movedim(1, 3).split([h * w for h, w in shapes], dim=3)
        return self.core(per_level, shapes, locations, weights, list(self.counts))


KINDS = (ByFunction, ByPlainFunction, ByChild, ByHeldFunction)


def built(kind):
    torch.manual_seed(3)
    return kind().eval()


def inputs():
    generator = torch.Generator().manual_seed(4)

    def draw(*shape):
        return torch.rand(*shape, generator=generator)

    return draw(2, QUERIES, CHANNELS), draw(2, QUERIES, 2), draw(2, PIXELS, CHANNELS), SHAPES


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_module_hands_to_its_core_is_recorded_and_proven(kind):
    model = built(kind)
    alone = model(*inputs())
    with torch.no_grad(), dv.record(model, keep_values=True) as recording:
        recorded = model(*inputs())
    torch.testing.assert_close(recorded, alone, rtol=0, atol=0)
    trace = recording["attention"]
    assert trace.points_per_level == kind.counts
    assert recording.verify().worst < 1e-6 and "core" in str(recording.verify())
    query, anchors, memory, _ = inputs()
    made = model.where(query).view(2, QUERIES, HEADS, -1, 3)
    torch.testing.assert_close(trace.offsets_by_sample, made[..., :2], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(trace.weights_by_sample, made[..., 2].softmax(-1))
    torch.testing.assert_close(trace.reference_points[:, :, 0], anchors)
    torch.testing.assert_close(trace.value.flatten(2), memory)


@pytest.mark.parametrize("kind", KINDS)
def test_cores_are_put_back_whatever_happens(kind):
    model, names = built(kind), dict(globals())
    held = dict(vars(model))
    with pytest.raises(ZeroDivisionError), dv.record(model):
        model(*inputs())
        raise ZeroDivisionError
    assert dict(globals()) == names and vars(model) == held
    assert "apply" not in vars(MSDeformAttnFunction)
    assert not cores._taps and not model._forward_hooks


def test_modules_that_share_a_core_are_told_apart_and_gradients_flow():
    model = nn.ModuleDict({"encoder": built(ByPlainFunction), "decoder": built(ByPlainFunction)})
    model["decoder"].where[2].weight.data.mul_(2)
    query, *rest = inputs()
    with dv.record(model) as recording:
        model["decoder"](model["encoder"](query, *rest), *rest).sum().backward()
    assert list(recording) == ["encoder", "decoder"]
    assert recording.verify().agrees and model["encoder"].where[0].weight.grad is not None


def test_a_core_that_does_something_else_is_refused(monkeypatch):
    def wrong(value, value_spatial_shapes, sampling_locations, attention_weights):
        mirrored = sampling_locations.flip(-1)
        return ms_deform_attn_reference(
            value, value_spatial_shapes.tolist(), mirrored, attention_weights
        )

    monkeypatch.setitem(globals(), "multi_scale_deformable_attn_pytorch", wrong)
    model = built(ByPlainFunction)
    with pytest.raises(dv.RecordError, match="core differs from what the module returned"):
        with torch.no_grad(), dv.record(model):
            model(*inputs())


class Unnamed(ByPlainFunction):
    """Two arguments could be references."""

    def forward(self, query, anchors, memory, shapes, others):
        return super().forward(query, anchors, memory, shapes)


def test_references_that_cannot_be_told_are_declared():
    model, others = built(Unnamed), torch.rand(2, QUERIES, 4)
    with pytest.raises(dv.RecordError, match=r"declare an Adapter\(references=\)"):
        with torch.no_grad(), dv.record(model):
            model(*inputs(), others)
    adapter = dv.Adapter(applies_to=Unnamed, references="anchors")
    with torch.no_grad(), dv.record(model, adapters=[adapter]) as recording:
        model(*inputs(), others)
    assert recording.verify().agrees
