"""The formula of costs: as products, as functions, and as counted while a real module runs."""

import random
import time

import pytest

from deformviz.analysis.cost import AttentionSizes, flip_queries
from deformviz.walkthrough.complexity import TERMS, complexity
from deformviz.walkthrough.costs import levels_hw

MAP_HW = (5, 7)
PIXELS = 5 * 7 + 3 * 4 + 2 * 2


def sizes(queries=6, channels=24, heads=3, points=2, levels=3):
    return AttentionSizes(queries, PIXELS, channels, heads, points, levels)


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.name)
def test_a_term_as_a_product_is_the_function_that_computes_it(term):
    rng = random.Random(3)
    for _ in range(20):
        letters = AttentionSizes(*(rng.randint(1, 40) for _ in range(6)))
        assert term.of(letters) == term.compute(letters) > 0


def test_a_product_is_written_in_the_letters_of_the_paper():
    assert [term.equation for term in TERMS] == [
        "N_q C^2",
        "H W C^2",
        "N_q L K C^2",
        "5 N_q L K C",
        "3 N_q C M L K",
    ]


def test_the_formula_by_hand_is_what_the_module_is_counted_to_do():
    # 6·24² + 51·24² + 5·6·3·2·24 + 3·6·24·3·3·2 = 3456 + 29376 + 4320 + 7776
    assert sum(height * width for height, width in levels_hw(MAP_HW, 3)) == PIXELS == 51
    found = complexity(sizes(), MAP_HW)
    assert float(found["module_cost"].value) == float(found.module_output) == 44928
    assert float(found["deformable_cost"].value) == 44928 - 29376 + 6 * 6 * 24**2


def test_min_flips_where_the_two_ways_cost_the_same():
    assert flip_queries(sizes()) == PIXELS / 6 == 8.5
    for queries, way in ((8, "sample_first_cost"), (9, "value_first_cost")):
        found = complexity(sizes(queries=queries), MAP_HW)
        costs = {
            name: float(found[name].value) for name in ("sample_first_cost", "value_first_cost")
        }
        assert min(costs, key=costs.get) == way


def test_an_encoder_of_a_large_picture_is_counted_without_being_computed():
    hw = (200, 267)
    pixels = sum(height * width for height, width in levels_hw(hw, 4))
    started = time.perf_counter()
    found = complexity(AttentionSizes(pixels, pixels, 256, 8, 4, 4), hw)
    assert found.difference == 0 and float(found.module_output) > 1e10
    assert time.perf_counter() - started < 10


def test_pixels_that_are_not_those_of_the_levels_are_refused():
    with pytest.raises(ValueError, match="sizes.pixels is 51; the levels have 35"):
        complexity(AttentionSizes(6, 51, 24, 3, 2, 1), MAP_HW)
