"""What is stored of a study says what it said, and what is shipped is what the model does."""

import numpy as np
import pytest

from deformviz.analysis.attribution_records import METHODS, QUANTITIES, Attribution
from deformviz.analysis.layers_studied import MOST_STEPS
from deformviz.analysis.study_store import FILE, pack_study, read_study, surest, unpack_study
from deformviz.analysis.verdict import verdict
from deformviz.tracing.store import SHIPPED, SHIPPED_GRIDS, read_index
from tests.conftest import ROOT

STORES = [
    pytest.param(SHIPPED, "decoder", id="dd"),
    pytest.param(SHIPPED_GRIDS, "stages", id="dat"),
]


@pytest.mark.parametrize(("store", "part"), STORES)
def test_every_shipped_picture_has_the_study_of_its_surest_answer(store, part):
    for stored in read_index(store):
        found = read_study(stored)
        assert found is not None, f"{stored.name} has no {FILE}"
        asked, study = surest(stored), found.answer.study
        assert (study.target.query, study.target.label) == (asked.query, asked.label)
        assert found.part == part and set(found.answer.layers) <= set(stored.layers)
        assert all(np.isfinite(one.completeness_error) for one in study.attributions.values())
        for layer in found.answer.layers:
            assert len(verdict(study, layer, "it")) >= 3


@pytest.mark.parametrize("store", [SHIPPED, SHIPPED_GRIDS])
def test_what_is_read_is_written_to_the_byte_and_not_taken_for_another_trace(store):
    stored = read_index(store)[0]
    blob = (stored.folder / FILE).read_bytes()
    found = read_study(stored)
    assert pack_study(found.answer, found.part, stored.key) == blob
    assert unpack_study(blob, "of another trace") is None


def test_one_query_is_kept_and_what_all_of_them_add_up_to():
    values = np.arange(3 * 2 * 1 * 4, dtype=float).reshape(3, 2, 1, 4)  # [query head level point]
    whole = Attribution("decoder.0", QUANTITIES[0], METHODS[0], values, 300.0, 10.0, 8)
    kept = whole.kept_of(1)
    assert kept.values.shape == (1, 2, 1, 4)
    np.testing.assert_array_equal(kept.of_query(1), values[1])
    assert kept.completeness_error == whole.completeness_error == pytest.approx(14 / 290)
    assert kept.kept_of(1).total == values.sum()
    with pytest.raises(KeyError, match="query 1 was kept; 2 was not"):
        kept.of_query(2)


@pytest.mark.slow
def test_what_is_shipped_is_what_the_model_does():
    import deformviz as dv
    from deformviz.analysis.attribution import attribute
    from deformviz.analysis.attribution_targets import Target, hold
    from deformviz.tracing.pictures import read_picture

    stored = next(one for one in read_index(SHIPPED) if one.name == "cat-and-ball")
    shipped = read_study(stored).answer
    asked, layer = surest(stored), "decoder.2"
    held = hold(
        dv.load("deformable-detr-scenes"),
        read_picture(ROOT / "sample_images" / "cat-and-ball.png"),
    )
    for method in METHODS:
        key = layer, QUANTITIES[0], method
        found = attribute(
            held,
            Target(asked.query, asked.label),
            *key,
            most_steps=MOST_STEPS["decoder"],
        )
        kept, view = shipped.study.attributions[key], shipped.layers[layer]
        worth = view.marks(found)
        np.testing.assert_allclose(view.marks(kept), worth, atol=1e-3 * np.abs(worth).max())
        assert kept.score == pytest.approx(found.score, abs=1e-4)
        assert kept.baseline_score == pytest.approx(found.baseline_score, abs=1e-4)
    weights = held.weights(layer)[asked.query].double().cpu().numpy()
    np.testing.assert_allclose(view.weights, weights, atol=1e-5)
