"""Every mark of the head atlas against the sums of a study."""

import pytest

from tests.drawing.engine import engine
from tests.drawing.oracle.atlas import SUBJECTS, Maps, Sheet
from tests.drawing.oracle.drawn import hold_against

WIDE, NARROW = SUBJECTS.values()


@pytest.mark.parametrize(
    ("query", "level", "pinned"), [(0, None, False), (7, 0, True), (15, 1, False), (6, 2, True)]
)
@pytest.mark.parametrize("subject", [WIDE, NARROW], ids=lambda subject: subject.name)
def test_every_map_lies_and_looks_as_its_sums_say(subject, query, level, pinned):
    oracle, drawing = Maps(subject, query, level, pinned), engine("atlas")
    layer = drawing.decode(subject.packed)
    width, height = oracle.size
    view = {"query": query, "level": level, "pinned": pinned}
    drawn = drawing.ask("marks", layer=layer, view=view, query=query, width=width, height=height)
    found = hold_against(drawn, oracle.layers(), lambda panel: Sheet)
    assert not found.wrong, "\n".join(found.wrong[:12])
    assert found.marks == 2 * 2 + 16 * 6 + 11 + 1
    aspect = drawing.evaluate(f"deformviz.aspect(layers[{layer}], {{}}, {width})")
    assert aspect == pytest.approx(width / height)


def test_a_head_in_words_is_what_its_sums_say():
    drawing = engine("atlas")
    layer = drawing.decode(WIDE.packed)
    asked = {"layer": layer, "query": 5 + 3, "width": 811, "height": 900}
    said = drawing.ask("words", **asked, view={"query": 8, "level": 1, "pinned": True})
    weights = WIDE.sums["decoder.0"].weights["all"][3]
    share = weights[1] / weights.sum()
    row, column = divmod(int(share.argmax()), 33)
    x, y = ((place - 16) / 33 * 2 * 2.0625 for place in (column, row))
    rim = 1 - share[1:-1, 1:-1].sum() / share.sum()
    assert said == (
        f"decoder.0 head 3 · {100 * share.sum():.0f} % of its weight is on level 1 · most often "
        f"{x:.1f}, {y:.1f} half sides from the box's centre · {100 * rim:.0f} % on the rim or "
        "beyond · pinned"
    )


def test_a_level_without_weight_is_said():
    drawing = engine("atlas")
    layer = drawing.decode(NARROW.packed)
    asked = {"layer": layer, "query": 1, "width": 371, "height": 900}
    said = drawing.ask("words", **asked, view={"query": 1, "level": 0})
    assert said == "encoder.0 head 1 puts no weight on level 0"
