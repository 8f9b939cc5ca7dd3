"""One object followed, and the five pictures everybody draws: what a button of a replay shows."""

import pytest

from tests.drawing.scripts import modules

pytestmark = pytest.mark.browser
RUN = {"layers": ["encoder.0", "encoder.1", "decoder.0", "decoder.1"], "heads": 3, "levels": 2}
ALL = ([0, 1, 2], [0, 1])
WANTED = {  # name -> layer, start and end side by side, colour, lines, heads and levels, enlarged
    "object": ("decoder.1", False, "head", False, ALL, 1),
    "heads": ("encoder.1", True, "head", False, ALL, 1),
    "scales": ("encoder.1", True, "level", False, ALL, 1),
    "offsets": ("encoder.1", True, "head", True, ALL, 1),
    "star": ("encoder.1", True, "head", True, ([0], [0]), 2),
}
GRIDS = {
    "one_query": (False, {"importance": False, "lines": True, "mesh": True, "arrows": False}),
    "all_queries": (True, {"importance": True, "mesh": True, "arrows": False}),
    "way": (True, {"importance": True, "mesh": False, "arrows": True}),
}


def test_a_button_shows_what_its_name_says(browser):
    with modules(browser, "replay/presets") as page:
        found = page.evaluate(
            """(run) => [code.SAMPLING_PRESETS.map((one) => ({ name: one.name, beside: one.beside,
                 ...code.samplingPresetView(one, run) })),
               code.GRID_PRESETS.map((one) => [one.name, one.beside, code.gridPresetView(one)])]""",
            RUN,
        )
    samples, grids = found
    assert [one["name"] for one in samples] == list(WANTED)
    for one in samples:
        layer, beside, colour, lines, (heads, levels), zoom = WANTED[one["name"]]
        assert one["layerName"] == layer  # the last of its kind
        assert (one["beside"], one["zoom"]) == (beside, zoom)
        view = {"colour": colour, "lines": lines, "top": 0, "heads": heads, "levels": levels}
        assert one["view"] == view
    assert {name: (beside, shown["view"]) for name, beside, shown in grids} == GRIDS


def test_a_replay_opens_on_the_last_layer_of_the_decoder(browser):
    with modules(browser, "replay/kinds") as page:
        opens = page.evaluate(
            """(runs) => runs.map((names) => code.REPLAY_KINDS.sampling.firstLayer(names))""",
            [RUN["layers"], ["encoder.0", "encoder.1"]],
        )
    assert opens == ["decoder.1", "encoder.1"]
