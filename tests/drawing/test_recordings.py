"""Every recorded view is drawn as it was recorded, call by call, or a reason is given."""

import re
import tomllib
from fnmatch import fnmatchcase

import pytest

from tests.drawing import canvases
from tests.drawing.record import HERE, opened, read, read_drawn
from tests.drawing.views import VIEWS

PATIENCE_MS, STEP_MS = 6_000, 300
TOLERANCE = 0.011  # of numbers rounded to a hundredth
DIFFERENCES = tomllib.loads((HERE / "differences.toml").read_text()).get("difference", [])
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")

pytestmark = pytest.mark.browser


def same_line(one, other):
    """Equal text, and numbers that rounding may have parted."""
    if one == other:
        return True
    if NUMBER.sub("#", one) != NUMBER.sub("#", other):
        return False
    pairs = zip(NUMBER.findall(one), NUMBER.findall(other), strict=True)
    return all(abs(float(a) - float(b)) <= TOLERANCE for a, b in pairs)


def allowed(view, surface):
    """The patterns of lines that may differ; "" lets everything differ."""
    return [
        each.get("lines", "")
        for each in DIFFERENCES
        if fnmatchcase(view, each["views"]) and fnmatchcase(surface, each["surfaces"])
    ]


def differing(view, before, now):
    """Lines that differ and may not, as text."""
    found = [
        f"{name}: only {'before' if name in before else 'now'}" for name in before.keys() ^ now
    ]
    found = [line for line in found if "" not in allowed(view, line.partition(":")[0])]
    for name in before.keys() & now.keys():
        patterns = allowed(view, name)
        if "" in patterns:
            continue
        old, new = before[name].splitlines(), now[name].splitlines()
        if len(old) != len(new):
            found.append(f"{name}: {len(old)} lines before, {len(new)} now")
        for at, (one, other) in enumerate(zip(old, new, strict=False)):
            excused = any(re.search(p, one) and re.search(p, other) for p in patterns)
            if not excused and not same_line(one, other):
                found.append(f"{name}, line {at}: {one!r} before, {other!r} now")
    return found


SEEN = [  # maps of heads are held by their oracle in the default run
    pytest.param(view, marks=[pytest.mark.slow] if view.kind == "atlas" else []) for view in VIEWS
]


@pytest.mark.parametrize("view", SEEN, ids=lambda view: view.name)
def test_a_view_is_drawn_as_it_was_recorded(browser, view):
    before = read(view.kind)[view.name]
    with opened(browser, view) as page:
        waited = 0
        while found := differing(view.name, before, read_drawn(page)):
            if waited > PATIENCE_MS:
                pytest.fail(f"{len(found)} differences:\n" + "\n".join(found[:20]))
            page.wait_for_timeout(STEP_MS)
            waited += STEP_MS


def test_every_canvas_has_recorded_views_and_every_recording_a_view():
    assert {view.kind for view in VIEWS} == set(canvases.KINDS)
    for kind in canvases.KINDS:
        assert set(read(kind)) == {view.name for view in VIEWS if view.kind == kind}
        assert all(any(drawn.values()) for drawn in read(kind).values())


def test_a_reason_is_given_for_each_difference():
    for each in DIFFERENCES:
        assert len(each["reason"]) > 20, each
        assert any(fnmatchcase(view.name, each["views"]) for view in VIEWS), each


def test_what_differs_is_found():
    before = {"marks": "arc 1.5 2.5 3\nfillStyle = #fff", "photo": "fill"}
    assert differing("none", before, before) == []
    assert differing("none", before, {**before, "marks": "arc 1.51 2.5 3\nfillStyle = #fff"}) == []
    for marks in ("arc 2.5 1.5 3\nfillStyle = #fff", "arc 1.5 2.5 3\nfillStyle = #ffe", "arc 1.5"):
        assert differing("none", before, {**before, "marks": marks})
    assert differing("none", before, {"marks": before["marks"]}) == ["photo: only before"]
