"""The shipped studies: small, whole, and what the code of today would measure."""

import numpy as np
import pytest

from deformviz.survey.make import make, plan
from deformviz.survey.shipped import STUDIES, shipped_studies
from deformviz.survey.study import Study
from deformviz.survey.verdicts import verdicts

PICTURES, ROWS_OF = 2000, 50


@pytest.fixture(scope="module", params=STUDIES)
def study(request):
    return Study(shipped_studies()[request.param])


def test_both_are_shipped_in_less_than_three_megabytes():
    assert list(shipped_studies()) == list(STUDIES)
    files = [file for path in shipped_studies().values() for file in path.rglob("*")]
    assert sum(file.stat().st_size for file in files if file.is_file()) < 3e6


def test_sums_are_of_all_pictures_and_rows_of_the_first_fifty(study):
    assert study.complete and study.covered == PICTURES
    assert {sums.pictures for sums in study.sums.values()} == {PICTURES}
    assert study.pictures()["picture"].to_pylist() == list(range(ROWS_OF))
    assert not study.skipped()
    assert len(study.layers()) == ROWS_OF * 5 * 8 * 4


def test_rows_are_what_is_measured_today(study, tmp_path):
    settings, pictures = plan(study.settings.model, "scenes:2")
    make(tmp_path, settings, pictures)
    now, kept = Study(tmp_path).layers(), study.layers()
    assert len(now) == 2 * 5 * 8 * 4
    for name in now.column_names:
        ours, theirs = now[name].to_pylist(), kept[name].to_pylist()[: len(now)]
        if isinstance(ours[0], float):
            assert np.allclose(ours, theirs, rtol=1e-3, atol=1e-4, equal_nan=True), name
        else:
            assert ours == theirs, name


def test_before_its_training_every_head_is_on_its_star_and_after_it_none():
    found = {name: verdicts(Study(path)) for name, path in shipped_studies().items()}
    stars = {name: [v.heads for v in told if v.kind == "star"] for name, told in found.items()}
    assert len(stars["before-training"]) == 5 * 8 and not stars["trained"]
    assert all(f"{PICTURES:,} pictures" in v.text for told in found.values() for v in told)
