"""Cards: a misconception, its answer, a view that shows it, and the test that guards it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from deformviz.walkthrough.prose import read_prose


@dataclass(frozen=True)
class View:
    """A page and what its address says, so that opening it shows the point."""

    page: str  # file of the view, "walkthrough", "explore", ..
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Card:
    """One question people ask and get wrong."""

    number: int
    test: str  # the test that guards the answer
    view: View | None = None  # None: nothing can be drawn
    message: Callable[[], str] | None = None  # what deformviz itself says to the case

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


def backends_here() -> str:
    """Which back ends run on this machine, and why the others do not."""
    from deformviz.attention.backends import report

    return "\n".join(
        f"{backend.name}: {'runs' if backend.runs else 'does not run'}; {backend.detail}"
        for backend in report()
    )


def refusal(provoke: Callable[[], object]) -> Callable[[], str]:
    """The sentence with which deformviz refuses something."""

    def message() -> str:
        try:
            provoke()
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        raise AssertionError("nothing was refused")

    return message


def references_without_levels() -> None:
    """Ask a layer with references [batch query xy]."""
    import torch

    from deformviz.walkthrough.toy import toy_inputs, toy_module

    inputs = toy_inputs()
    toy_module()(
        inputs.query, torch.full((1, 1, 2), 0.5), inputs.value_input, inputs.spatial_shapes
    )


def compiled_on_the_wrong_device() -> None:
    """Ask for the CUDA op with tensors on the CPU."""
    from deformviz.attention.backends import which_backend

    which_backend("cpu", "cuda")


def neighborhood_larger_than_the_map() -> None:
    """Ask for 7 neighbours on a map 5 pixels high."""
    from deformviz.attention.neighborhood import neighbors

    neighbors(5, 7)


QUESTIONS = "tests/walkthrough/test_questions.py::"
MODULE = "tests/attention/test_deformable.py::"
OP = "tests/attention/test_op.py::"
BREAKING = "tests/walkthrough/test_breaking.py::"
EXPLORE_START = View("explore", {"layer": "encoder.0"})
TAPS = View("compare_attention")  # nine taps beside four other attentions
STARS = View("checkpoint")  # of every layer, with crosses where training puts them at first
GRIDS = View("dat")  # with a switch that compares four codes

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
        step("decoder", "position"),
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
        step("multi_scale", "query", layer="encoder.0"),
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
        28, OP + "test_what_it_cannot_do_is_refused", message=refusal(compiled_on_the_wrong_device)
    ),
    Card(29, OP + "test_mixed_types_follow_value", message=backends_here),
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
        "tests/analysis/test_grid.py::test_a_shifted_grid_has_moved_but_not_stretched",
        step("dat", "offsets"),
    ),
    Card(
        39, "tests/attention/test_deformable_conv.py::test_the_function_equals_the_definition", TAPS
    ),
    Card(
        40,
        "tests/attention/test_deformable_conv.py::test_without_offsets_it_is_a_convolution",
        TAPS,
    ),
    Card(
        41, "tests/attention/test_lucidrains.py::test_corrected_frames_lie_along_the_frames", GRIDS
    ),
    Card(
        42,
        "tests/attention/test_neighborhood.py::"
        "test_at_a_border_the_window_moves_in_and_keeps_its_size",
        message=refusal(neighborhood_larger_than_the_map),
    ),
    Card(
        43,
        "tests/figures/test_sampling_figures.py::test_marker_area_grows_with_weight",
        EXPLORE_START,
    ),
)
