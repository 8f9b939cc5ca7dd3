"""Where every number of lessons and errata comes from: computed here, or reported by others.

A place is `lesson:step` or `note:name`; what it lists are the numbers that may stand there.
"""

import math
from collections.abc import Callable, Iterable

import torch

from deformviz.analysis import cost
from deformviz.attention.dat import DATAttention
from deformviz.attention.dat_reference import query_grid, reference_grid
from deformviz.attention.reference import star_offsets
from deformviz.geometry import level_starts, to_pixel_index
from deformviz.lessons import (
    answers_bilinear,
    answers_cost,
    answers_ladder,
    answers_levels,
    answers_notes,
    answers_softmax,
    answers_stages,
    answers_toy,
    answers_training,
)
from deformviz.lessons.ablations import (
    ACCURACY,
    AS_IT_IS,
    REPORTED,
    SHARED_SCENES,
    SMALL_ACCURACY,
)
from deformviz.lessons.calculators import NEIGHBORHOOD, OPERATOR, SIDE, SIZE_HW
from deformviz.lessons.notes import ERRATA
from deformviz.models.dat_presets import PUBLISHED
from deformviz.models.detector_config import DeformableDETRConfig
from deformviz.walkthrough import toy

DETECTOR = DeformableDETRConfig()  # the published one
HEADS, LEVELS, POINTS = DETECTOR.heads, DETECTOR.levels, DETECTOR.decoder_points
QUERIES, SAMPLES = DETECTOR.queries, DETECTOR.levels * DETECTOR.decoder_points
LOCATIONS = (OPERATOR["pictures"], QUERIES, HEADS, LEVELS, POINTS, 2)
# What nothing here can compute: papers' numbers (year and month first), and what myths say.
PAPERS = {"DETR": "2005.12872", "Deformable DETR": "2010.04159"}
MYTHS = {"count": 4068, "no-reference": 300}
EXAMPLES = {"logit": 10_000, "query": 7, "moved": 0.1}  # stand for any other number


def sizes_of_levels() -> list[int]:
    """Heights and widths, areas, their sum, and starts, of the picture of the operator's shapes."""
    sizes, (height, width) = [], (math.ceil(side / 8) for side in SIZE_HW)
    for _ in range(LEVELS):
        sizes.append((height, width))
        height, width = math.ceil(height / 2), math.ceil(width / 2)
    areas = [tall * wide for tall, wide in sizes]
    return [*(side for size in sizes for side in size), *areas, sum(areas), *level_starts(sizes)]


def heads_of_the_toy() -> list[float]:
    """What its two heads say of the channel they read, and by what the second one is mixed in."""
    module, _, trace = answers_toy._looked()
    mixed = module.output_proj.weight.detach()
    heads = answers_toy.ms_deform_attn_reference(
        trace.value, toy.SHAPES_HW, trace.sampling_locations, trace.attention_weights
    )
    return [float(heads[0, 0, 0]), float(heads[0, 0, 1]), float(mixed[0, 1])]


def softmax_of_large_numbers() -> list[float]:
    logits = torch.tensor([EXAMPLES["logit"], EXAMPLES["logit"] + 1.0])
    return [*logits.tolist(), *logits.softmax(0).tolist()]


def weight_on_the_object() -> list[float]:
    """At the start, after 1,000 iterations and at the end; and when that was."""
    iterations = answers_training._curves()["iterations"]
    shares = answers_training._of_last_layer("inside_share")
    at = dict(zip(iterations, shares, strict=True))
    return [at[0], at[1000], at[iterations[-1]], 1000, 3000, iterations[-1]]


def stages_of(preset: str) -> list[float]:
    """Side of the picture, of the maps, strides, and keys of a layer of every stage."""
    strides = [stage.stride for stage in PUBLISHED[preset].stages]
    sides = [SIDE // 4 // 2**stage for stage in range(4)]
    keys = [(side // stride) ** 2 for side, stride in zip(sides, strides, strict=True)]
    return [SIDE, *sides, *strides, *keys]


def pairs_of_layers() -> list[float]:
    """How often two letters stand in a stage, in both versions."""
    models = (PUBLISHED["dat_tiny"], PUBLISHED["dat_pp_tiny"])
    return [len(stage.blocks) / 2 for model in models for stage in model.stages]


def continuous_bias(side: int = 64, stride: int = 4) -> list[float]:
    """Of a map: side, stride, a table's shape, queries, keys, keys on a side, and the 2 of 2H."""
    table = DATAttention(16, HEADS, 1, (side, side), version="v1").rpe_table
    return [side, stride, *table.shape, side**2, (side // stride) ** 2, side // stride, 2]


def factors_of_the_formula() -> list[float]:
    """Of pairs of dense attention, of sampling, and of predicting offsets and weights."""
    sizes = cost.AttentionSizes(queries=7, pixels=11, channels=13, heads=2, points=3)
    one_key_more = cost.dense_cost(7, 12, 13) - cost.dense_cost(7, 11, 13)
    return [
        (one_key_more - 2 * 13**2) / (7 * 13),
        cost.sampling_cost(sizes) / (7 * 3 * 13),
        cost.prediction_cost(sizes) / (7 * 13 * 2 * 3),
    ]


def encoder_of_the_paper() -> list[float]:
    """Sides, tokens, millions of pairs, billions of multiply-adds, and how much dearer."""
    sizes = answers_cost.encoder_sizes()
    dense = cost.dense_cost(sizes.queries, sizes.pixels, sizes.channels)
    return [
        *answers_cost.PAPER_SIZE_HW,
        sizes.pixels,
        answers_cost.encoder_pairs() / 1e6,
        dense / 1e9,
        cost.module_cost(sizes) / 1e9,
        answers_cost.encoder_ratio(),
    ]


def of_erratum(name: str) -> list[float]:
    value = next(one.value for one in ERRATA if one.name == name)
    return value if isinstance(value, list) else [value]


def span_of_displacements() -> list[int]:
    ends = query_grid((3, 4), "++", torch.zeros(1)).amax(), torch.tensor(-1.0)
    return [int(ends[0] - ends[1]), int(ends[1] - ends[0])]


def reported_of_dat() -> list[float]:
    return [float(said.split()[-1].lstrip("+")) for said in REPORTED.values()]


def degrees_between_rays() -> float:
    x, y = star_offsets(HEADS, 1, 1).view(HEADS, 2)[1].tolist()
    return math.degrees(math.atan2(y, x))


def pixel_of_location_0() -> float:
    return float(to_pixel_index(torch.zeros(2), (3, 4))[0])


def first_row_of_the_toy() -> list[float]:
    cells = answers_bilinear.toy_map()
    return [1.5, float(cells[1, 0]), float(cells[0, 2])]


def gains_of_the_toy() -> list[float]:
    """A small move, one over each weight of head 0, the steepest slope, what its sample reads."""
    shares = [1 / weight for level in toy.WEIGHTS[0] for weight in level]
    slopes, cells = answers_toy.slopes_px(), toy.toy_inputs().value_input
    return [EXAMPLES["moved"], *shares, -slopes[1, 1], float(cells[0, 13, 0])]


def first_knot_of_seven() -> list[float]:
    corner = reference_grid((7, 7), "v1", torch.zeros(1, dtype=torch.float64))[0, 0]
    return [7, 7 * float(corner), 2, -1, 0.5]


SAID: dict[str, Callable[[], Iterable[float]]] = {
    "bill:slow": lambda: [
        *(part for reported in answers_cost.REPORTED.values() for part in reported),
        *answers_cost.EPOCH_CHOICES,
        2000 + int(PAPERS["DETR"][:2]),
    ],
    "bill:every-pair": encoder_of_the_paper,
    "bill:dearer": lambda: [
        *encoder_of_the_paper(),
        *factors_of_the_formula(),
        POINTS,
        LEVELS,
        HEADS,
        HEADS * SAMPLES,
        QUERIES,
    ],
    "bill:flip": lambda: [*encoder_of_the_paper(), SAMPLES, answers_cost.flip(), QUERIES],
    "comparing:two-logits": lambda: [math.log(9), 9, answers_softmax.weight_of_log_nine()],
    "comparing:too-large": softmax_of_large_numbers,
    "comparing:without-keys": lambda: [HEADS * SAMPLES],
    "between-pixels:which-pixel": lambda: [
        4,
        0.5,
        answers_bilinear.index_of_the_middle(),
        pixel_of_location_0(),
    ],
    "between-pixels:one-and-a-half": first_row_of_the_toy,
    "few-points:where": lambda: [
        *toy.toy_inputs().references[0, 0, 0].tolist(),
        toy.SHAPES_HW[0][1],
        toy.OFFSETS[0][0][0][0],
        answers_toy.first_location_x(),
    ],
    "few-points:by-hand": lambda: [*heads_of_the_toy(), answers_toy.output_first()],
    "few-points:the-second": lambda: [
        heads_of_the_toy()[1],
        answers_toy.output_second(),
        float(answers_toy._looked()[2].sampling_locations[0, 0, 1, 1, 1, 0]),
    ],
    "few-points:most-to-gain": gains_of_the_toy,
    "few-points:how-many": lambda: [HEADS, LEVELS, POINTS, answers_toy.samples_of_a_query()],
    "levels:one-step": lambda: [
        answers_levels.WIDTH_PX,
        *(width for _, width in answers_levels.SHAPES),
        answers_levels.step_on_the_last_level(),
        answers_levels.WIDTH_PX / answers_levels.SHAPES[0][1],
    ],
    "levels:in-a-box": lambda: [POINTS],
    "levels:sum-of-a-level": lambda: [POINTS, LEVELS],
    "star-to-gaze:eight-rays": lambda: [degrees_between_rays()],
    "star-to-gaze:how-far": lambda: [POINTS],
    "star-to-gaze:when": weight_on_the_object,
    "query-to-box:point": lambda: [MYTHS["no-reference"]],
    "query-to-box:proposals": lambda: [
        QUERIES,
        EXAMPLES["query"],
        answers_ladder.queries_of_the_shipped_model(),
    ],
    "one-grid:how-far": lambda: [reported_of_dat()[-1], 2, -1],
    "one-grid:on-the-object": lambda: [SHARED_SCENES],
    "one-grid:without": lambda: [
        ACCURACY[AS_IT_IS],
        ACCURACY["offsets_off"],
        *SMALL_ACCURACY.values(),
        *reported_of_dat(),
    ],
    "dat-plus-plus:stages": pairs_of_layers,
    "dat-plus-plus:keys-per-stage": lambda: stages_of("dat_pp_tiny"),
    "dat-plus-plus:first-version": lambda: stages_of("dat_tiny"),
    "dat-plus-plus:bias": lambda: [*continuous_bias(), HEADS],
    "dat-plus-plus:neighbours": lambda: [NEIGHBORHOOD, answers_stages.neighbours()],
    "detective:mirrored": lambda: [pixel_of_location_0()],
    "detective:too-much": lambda: [LEVELS],
    "detective:by-a-little": lambda: [
        pixel_of_location_0(),
        answers_cost.STRIDES[-1] / 2,
        answers_cost.STRIDES[0] / 2,
    ],
    "detective:six-arguments": lambda: [*SIZE_HW, *sizes_of_levels()],
    "detective:locations": lambda: [*LOCATIONS, SAMPLES, max(sizes_of_levels())],
    "note:mask": lambda: of_erratum("mask"),
    "note:short-form": lambda: [
        *of_erratum("short-form"),
        *factors_of_the_formula(),
        HEADS,
        POINTS,
    ],
    "note:count": lambda: [
        *of_erratum("count"),
        *answers_notes.COUNTS,
        answers_notes.COUNTS[2] ** 2,
        MYTHS["count"],
    ],
    "note:depthwise": lambda: of_erratum("depthwise"),
    "note:nearest-four": lambda: [*of_erratum("nearest-four"), 5, 7],
    "note:range": lambda: [*(7, 7 * answers_notes.largest_offset(), -1), *span_of_displacements()],
    "note:corners": lambda: [-1],
    "note:one-linear": lambda: [*of_erratum("one-linear"), 2, 3],
    "note:edges": first_knot_of_seven,
    "note:paper-link": lambda: [float(number) for number in PAPERS.values()],
    "note:four-offsets": lambda: [*of_erratum("four-offsets"), HEADS, LEVELS, POINTS],
    "note:learnable-offsets": lambda: of_erratum("learnable-offsets"),
    "note:offset-network": lambda: [*of_erratum("offset-network")[4:], 5],
    "note:no-reference": lambda: [QUERIES, 2],
    "note:shape-of-offsets": lambda: LOCATIONS,
    "term:tanh": lambda: [float(torch.tensor(-1e9).tanh())],
}
