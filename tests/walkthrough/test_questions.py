"""Questions people ask and get wrong, each with the answer as a test."""

import math
import sys

import pytest
import torch

from deformviz.attention import backends
from deformviz.attention.backends import kernels_folder
from deformviz.attention.dat import DATAttention
from deformviz.attention.dat_reference import reference_grid
from deformviz.attention.deformable import MultiScaleDeformableAttention
from deformviz.attention.neighborhood import NeighborhoodAttention
from deformviz.attention.op import ms_deform_attn
from deformviz.attention.reference import locations_from_boxes, locations_from_points
from deformviz.axes import ShapeError
from deformviz.models.boxes import inverse_sigmoid
from deformviz.models.decoder import scale_to_padded
from deformviz.models.detector import make_heads
from deformviz.models.padding import mask_at, padding_mask, valid_ratios
from deformviz.models.position import token_positions
from deformviz.models.proposals import best_tokens
from deformviz.walkthrough.observe import observe
from deformviz.walkthrough.prose import read_prose
from tests.walkthrough.conftest import VARIANTS, random_model

SHAPES = [(5, 8), (3, 4), (2, 2)]
PIXELS = sum(height * width for height, width in SHAPES)


@pytest.fixture
def fresh():
    """A layer as training starts with it."""
    torch.manual_seed(0)
    return MultiScaleDeformableAttention(16, heads=4, levels=3, points=5, backend="reference")


def look(module, **changes):
    generator = torch.Generator().manual_seed(3)
    inputs = {
        "query": torch.randn(1, 6, 16, generator=generator),
        "references": torch.rand(1, 6, 3, 2, generator=generator),
        "value_input": torch.randn(1, PIXELS, 16, generator=generator),
        "spatial_shapes": SHAPES,
    }
    return module(**inputs | changes)[1].image(0)


def test_a_step_doubles_per_level_with_points_and_stays_with_boxes():
    shapes, offset = [(16, 32), (8, 16), (4, 8)], torch.ones(1, 1, 1, 3, 1, 2)
    point, box = torch.full((1, 1, 3, 2), 0.5), torch.full((1, 1, 3, 4), 0.5)
    steps = (locations_from_points(point, offset, shapes) - 0.5)[0, 0, 0, :, 0, 0]
    assert (steps * 256).tolist() == [8.0, 16.0, 32.0]  # px of a picture 256 wide
    assert len(set(locations_from_boxes(box, offset)[..., 0].flatten().tolist())) == 1


def test_at_the_start_the_points_of_a_head_lie_on_one_line(fresh):
    offsets = look(fresh).sampling_offsets  # [query head level point xy]
    ranks = torch.linalg.matrix_rank(offsets[0].flatten(0, 1), tol=1e-4)
    assert ranks.tolist() == [1] * 12
    assert torch.equal(offsets, offsets[:1].expand_as(offsets))


def test_the_star_is_a_parameter_that_trains(fresh):
    assert fresh.sampling_offsets.bias.requires_grad
    before = fresh.sampling_offsets.bias.detach().clone()
    optimiser = torch.optim.SGD(fresh.parameters(), lr=10.0)
    look(fresh).output.pow(2).sum().backward()
    optimiser.step()
    assert not torch.equal(before, fresh.sampling_offsets.bias)


def test_weights_do_not_look_at_the_keys_but_those_of_dat_do(fresh):
    torch.nn.init.normal_(fresh.attention_weights.weight)
    one = look(fresh)
    other = look(fresh, value_input=torch.randn(1, PIXELS, 16))
    assert torch.equal(one.attention_weights, other.attention_weights)
    assert not torch.equal(one.output, other.output)

    dat = DATAttention(8, heads=2, groups=1, query_hw=(4, 6), version="v1")
    query = torch.randn(1, 8, 4, 6)
    weights = dat(query)[1].attention_weights
    with torch.no_grad():
        dat.proj_k.weight.mul_(-3)  # other keys, the same queries
    assert not torch.allclose(weights, dat(query)[1].attention_weights)


def test_valid_ratios_differ_between_levels_by_rounding():
    mask = padding_mask([(600, 843), (800, 1000)], (800, 1000))
    sizes = [(100, 125), (50, 63), (25, 32), (13, 16)]
    ratios = valid_ratios([mask_at(mask, size) for size in sizes])
    assert ratios[0, :, 0].tolist() == pytest.approx([0.848, 0.857, 0.844, 0.875], abs=5e-4)
    assert ratios[1].unique().tolist() == [1.0]


def test_references_are_scaled_afresh_for_every_level():
    reference = torch.tensor([[[0.5, 0.4]]])
    ratios = torch.tensor([[[0.8, 1.0], [0.75, 1.0]]])
    assert torch.allclose(
        scale_to_padded(reference, ratios)[0, 0], torch.tensor([[0.4, 0.4], [0.375, 0.4]])
    )


def test_references_without_levels_are_refused(fresh):
    with pytest.raises(ShapeError, match="references has 3 axes, expected 4"):
        look(fresh, references=torch.rand(1, 6, 2))


def first_decoder_references(name):
    seen = observe(random_model(VARIANTS[name]), [torch.randn(3, 50, 70).double()])
    return [seen.traces[f"decoder.{layer}"].references for layer in range(2)]


def test_references_move_only_with_refinement():
    still, moving = first_decoder_references("one stage"), first_decoder_references("refining")
    assert torch.equal(*still)
    assert moving[0].shape[-1] == 2 and moving[1].shape[-1] == 4  # a point becomes a box


def test_a_box_begins_as_its_reference_but_for_the_size_of_a_point():
    two, one = (make_heads(VARIANTS[name])[1] for name in ("two stages", "one stage"))
    for head in two:
        assert not any(parameter.any() for parameter in head.layers[-1].parameters())
    size = one[0].layers[-1].bias.detach()
    assert size.tolist() == [0, 0, -2, -2] and not one[0].layers[-1].weight.any()
    share = 100 * float(size[2].sigmoid())
    text = read_prose("decoder").sections["box_step"]
    assert f"width and height begin at −2, which is {share:.0f} % of the picture" in text


def test_no_gradient_flows_through_a_refined_reference():
    model = random_model(VARIANTS["refining"])
    output, traces = model([torch.randn(3, 50, 70).double()])
    assert output.auxiliary[0].boxes_cxcywh.requires_grad
    assert not traces["decoder.1"].references.requires_grad


def test_the_first_half_of_a_query_embedding_is_its_position():
    model = random_model(VARIANTS["one stage"])
    width = model.config.hidden_channels
    embedded = model.query_embed.weight
    content, position, references = model.transformer.learned_queries(embedded, 1)
    assert torch.equal(position[0], embedded[:, :width])
    assert torch.equal(content[0], embedded[:, width:])
    expected = model.transformer.reference_points(embedded[:, :width]).sigmoid()
    assert torch.equal(references[0], expected)


def test_proposals_are_ranked_by_channel_0_or_by_the_best_class():
    logits = torch.tensor([[[1.0, 9.0], [3.0, 0.0], [2.0, 4.0]]])
    assert best_tokens(logits, 2, "first_class").tolist() == [[1, 2]]
    assert best_tokens(logits, 2, "max_class").tolist() == [[0, 2]]


def test_positions_are_half_a_cell_before_those_of_detr():
    mask = torch.zeros(1, 3, 5, dtype=torch.bool)
    ours, detr = token_positions(mask, 8), token_positions(mask, 8, shift=0.0)
    # The first feature is the sine of 2π y / H: 0.5/3 for the first row here, 1/3 there.
    assert float(ours[0, 0, 0]) == pytest.approx(math.sin(2 * math.pi * 0.5 / 3), abs=1e-4)
    assert float(detr[0, 0, 0]) == pytest.approx(math.sin(2 * math.pi / 3), abs=1e-4)
    assert torch.equal(ours[0, 0, :4], ours[0, 4, :4])  # the first half is y: same in a row
    assert not torch.equal(ours[0, 0, 4:], ours[0, 4, 4:])


def test_the_bound_of_the_odds_decides_at_the_border():
    border = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
    assert inverse_sigmoid(border).sigmoid().tolist() == pytest.approx(
        [1e-5, 0.5, 1 - 1e-5], rel=1e-4
    )
    assert inverse_sigmoid(border, 1e-3).sigmoid()[0] == pytest.approx(1e-3, rel=1e-2)


def test_the_kernels_use_nothing_that_torch_has_removed():
    sources = [
        path
        for path in (kernels_folder() / "csrc").rglob("*")
        if path.suffix in (".h", ".cpp", ".cu", ".cuh")
    ]
    assert len(sources) > 5
    for path in sources:
        text = path.read_text(encoding="utf-8")
        for gone in ("THC/", "THCudaMalloc", "AT_CHECK", "DeprecatedTypeProperties", ".type()"):
            assert gone not in text, f"{path.name} uses {gone}"


def test_a_library_of_another_machine_leaves_the_plain_version_and_the_reason(
    tmp_path, monkeypatch
):
    foreign = tmp_path / "foreign.so"
    foreign.write_bytes(b"\x7fELF of another machine")
    found = backends._load("cpu", lambda build: foreign, "compiled")
    assert not found.runs and "could not be built or loaded" in found.detail
    monkeypatch.setitem(backends._LOADERS, "cpu", lambda: found)
    chosen = backends.which_backend("cpu")
    assert chosen.name == "reference" and found.detail in chosen.detail
    build = backends.build_script()
    for_gpus = {build.library_for("cuda", [], [f"sm_{number}"]) for number in (80, 90)}
    assert len(for_gpus) == 2  # none is taken for that of another GPU


def test_sixteen_bits_make_one_of_places_that_float32_keeps_apart():
    for dtype, width in ((torch.bfloat16, 256), (torch.float16, 2048)):
        below, wide = ((torch.arange(w) + 0.5) / w for w in (width // 2, width))
        assert len(below.to(dtype).unique()) == len(below)
        assert len(wide.to(dtype).unique()) < len(wide) == len(wide.unique())
    value, locations = torch.rand(1, 1024, 1, 4), torch.zeros(1, 1024, 1, 1, 1, 2) + 0.5
    locations[..., 0] = ((torch.arange(1024) + 0.5) / 1024)[:, None, None, None]
    arguments = [(1, 1024)], locations, torch.ones(1, 1024, 1, 1, 1)
    read = ms_deform_attn(value.bfloat16(), *arguments, backend="reference")
    assert torch.equal(read, value.bfloat16().flatten(2))  # exact: locations stayed float32


def test_neighborhood_attention_is_plain_torch_with_its_bias():
    module, features = NeighborhoodAttention(4, 2, 3), torch.randn(1, 4, 5, 6)
    output, _ = module(features)
    assert output.device.type == "cpu" and "natten" not in sys.modules
    with torch.no_grad():
        module.rpb[:, 0, 0] += 2
    assert not torch.allclose(output, module(features)[0])


@pytest.mark.gpu
def test_every_gpu_computes_where_its_tensors_are():
    if torch.cuda.device_count() < 2:
        pytest.skip("one GPU only: the question of card 31 is about a second one")
    generator = torch.Generator().manual_seed(0)
    inputs = (
        torch.randn(1, PIXELS, 2, 8, generator=generator),
        SHAPES,
        torch.rand(1, 7, 2, 3, 2, 2, generator=generator),
        torch.rand(1, 7, 2, 3, 2, generator=generator),
    )
    expected = ms_deform_attn(*inputs, backend="reference")
    for device in range(torch.cuda.device_count()):
        moved = [x.to(f"cuda:{device}") if isinstance(x, torch.Tensor) else x for x in inputs]
        found = ms_deform_attn(*moved)
        assert found.device.index == device
        assert torch.allclose(found.cpu(), expected, atol=1e-5)


def test_an_exported_layer_samples_with_grid_sampler(fresh):
    class Answer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = fresh

        def forward(self, query, references, value_input):
            return self.layer(query, references, value_input, SHAPES, traced=False)[0]

    inputs = (torch.randn(1, 6, 16), torch.rand(1, 6, 3, 2), torch.randn(1, PIXELS, 16))
    program = torch.export.export(Answer(), inputs)
    called = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    assert sum("grid_sampler" in name for name in called) == len(SHAPES)
    assert not any("deformviz" in name for name in called)
    assert torch.allclose(program.module()(*inputs), Answer()(*inputs), atol=1e-6)


def test_with_a_stride_of_one_dat_has_a_key_for_every_pixel():
    for stride, knots in ((1, 48), (2, 12)):
        module = DATAttention(8, heads=2, groups=1, query_hw=(6, 8), version="v1", stride=stride)
        weights = module(torch.randn(1, 8, 6, 8))[1].attention_weights
        assert weights.shape[-2:] == (48, knots)


def test_the_reference_grids_of_the_two_dat_codes():
    like = torch.zeros(1, dtype=torch.float64)
    first = reference_grid((7, 2), "v1", like)[:, 0]
    second = reference_grid((7, 2), "++", like)[:, 0]
    assert first[0] == -first[-1] == pytest.approx(0.5 / 7 * 2 - 1)
    assert second[-1] == pytest.approx(6.5 / 6 * 2 - 1) == pytest.approx(1.1667, abs=1e-4)
