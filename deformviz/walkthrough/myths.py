"""Cards: a misconception, its answer, a view that shows it, and the test that guards it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from deformviz.walkthrough.card_messages import (
    a_fresh_deformable_convolution,
    backends_here,
    compiled_on_the_wrong_device,
    half_a_cell,
    neighborhood_larger_than_the_map,
    references_without_levels,
    refusal,
)
from deformviz.walkthrough.prose import read_prose

# Which cards belong together; the words of a topic are `card.topic.<name>`.
TOPICS = {
    "places": (1, 2, 3, 4, 11, 12, 13, 14, 15, 16, 17),
    "start": (5, 6, 7, 8),
    "weights": (9, 10),
    "queries": (18, 19, 20, 21, 22, 23, 24),
    "machines": (25, 26, 27, 28, 29, 30, 31, 32, 33, 34),
    "relatives": (35, 36, 37, 38, 39, 40, 41, 42),
    "figures": (43,),
}


@dataclass(frozen=True)
class View:
    """A page and what its address says, so that opening it shows the point."""

    page: str  # file of the view, "walkthrough", "explore", ..
    params: dict[str, str] = field(default_factory=dict)
    link: str = ""  # whose words the link has, `card.link.<name>`; "": the page's


@dataclass(frozen=True)
class Card:
    """One question people ask and get wrong."""

    number: int
    test: str  # the test that guards the answer
    view: View | None = None  # None: nothing can be drawn
    message: Callable[[], str] | None = None  # what deformviz itself says to the case

    @property
    def topic(self) -> str:
        (found,) = (topic for topic, numbers in TOPICS.items() if self.number in numbers)
        return found

    @property
    def title(self) -> str:
        return self._lines()[0].removeprefix("### ")

    @property
    def myth(self) -> str:
        return next(line[2:] for line in self._lines() if line.startswith("> "))

    @property
    def answer(self) -> str:
        return self._lines()[-1]

    def _lines(self) -> list[str]:
        text = read_prose("myths").sections[str(self.number)]
        return [line for line in text.splitlines() if line]

    def matches(self, wish: str) -> bool:
        """Whether every word of a search occurs somewhere on the card."""
        text = f"{self.number} {self.title} {self.myth} {self.answer}".lower()
        return all(word in text for word in wish.lower().split())


def step(derivation: str, name: str, **params: str) -> View:
    """A step of a derivation, on the picture that Explore shows."""
    return View("walkthrough", {"derivation": derivation, "step": name, **params})


def toy(derivation: str, name: str, **params: str) -> View:
    """The same on the hand-sized example."""
    return step(derivation, name, example="toy", **params)


QUESTIONS = "tests/walkthrough/test_questions.py::"
MODULE = "tests/attention/test_deformable.py::"
OP = "tests/attention/test_op.py::"
BREAKING = "tests/walkthrough/test_breaking.py::"
FIGURE_6 = View("explore", {"layer": "decoder.2", "colour": "weight"})
TAPS = View("compare_attention")  # nine taps beside four other attentions
STARS = View("checkpoint")  # of every layer, with crosses where training puts them at first
GRIDS = View("dat")  # with a switch that compares four codes
STATISTICS = View("dat", link="statistics")  # below the grid
LESSON_OF_POINTS = View("learn", {"lesson": "query-to-box", "step": "point"})

CARDS = (
    Card(
        1,
        MODULE + "test_an_offset_of_one_moves_a_point_by_one_column_or_row_of_its_level",
        step("multi_scale", "sampling_locations", mistake="swap_xy"),
    ),
    Card(
        2,
        BREAKING + "test_height_and_width_swapped_stretch_offsets_of_a_wide_map",
        step("multi_scale", "sampling_locations", mistake="swap_hw", layer="encoder.0"),
    ),
    Card(
        3,
        QUESTIONS + "test_a_step_doubles_per_level_with_points_and_stays_with_boxes",
        step("multi_scale", "sampling_offsets", layer="encoder.0"),
    ),
    Card(
        4,
        MODULE + "test_with_boxes_point_k_reaches_k_of_K_of_the_half_size_on_every_level",
        step("multi_scale", "sampling_locations", layer="decoder.0"),
    ),
    Card(
        5,
        MODULE + "test_eight_heads_start_along_eight_compass_rays_with_y_down",
        STARS,
    ),
    Card(
        6,
        QUESTIONS + "test_at_the_start_the_points_of_a_head_lie_on_one_line",
        STARS,
    ),
    Card(
        7,
        QUESTIONS + "test_the_star_is_a_parameter_that_trains",
        step("gradients", "offset_gradient"),
    ),
    Card(
        8,
        MODULE + "test_at_the_start_every_query_has_the_same_star_and_uniform_weights",
        toy("multi_scale", "attention_weights", head="1"),
    ),
    Card(
        9,
        MODULE + "test_weights_sum_to_one_over_levels_and_points_together",
        step("multi_scale", "attention_weights", mistake="softmax_over_points"),
    ),
    Card(
        10,
        QUESTIONS + "test_weights_do_not_look_at_the_keys_but_those_of_dat_do",
        step("multi_scale", "attention_logits"),
    ),
    Card(
        11,
        MODULE + "test_pixel_centres_read_back_the_map",
        step("bilinear", "pixel", mistake="align_corners"),
    ),
    Card(
        12,
        MODULE + "test_up_to_one_pixel_outside_a_point_still_counts_in_part",
        toy("bilinear", "corner_weights", head="1", level="0", point="1"),
    ),
    Card(
        13,
        "tests/analysis/test_sampling.py::test_outside_share_counts_weight_not_points",
        step(
            "multi_scale",
            "sampling_locations",
            mistake="border_padding",
            layer="encoder.0",
            query="0",
        ),  # fmt: skip
    ),
    Card(
        14,
        "tests/test_geometry.py::test_a_point_of_a_padded_picture_by_hand",
        step("decoder", "padded_references", mistake="forget_valid_ratios"),
    ),
    Card(
        15,
        QUESTIONS + "test_valid_ratios_differ_between_levels_by_rounding",
        toy("multi_scale", "reference_points"),
    ),
    Card(
        16,
        QUESTIONS + "test_references_are_scaled_afresh_for_every_level",
        toy("multi_scale", "reference_points"),
    ),
    Card(
        17,
        QUESTIONS + "test_references_without_levels_are_refused",
        toy("multi_scale", "reference_points"),
        refusal(references_without_levels),
    ),
    Card(18, QUESTIONS + "test_references_move_only_with_refinement", step("decoder", "box")),
    Card(
        19, QUESTIONS + "test_no_gradient_flows_through_a_refined_reference", step("decoder", "box")
    ),
    Card(
        20,
        QUESTIONS + "test_the_first_half_of_a_query_embedding_is_its_position",
        LESSON_OF_POINTS,
    ),
    Card(
        21,
        QUESTIONS + "test_proposals_are_ranked_by_channel_0_or_by_the_best_class",
        step("proposals", "class_logits"),
    ),
    Card(
        22,
        "tests/models/test_preprocess.py::"
        "test_one_query_may_be_found_twice_and_boxes_are_in_original_pixels",
        step("decoder", "class_logits"),
    ),
    Card(
        23,
        QUESTIONS + "test_positions_are_half_a_cell_before_those_of_detr",
        message=half_a_cell,
    ),
    Card(
        24,
        QUESTIONS + "test_the_bound_of_the_odds_decides_at_the_border",
        step("decoder", "reference_logits"),
    ),
    Card(25, OP + "test_any_size_equals_the_reference", message=backends_here),
    Card(
        26, QUESTIONS + "test_the_kernels_use_nothing_that_torch_has_removed", message=backends_here
    ),
    Card(
        27, QUESTIONS + "test_the_kernels_use_nothing_that_torch_has_removed", message=backends_here
    ),
    Card(
        28,
        QUESTIONS + "test_a_library_of_another_machine_leaves_the_plain_version_and_the_reason",
        message=refusal(compiled_on_the_wrong_device),
    ),
    Card(
        29,
        QUESTIONS + "test_sixteen_bits_make_one_of_places_that_float32_keeps_apart",
        message=backends_here,
    ),
    Card(30, OP + "test_batches_of_any_size", message=backends_here),
    Card(31, QUESTIONS + "test_every_gpu_computes_where_its_tensors_are", message=backends_here),
    Card(32, OP + "test_recorded_original", message=backends_here),
    Card(33, QUESTIONS + "test_an_exported_layer_samples_with_grid_sampler", message=backends_here),
    Card(
        34,
        OP + "test_borders_centres_and_far_outside",
        toy("bilinear", "corner_weights", head="1", level="1", point="1"),
    ),
    Card(
        35,
        "tests/attention/test_dat.py::test_heads_attend_to_the_knots_of_their_own_group",
        step("dat", "positions"),
    ),
    Card(
        36,
        QUESTIONS + "test_with_a_stride_of_one_dat_has_a_key_for_every_pixel",
        step("dat", "attention_weights"),
    ),
    Card(
        37,
        QUESTIONS + "test_the_reference_grids_of_the_two_dat_codes",
        step("dat", "reference_grid"),
    ),
    Card(
        38,
        "tests/analysis/test_grid.py::test_moving_and_stretching_are_measured_apart",
        STATISTICS,
    ),
    Card(
        39, "tests/attention/test_deformable_conv.py::test_the_trace_says_where_the_taps_went", TAPS
    ),
    Card(
        40,
        "tests/attention/test_deformable_conv.py::test_it_starts_as_half_a_convolution",
        message=a_fresh_deformable_convolution,
    ),
    Card(
        41, "tests/attention/test_lucidrains.py::test_corrected_frames_lie_along_the_frames", GRIDS
    ),
    Card(
        42,
        QUESTIONS + "test_neighborhood_attention_is_plain_torch_with_its_bias",
        message=refusal(neighborhood_larger_than_the_map),
    ),
    Card(
        43,
        "tests/drawing/test_sampling_oracle.py::test_every_mark_lies_and_looks_as_the_trace_says",
        FIGURE_6,
    ),
)
