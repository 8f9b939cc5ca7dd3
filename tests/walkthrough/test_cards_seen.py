"""What a card claims can be seen where its link leads: in the numbers of the step it opens."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from deformviz.analysis import key_sets
from deformviz.analysis.grid import grid_statistics
from deformviz.analysis.grid_versions import undeformed_grids
from deformviz.analysis.key_sets_store import LAYER
from deformviz.analysis.weights import offset_stars
from deformviz.attention.deformable_conv import DeformableConv
from deformviz.attention.reference import sampling_locations
from deformviz.checkpoints.load import load
from deformviz.geometry import to_pixel_index
from deformviz.lessons.lesson import lesson
from deformviz.tracing.packing import decompress, read_header, unpack_layer
from deformviz.tracing.packing_grid import unpack_grid
from deformviz.tracing.pictures import read_picture
from deformviz.tracing.store import SHIPPED, SHIPPED_GRIDS, SHIPPED_KEYS, read_index
from deformviz.walkthrough.follow import follow
from deformviz.walkthrough.myths import CARDS, View
from deformviz.walkthrough.passes import Material
from deformviz.walkthrough.prose import read_prose
from deformviz.walkthrough.subject import read_subject

pytestmark = pytest.mark.slow  # the shipped model on a picture, right and with each mistake
LINKED = {card.number: card for card in CARDS if card.view and card.view.page == "walkthrough"}


@pytest.fixture(scope="module")
def seen():
    """What the link of a card opens, worked out as the page does."""
    stored = next(one for one in read_index(SHIPPED) if one.name == "beach-dusk")
    models = {}

    def model(name="deformable-detr-scenes"):
        return models.setdefault(name, load(name))

    material = Material("cards", model, lambda: read_picture(stored.picture_jpeg()), load=model)

    def follow_card(number, **changes):
        asked = LINKED[number].view.params | changes
        subject, step, notes = read_subject(asked)
        assert not notes
        subject = replace(subject, layer=asked.get("layer", subject.layer))
        found = follow(subject, material)
        return found, found.worked[step].value, found.worked[step]

    return follow_card


def places(found):
    """Where the right formula puts the query's samples, by its references and offsets."""
    trace, query = found.sight.trace, found.subject.query
    given = trace.references[query][None, None], trace.sampling_offsets[query][None, None]
    return sampling_locations(*given, trace.spatial_shapes.tolist())[0, 0]


def x_and_y_are_exchanged(found, value, step):
    assert torch.allclose(value, places(found).flip(-1), atol=1e-5)
    assert not torch.allclose(value, places(found), atol=0.01)


def height_and_width_are_exchanged(found, value, step):
    references = found.worked["reference_points"].value[:, None]
    sizes = found.sight.trace.spatial_shapes[:, None].to(value)  # (H, W)
    offsets = found.worked["sampling_offsets"].value
    assert torch.allclose((value - references) * sizes, offsets, atol=1e-3)
    assert not torch.allclose((value - references) * sizes.flip(-1), offsets, atol=0.1)


def an_offset_counts_pixels_of_its_level(found, value, step):
    references = found.worked["reference_points"].value[:, None]
    sizes = found.sight.trace.spatial_shapes[:, None].flip(-1).to(value)
    moved = (found.worked["sampling_locations"].value - references) * sizes
    assert torch.allclose(moved, value, atol=1e-3)


def a_box_is_divided_by_points_and_two(found, value, step):
    assert "\\term{reference_boxes}" in step.equation and "{K}" in step.equation
    boxes, offsets = (found.worked[n].value for n in ("reference_boxes", "sampling_offsets"))
    share = offsets / offsets.shape[2] * 0.5
    assert torch.allclose(value, boxes[:, None, :2] + share * boxes[:, None, 2:], atol=1e-5)


def there_is_a_gradient(found, value, step):
    assert float(value.abs().max()) > 0


def weights_of_each_level_sum_to_one(found, value, step):
    levels = value.shape[1]
    assert torch.allclose(value.sum(-1), torch.ones_like(value[..., 0]), atol=1e-5)
    assert value.sum((1, 2)) == pytest.approx(levels, rel=1e-4)
    assert not all(check.holds for check in step.checks)  # marked as broken


def only_the_query_speaks(found, value, step):
    assert set(step.terms) - {step.name} == {"weight_matrix", "query"}


def pixels_count_from_corner_to_corner(found, value, step):
    head, level, point = found.subject.head, found.subject.level, found.subject.point
    place = places(found)[head, level, point]
    height, width = found.sight.trace.spatial_shapes[level].tolist()
    aligned = place * torch.tensor([width - 1.0, height - 1.0])
    assert torch.allclose(value.reshape(2).float(), aligned, atol=1e-3)
    assert not torch.allclose(aligned, to_pixel_index(place, (height, width)), atol=1e-3)


def a_part_of_the_corners_lies_on_the_map(found, value, step):
    head, level, point = found.subject.head, found.subject.level, found.subject.point
    place = found.sight.trace.sampling_locations[0, head, level, point]
    height, width = found.sight.trace.spatial_shapes[level].tolist()
    pixel = to_pixel_index(place, (height, width))
    cells = [(pixel.floor() + torch.tensor(c)).tolist() for c in ([0, 0], [1, 0], [0, 1], [1, 1])]
    inside = [0 <= x < width and 0 <= y < height for x, y in cells]
    assert 0 < sum(inside) < 4
    assert 0 < float(value.sum()) < 1


def a_sample_far_outside_reads_nothing(found, value, step):
    assert float(value.abs().max()) == 0


def what_lies_outside_is_held_at_the_border(found, value, step):
    right = places(found)
    assert float(value.min()) >= 0 and float(value.max()) <= 1
    assert float(right.min()) < 0 or float(right.max()) > 1, "no sample of this query lies outside"


def references_forget_the_padding(found, value, step):
    assert torch.allclose(value, value[:1].expand_as(value))  # as if nothing were padded
    frame = found.sight.frame
    assert frame.resized_hw != frame.padded_hw


def references_differ_from_level_to_level(found, value, step):
    assert value.shape[0] > 1 and not torch.allclose(value[0], value[1], atol=1e-4)


def references_have_an_axis_of_levels(found, value, step):
    assert step.axes == "level xy"


def groups_have_grids_of_their_own(found, value, step):
    assert step.axes.startswith("group") and not torch.allclose(value[0], value[1], atol=1e-3)


def each_head_sums_to_one_over_its_knots(found, value, step):
    assert step.axes == "head knot"
    assert torch.allclose(value.sum(-1), torch.ones(len(value)).to(value), atol=1e-4)


def the_chosen_head_weighs_all_alike(found, value, step):
    of_head, logits = value[found.subject.head], found.worked["attention_logits"].value
    assert torch.allclose(of_head, torch.full_like(of_head, 1 / of_head.numel()), atol=1e-6)
    assert len(logits.view(len(value), -1)[found.subject.head].unique()) == 1


def the_box_is_another_one_than_its_reference(found, value, step):
    references = found.worked["references"].value
    assert value.shape == references.shape and not torch.allclose(value, references, atol=1e-3)


def the_next_layer_starts_cut_off(found, value, step):
    assert "detached: no gradient flows back" in read_prose("decoder").sections[step.name]


def the_best_class_ranks_the_tokens(found, value, step):
    assert len(value) == len(found.sight.detections.class_names) > 1  # channel 0 is a real class
    ranked = found.worked["best_token"]
    assert 'logits[..., 0] if score == "first_class" else logits.amax(-1)' in ranked.code
    assert "channel 0 says" in read_prose("proposals").sections[step.name]


def every_class_has_a_logit_of_its_own(found, value, step):
    assert len(value) == len(found.sight.detections.class_names)  # and none for the background
    assert float(value.sigmoid().sum()) != pytest.approx(1, abs=1e-3)


def the_bound_of_the_odds_is_in_the_code(found, value, step):
    assert "1e-5" in step.code and "1e-3" in step.code


def the_grid_lies_about_the_middle_and_the_code_knows_another(found, value, step):
    assert torch.allclose(value, -value.flip(0), atol=1e-6) and float(value.max()) < 1
    assert '"++"' in step.code


SEEN = {
    1: x_and_y_are_exchanged,
    2: height_and_width_are_exchanged,
    3: an_offset_counts_pixels_of_its_level,
    4: a_box_is_divided_by_points_and_two,
    7: there_is_a_gradient,
    8: the_chosen_head_weighs_all_alike,
    9: weights_of_each_level_sum_to_one,
    10: only_the_query_speaks,
    11: pixels_count_from_corner_to_corner,
    12: a_part_of_the_corners_lies_on_the_map,
    13: what_lies_outside_is_held_at_the_border,
    14: references_forget_the_padding,
    15: references_differ_from_level_to_level,
    16: references_differ_from_level_to_level,
    17: references_have_an_axis_of_levels,
    18: the_box_is_another_one_than_its_reference,
    19: the_next_layer_starts_cut_off,
    21: the_best_class_ranks_the_tokens,
    22: every_class_has_a_logit_of_its_own,
    24: the_bound_of_the_odds_is_in_the_code,
    34: a_sample_far_outside_reads_nothing,
    35: groups_have_grids_of_their_own,
    36: each_head_sums_to_one_over_its_knots,
    37: the_grid_lies_about_the_middle_and_the_code_knows_another,
}


def test_no_card_leads_to_a_step_that_nobody_looked_at():
    assert set(SEEN) == set(LINKED)


@pytest.mark.parametrize("number", SEEN)
def test_the_step_that_a_card_opens_shows_what_it_claims(seen, number):
    SEEN[number](*seen(number))


def test_the_page_of_checkpoints_crosses_where_a_star_begins():
    """Cards 5 and 6: a compass rose, and the points of a head on one line."""
    assert {card.number for card in CARDS if card.view == View("checkpoint")} == {5, 6}
    for star in offset_stars(load("deformable-detr-scenes")).values():
        first = torch.from_numpy(star.initial[:, :, :1])
        steps = torch.arange(1, star.initial.shape[2] + 1)[:, None]
        assert torch.allclose(torch.from_numpy(star.initial), first * steps.double(), atol=1e-6)
        rays = {tuple(ray) for ray in first[:, 0, 0].round(decimals=4).tolist()}
        assert rays == {(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)} - {(0, 0)}
        assert float(star.moved.max()) > 0  # the star on show is another one than its start


def test_the_box_of_a_layer_is_the_reference_of_the_next(seen):
    """Card 19, as the picture shows it."""
    found, box, _ = seen(19)
    later, _, _ = seen(19, layer="decoder.1")
    assert later.subject.query == found.subject.query
    torch.testing.assert_close(later.worked["references"].value, box, atol=1e-5, rtol=0)


def test_a_lesson_says_what_the_first_half_of_a_query_is():
    """Card 20."""
    view = CARDS[19].view
    step = lesson(view.params["lesson"])[view.params["step"]]
    assert "Half of the vector is the query's position" in step.text


def test_positions_of_two_systems_are_half_a_cell_apart():
    """Card 23, in its own words."""
    _, ours, theirs = CARDS[22].message().splitlines()
    assert ours == "Deformable DETR: 0.125, 0.375, 0.625, 0.875"
    assert theirs == "DETR: 0.250, 0.500, 0.750, 1.000"


@pytest.fixture(scope="module")
def compared():
    """What the page of five attentions draws of one of its pictures."""
    stored = next(one for one in read_index(SHIPPED_KEYS) if one.name == "garden")
    blob = decompress(stored.layer_gzip(LAYER))
    header, start = read_header(blob)
    places, at = {}, start
    for one in header["sets"]:
        queries = 1 if one["shared"] else header["queries"]
        count = queries * one["keys"] * 2
        floats = np.frombuffer(blob, "<f4", count, at)
        places[one["name"]], at = floats.reshape(queries, one["keys"], 2), at + 4 * count
    return read_picture(stored.picture_jpeg()), places


def test_the_nine_taps_on_the_picture_move_by_y_and_x_in_turn(compared):
    """Card 39: channel 2k of the offsets moves tap k down, channel 2k + 1 to the right."""
    picture, places = compared
    rows, columns = key_sets.MAP_HW
    layer = DeformableConv(key_sets.CHANNELS, key_sets.CHANNELS, 3, padding=1)
    torch.nn.init.normal_(
        layer.conv_offset.weight,
        std=key_sets.OFFSET_SPREAD / (key_sets.CHANNELS * 9) ** 0.5,
        generator=torch.Generator().manual_seed(key_sets.SEED),
    )
    with torch.no_grad():
        raw = layer.conv_offset(key_sets._features(picture))[0]
    y, x = np.mgrid[:rows, :columns]
    for tap in range(9):
        down, right = tap // 3 - 1, tap % 3 - 1
        wanted_x = (x + 0.5 + right + raw[2 * tap + 1].numpy()) / columns
        wanted_y = (y + 0.5 + down + raw[2 * tap].numpy()) / rows
        drawn = places["convolution"][:, tap].reshape(rows, columns, 2)
        np.testing.assert_allclose(drawn, np.stack([wanted_x, wanted_y], -1), atol=0.02)
    assert float(raw[:18].abs().max()) > 0.2  # cells: the picture's JPEG moves taps less


def test_a_deformable_convolution_says_that_it_starts_as_half_a_plain_one():
    """Card 40, in its own words."""
    mask, apart = CARDS[39].message().splitlines()
    assert mask == "mask at the start: 0.5"
    assert float(re.search(r"\d\S*e\S+", apart)[0]) < 1e-5


def test_the_switch_below_the_grid_shows_x_divided_by_the_height():
    """Card 41: as shipped the last column lies far outside, corrected it does not."""
    assert CARDS[40].view.page == "dat"
    grids = {grid.title: grid.knots_xy for grid in undeformed_grids((6, 8), 2)}
    assert {"lucidrains, shipped", "lucidrains, corrected"} < set(grids)
    assert grids["lucidrains, shipped"][..., 0].max() > 1.2
    assert 0 < grids["lucidrains, corrected"][..., 0].max() < 1


def test_statistics_below_a_grid_say_how_far_it_moved_and_how_much_it_stretched():
    """Card 38."""
    assert CARDS[37].view.page == "dat" and CARDS[37].view.link == "statistics"
    stored = read_index(SHIPPED_GRIDS)[0]
    for layer in stored.layers:
        found = grid_statistics(unpack_grid(stored.layer_gzip(layer)).trace)
        assert found.displacement > 0.01 and found.stretch != 1


def test_explore_opens_as_figure_6_was_coloured():
    """Card 43: by weight, in the decoder, where a box was found."""
    view = CARDS[42].view
    assert view.params["colour"] == "weight"
    stored = next(one for one in read_index(SHIPPED) if one.name == "beach-dusk")
    layer = unpack_layer(stored.layer_gzip(view.params["layer"]))
    assert layer.header["kind"] == "decoder" and any(layer.header["detections"])
