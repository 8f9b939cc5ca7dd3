"""What each erratum of the notes rests on, computed or read off the modules themselves."""

import torch
from torch import nn

from deformviz.analysis.cost import (
    AttentionSizes,
    convolution_parameters,
    separable_parameters,
    short_form_holds,
)
from deformviz.attention.dat import DATAttention
from deformviz.attention.dat_reference import reference_grid, sample_knots, scale_offsets
from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.attention.reference import sample_level
from deformviz.models.dat_presets import PUBLISHED, V1_OFFSET_KERNELS

COUNTS = (16, 32, 3)  # channels in and out, kernel


def _layer() -> MultiScaleDeformableAttention:
    return MultiScaleDeformableAttention(channels=256, heads=8, levels=4, points=4)


def _dat() -> DATAttention:
    layer = DATAttention(24, 6, 3, (5, 7), version="v1", offset_range_factor=2.0)
    return layer.eval()


def groups_of_the_softmax() -> int:
    """What the letter m counts: separate sums to one of a query's weights."""
    layer = _layer()
    return layer.heads


def short_form_limits() -> list[int]:
    """5K + 3MK with one level, with four, and C: only the first is below C."""
    one, four = (AttentionSizes(300, 10723, 256, 8, 4, levels) for levels in (1, 4))
    assert short_form_holds(one) and not short_form_holds(four)
    return [5 * s.samples + 3 * s.heads * s.samples for s in (one, four)] + [one.channels]


def parameters_of_convolutions() -> list[int]:
    """Plain, depthwise-separable, and in two groups."""
    plain = nn.Conv2d(*COUNTS, bias=False).weight.numel()
    assert plain == convolution_parameters(*COUNTS)
    return [plain, separable_parameters(*COUNTS), convolution_parameters(*COUNTS, 2)]


def depthwise_against_plain() -> list[int]:
    """Weights for three channels: depthwise, and a plain convolution with as many outputs."""
    depthwise, plain = nn.Conv2d(3, 3, 3, groups=3, bias=False), nn.Conv2d(3, 3, 3, bias=False)
    return [depthwise.weight.numel(), plain.weight.numel()]


def pixels_that_count() -> int:
    """How many pixels of a 5 x 7 map change what is read at one place between pixels."""
    value = torch.zeros(1, 5, 7, 1, 1, dtype=torch.float64, requires_grad=True)
    place = torch.tensor([0.4, 0.45], dtype=torch.float64).view(1, 1, 1, 1, 2)
    (share,) = torch.autograd.grad(sample_level(value, place).sum(), value)
    return int((share != 0).sum())


def largest_offset() -> float:
    """Of DAT with s = 2 on 7 knots a side, in coordinates that go from -1 to 1."""
    far = torch.full((1, 1, 49, 2), 1e4, dtype=torch.float64)
    return float(scale_offsets(far, (7, 7), 2.0, "v1").abs().max())


def corner_is_a_pixel() -> int:
    """1 if the coordinate -1 reads the middle of the first pixel, as align_corners=True says."""
    features = torch.arange(12.0).view(1, 1, 3, 4) + 5
    corner = torch.tensor([[-1.0, -1.0]]).view(1, 1, 1, 2)
    return int(float(sample_knots(features, corner).reshape(-1)[0]) == 5)


def two_linear_layers() -> list[int]:
    """Outputs of the two layers; together 3 M L K."""
    layer = _layer()
    return [layer.sampling_offsets.out_features, layer.attention_weights.out_features]


def offset_network() -> list[str | int]:
    """What it is made of, in order, and its first kernel in the published stages."""
    return [*(type(part).__name__ for part in _dat().conv_offset), *V1_OFFSET_KERNELS]


def shape_of_what_is_learnt() -> list[int]:
    """Of the parameter that offsets come from: channels of the query to numbers of the layer."""
    return list(_layer().sampling_offsets.weight.shape)


def biases_of_the_offset_network() -> int:
    """How many of its two convolutions have a bias."""
    return sum(isinstance(p, nn.Conv2d) and p.bias is not None for p in _dat().conv_offset)


def first_reference() -> float:
    """Where the first knot of seven lies before it moves."""
    return float(reference_grid((7, 7), "v1", torch.zeros(1, dtype=torch.float64))[0, 0])


def strides_of_dat() -> list[int]:
    """Of the deformable stages of the published first version."""
    return [stage.stride for stage in PUBLISHED["dat_tiny"].stages if "D" in stage.blocks]


def keys_are_a_matrix_product() -> int:
    """1 if the key's layer mixes channels: a 1 x 1 convolution with a full matrix."""
    shape = tuple(_dat().proj_k.weight.shape)
    return int(shape == (24, 24, 1, 1))


def samples_of_a_query() -> int:
    """Over heads, levels and points."""
    layer = _layer()
    return layer.heads * layer.levels * layer.points


def reference_parameters() -> int:
    """Learnt tables of points in a one-stage Deformable DETR."""
    from deformviz.systems import SYSTEMS

    record = SYSTEMS["deformable-detr"]
    sizes = dict(classes=4, hidden_channels=32, encoder_layers=1, decoder_layers=1, queries=6)
    usual = dict(feedforward_channels=32, backbone="resnet18", backbone_width=8)
    model = record.build(record.read_config(sizes | usual))
    return sum(tuple(p.shape) == (6, 2) for _, p in model.named_parameters())


def offsets_follow_the_query() -> int:
    """1 if other queries at the same references get other offsets, once trained."""
    layer = _layer()
    nn.init.normal_(layer.sampling_offsets.weight)
    with torch.no_grad():
        first, second = layer.sampling_offsets(torch.randn(2, 256))
    return int(not torch.equal(first, second))


def offsets_in_dat() -> int:
    """How many of its parts give positions an offset; the bias is added to logits."""
    names = {name.split(".")[0] for name, _ in _dat().named_parameters()}
    return sum("offset" in name for name in names)


def letters_of_dat_plus_plus() -> list[str]:
    """Kinds of layers of its stages: N neighborhood, D deformed grid."""
    return sorted({letter for stage in PUBLISHED["dat_pp_tiny"].stages for letter in stage.blocks})
