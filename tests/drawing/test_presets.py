"""The five pictures everybody draws of deformable attention: what each button of a replay shows."""

import pytest

from tests.drawing.scripts import modules

pytestmark = pytest.mark.browser
RUN = {"layers": ["encoder.0", "encoder.1", "decoder.0", "decoder.1"], "heads": 3, "levels": 2}
ALL = ([0, 1, 2], [0, 1])
WANTED = {  # name -> snapshot, colour, lines, heads and levels, enlarged
    "heads": ("now", "head", False, ALL, 1),
    "scales": ("now", "level", False, ALL, 1),
    "offsets": ("now", "head", True, ALL, 1),
    "star_start": ("first", "head", True, ([0], [0]), 2),
    "star_end": ("last", "head", True, ([0], [0]), 2),
}
GRIDS = {
    "one_query": ("now", {"importance": False, "lines": True, "mesh": True, "arrows": False}),
    "all_queries": ("now", {"importance": True, "mesh": True, "arrows": False}),
    "way": ("now", {"importance": True, "mesh": False, "arrows": True}),
    "all_start": ("first", {"importance": True, "mesh": True, "arrows": False}),
    "all_end": ("last", {"importance": True, "mesh": True, "arrows": False}),
}


def test_a_button_shows_what_its_name_says(browser):
    with modules(browser, "replay/presets") as page:
        found = page.evaluate(
            """(run) => [code.SAMPLING_PRESETS.map((one) => ({ name: one.name, at: one.at,
                 ...code.samplingPresetView(one, run) })),
               code.GRID_PRESETS.map((one) => [one.name, one.at, code.gridPresetView(one)])]""",
            RUN,
        )
    samples, grids = found
    assert [one["name"] for one in samples] == list(WANTED)
    for one in samples:
        at, colour, lines, (heads, levels), zoom = WANTED[one["name"]]
        assert one["layerName"] == "encoder.1"  # the last of its kind
        assert (one["at"], one["zoom"]) == (at, zoom)
        view = {"colour": colour, "lines": lines, "top": 0, "heads": heads, "levels": levels}
        assert one["view"] == view
    assert {name: (at, shown["view"]) for name, at, shown in grids} == GRIDS
