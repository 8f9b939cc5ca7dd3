"""Lines over a training are means of the numbers that the run measured, of the right layer."""

import json

import numpy as np
import pytest

from deformviz.figures.theme import palette
from tests.drawing.engine import engine
from tests.drawing.oracle import signs

LAYERS, HEADS, LEVELS = ("encoder.0", "encoder.1", "decoder.2"), 3, 4
ITERATIONS = [0, 10, 300, 1000, 5623]
PER_LEVEL = {"spread": True, "entropy": False, "inside_share": False}  # statistics by head, level


def manifest(seed=5):
    """Numbers that all differ: layers, snapshots, heads and levels; some could not be measured."""
    rng = np.random.default_rng(seed)
    layers = {
        layer: {
            name: rng.uniform(
                0, 1, (len(ITERATIONS), HEADS, LEVELS) if deep else (5, HEADS)
            ).tolist()
            for name, deep in PER_LEVEL.items()
        }
        for layer in LAYERS
    }
    layers["encoder.1"]["inside_share"] = [[None] * HEADS for _ in ITERATIONS]
    return {
        "kind": "detector", "heads": HEADS, "levels": LEVELS, "layers": list(LAYERS),
        "layer_titles": {name: f"title of {name}" for name in LAYERS},
        "curves": {
            "iterations": ITERATIONS, "layers": layers,
            "scores": {"ap": rng.random(5).tolist(), "ap50": rng.random(5).tolist()},
        },
        "loss": [[1, 20, 400], [9.5, 4.0, 1.25]],
    }  # fmt: skip


def lines(run, statistic, grouping, layer, heads, levels):
    chosen = {"statistic": statistic, "grouping": grouping, "layerName": layer}
    chosen |= {"heads": heads, "levels": levels}
    given = ", ".join(json.dumps(each) for each in (run, chosen, palette(LEVELS)))
    return engine("replay", "sampling").evaluate(f"deformviz.linesOf({given})")


@pytest.mark.parametrize(
    ("known", "wanted", "shown"),
    [
        (["loss"], None, "loss"),  # nothing else is measured yet
        (["loss", "spread", "entropy"], None, "entropy"),  # it is now, and is the kind's first
        (["loss", "spread", "entropy"], "loss", "loss"),
        (["loss"], "spread", "loss"),
        ([], None, None),
    ],
)
def test_what_is_measured_later_takes_its_place_unless_something_was_chosen(known, wanted, shown):
    given = ", ".join(json.dumps(each) for each in (known, wanted, "entropy"))
    assert engine("replay", "sampling").evaluate(f"deformviz.statisticToShow({given})") == shown


GROUPED = [
    (statistic, grouping)
    for statistic, deep in PER_LEVEL.items()
    for grouping in ("heads", "layers", *(["levels"] if deep else []))
]


@pytest.mark.parametrize(("statistic", "grouping"), GROUPED)
@pytest.mark.parametrize("layer", LAYERS)
def test_a_line_is_the_mean_over_what_is_shown(statistic, layer, grouping):
    deep = PER_LEVEL[statistic]
    run, heads, levels = manifest(), [0, 2], [1, 3]
    found = lines(run, statistic, grouping, layer, heads, levels)
    measured = {
        name: np.array(each[statistic], float) for name, each in run["curves"]["layers"].items()
    }

    def mean(name, some_heads, some_levels):
        numbers = measured[name][:, some_heads]
        return (numbers[:, :, some_levels].mean(2) if deep else numbers).mean(1)

    wanted = {
        "heads": [
            (f"head {head}", signs.head_fill(head), mean(layer, [head], levels)) for head in heads
        ],
        "levels": [
            (f"level {level}", signs.level_fill(level, LEVELS), mean(layer, heads, [level]))
            for level in levels
        ]
        if deep
        else [],
        "layers": [
            (f"title of {name}", signs.head_fill(at), mean(name, heads, levels))
            for at, name in enumerate(LAYERS)
        ],
    }[grouping]
    assert [(line["name"], line["colour"]) for line in found] == [each[:2] for each in wanted]
    for line, (_, _, values) in zip(found, wanted, strict=True):
        assert [at for at, _ in line["points"]] == ITERATIONS
        drawn = [np.nan if value is None else value for _, value in line["points"]]
        np.testing.assert_allclose(drawn, values, atol=1e-12)


def test_loss_and_scores_are_drawn_as_they_were_written():
    run = manifest()
    (loss,) = lines(run, "loss", "heads", "encoder.0", [0], [0])
    assert loss["points"] == [list(pair) for pair in zip(*run["loss"], strict=True)]
    scores = lines(run, "scores", "heads", "encoder.0", [0], [0])
    assert [line["name"] for line in scores] == ["AP", "AP50"]
    for line, name in zip(scores, ("ap", "ap50"), strict=True):
        expected = zip(ITERATIONS, run["curves"]["scores"][name], strict=True)
        assert line["points"] == [list(pair) for pair in expected]
