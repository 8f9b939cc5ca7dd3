"""Marks lie where the sampled values come from, padded batches included."""

import pytest
import torch

import deformviz as dv
from deformviz.tracing.placement import placement_strides
from tests.tracing.transformers_families import FAMILIES, build, inputs_of

ONE_CELL = 1.0
# Of these two every cell of a random network depends on most of a picture of 64 x 96 pixels: after
# attention over the coarsest map, deep aggregation carries it down to the finest one.
FAR = {"d_fine": 1.4, "deimv2": 1.4}

QUICK = ("deformable_detr", "d_fine", "mask2former")  # points, unequal points, an encoder alone


@pytest.mark.parametrize(
    "family",
    [
        family if family in QUICK else pytest.param(family, marks=pytest.mark.slow)
        for family in FAMILIES
    ],
)
def test_samples_depend_on_the_pixels_at_their_marks(family):
    pytest.importorskip("transformers")
    model = build(family)
    with torch.no_grad(), dv.record(model, placement=16) as recording:
        model(**inputs_of(family))
    assert not torch.is_inference_mode_enabled()
    for proof in recording.verify():
        assert proof.placement_strides < FAR.get(family, ONE_CELL), str(recording.verify())


def test_a_padded_batch_of_transformers_is_placed_in_the_padded_frame():
    """Two pictures, the second smaller to both sides; what lies in its padding is not followed."""
    pytest.importorskip("transformers")
    model, seen = build("deformable_detr"), torch.ones(2, 64, 96, dtype=torch.long)
    seen[1, 40:], seen[1, :, 56:] = 0, 0
    pixels = inputs_of("deformable_detr")["pixel_values"] * seen[:, None]
    with torch.no_grad(), dv.record(model, placement=16) as recording:
        model(pixel_values=pixels, pixel_mask=seen)
    assert recording["encoder.0"].padding_mask[1].any()
    assert max(proof.placement_strides for proof in recording.verify()) < ONE_CELL


@pytest.mark.slow
def test_a_padded_batch_of_ours_is_placed_in_the_padded_frame():
    model = dv.load("deformable-detr-scenes")
    torch.manual_seed(3)
    pictures = [torch.rand(3, 96, 192), torch.rand(3, 160, 128)]
    with torch.no_grad(), dv.record(model, placement=12) as recording:
        model(pictures)
    assert max(proof.placement_strides for proof in recording.verify()) < 1, recording.verify()
    assert torch.is_grad_enabled()


def trace_at(places, map_hw):
    """One sample of full weight per query at `places` [batch query 1 1 1 xy], on one map."""
    weights = torch.ones(places.shape[:-1])
    return dv.AttentionTrace(
        torch.tensor([map_hw]),
        torch.zeros_like(places),
        places,
        weights,
        reference_points=torch.zeros(*weights.shape[:2], 1, 2),
    )


@pytest.mark.parametrize(
    "mistake", ["x and y exchanged", "the picture's own size for the padded one", "mirrored"]
)
def test_a_wrong_frame_is_seen(mistake):
    """One map of 12 x 24 cells of 8 px each: what a cell holds depends on its own pixels alone."""
    torch.manual_seed(4)
    pixels = torch.rand(1, 3, 96, 192, requires_grad=True)
    value = torch.nn.Conv2d(3, 4, 8, 8)(pixels).flatten(2).transpose(1, 2)[:, :, None]
    places = torch.rand(1, 30, 1, 1, 1, 2) * torch.tensor([0.3, 0.3]) + torch.tensor([0.55, 0.1])
    trace = trace_at(places, (12, 24))
    right = placement_strides(trace, value, [pixels], (96, 192), 20)
    assert right < 0.5
    far = {
        "x and y exchanged": lambda: placement_strides(
            trace, _transposed(value), [pixels], (96, 192), 20
        ),
        "the picture's own size for the padded one": lambda: placement_strides(
            trace, value, [pixels], (60, 120), 20
        ),
        "mirrored": lambda: placement_strides(
            trace, value.unflatten(1, (12, 24)).flip(2).flatten(1, 2), [pixels], (96, 192), 20
        ),
    }[mistake]()
    assert far > 1.5


def test_a_wrong_frame_of_the_second_picture_alone_is_seen():
    """Two pictures of a padded batch; what is wrong of one must not hide behind the other."""
    torch.manual_seed(5)
    pictures = [torch.rand(3, 96, 128, requires_grad=True), torch.rand(3, 64, 192)]
    pictures[1].requires_grad_()
    batch = torch.stack(
        [
            torch.nn.functional.pad(one, (0, 192 - one.shape[2], 0, 96 - one.shape[1]))
            for one in pictures
        ]
    )
    maps = torch.nn.Conv2d(3, 4, 8, 8)(batch).flatten(2).transpose(1, 2)[:, :, None]
    places = torch.rand(2, 30, 1, 1, 1, 2) * torch.tensor([0.25, 0.3]) + torch.tensor([0.15, 0.2])
    places[0] = -1  # of the first picture no sample lies inside
    trace = trace_at(places, (12, 24))
    mirrored = maps.unflatten(1, (12, 24))[:, :8].flip(1)
    wrong = torch.cat([mirrored, maps.unflatten(1, (12, 24))[:, 8:]], 1).flatten(1, 2)
    assert placement_strides(trace, maps, pictures, (96, 192), 20) < 0.5
    assert placement_strides(trace, wrong, pictures, (96, 192), 20) > 1


@pytest.mark.parametrize(("rows", "columns"), [(2, 0), (0, 2)])
def test_distance_is_told_in_cells_which_need_not_be_square(rows, columns):
    """Cells of 8 x 16 pixels; what is read lies two of them beside its mark."""
    torch.manual_seed(6)
    pixels = torch.rand(1, 3, 96, 192, requires_grad=True)
    maps = torch.nn.Conv2d(3, 4, (8, 16), (8, 16))(pixels)
    moved = maps.roll((rows, columns), (2, 3)).flatten(2).transpose(1, 2)[:, :, None]
    places = torch.rand(1, 30, 1, 1, 1, 2) * 0.4 + 0.35
    trace = trace_at(places, (12, 12))
    assert placement_strides(trace, moved, [pixels], (96, 192), 20) == pytest.approx(2, abs=0.3)


def _transposed(value):
    """The same cells read with rows and columns exchanged, as far as the map allows."""
    return (
        value.unflatten(1, (12, 24))[:, :, :12].transpose(1, 2).repeat(1, 1, 2, 1, 1).flatten(1, 2)
    )


def test_inference_mode_is_refused_in_a_sentence():
    model = dv.load("deformable-detr-scenes")
    with pytest.raises(dv.RecordError, match="use torch.no_grad"):
        with torch.inference_mode(), dv.record(model, placement=1):
            model([torch.rand(3, 64, 96)])


def test_look_follows_samples_where_that_is_asked_for():
    recording = dv.look(dv.load("deformable-detr-scenes"), "sample_images/garden.png", placement=6)
    placed = [proof.placement_strides for proof in recording.verify()]
    assert len(placed) == 5 and max(placed) < 1.5
