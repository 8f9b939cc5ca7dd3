"""Curves of a DAT's training: numbers counted by hand, and a short real run looked at again."""

import numpy as np
import pytest
import torch

from deformviz.analysis.grid_curves import (
    grid_curves,
    grid_layer_statistics,
    read_grid_scores,
)
from deformviz.analysis.replay import Replay
from deformviz.tracing.run import run
from deformviz.training.dat import DATTraining
from deformviz.training.run_folder import RunFolder, RunFolderError
from tests.analysis.test_grid import trace_of, two_groups
from tests.training.test_dat import tiny_recipe


def test_a_regular_grid_has_not_moved_and_even_attention_has_most_entropy():
    found = grid_layer_statistics(trace_of())
    assert found["displacement"] == [0, 0]
    assert found["entropy"] == pytest.approx([np.log(6)] * 2, abs=1e-4)
    assert found["heaviest"] == pytest.approx([1 / 6] * 2, abs=1e-4)
    assert "inside_share" not in found


def test_each_head_answers_for_its_own_attention():
    keen = np.zeros((2, 24, 6))
    keen[0, :, 0], keen[1, :, 5] = 1.0, 1.0  # one head on the object, one off it
    mask = np.zeros((12, 18), bool)
    mask[:, :6] = True
    found = grid_layer_statistics(trace_of(shift_yx=(0.5, 0.0), weights=keen), mask)
    assert found["displacement"] == pytest.approx([0.5, 0.5])  # rows are 1 apart
    assert found["entropy"] == [0, 0] and found["heaviest"] == [1, 1]
    assert found["inside_share"] == [1, 0]


def test_curves_have_a_place_for_every_snapshot_measured_or_not():
    numbers = {"displacement": [0.25, 0.5]}
    curves = grid_curves(
        {7: {"stages.1.attns.0": numbers}, 0: {"stages.1.attns.0": numbers}},
        [{"iteration": 7, "accuracy": 0.75}],
    )
    assert curves["iterations"] == [0, 7]
    assert curves["layers"] == {"stages.1.attns.0": {"displacement": [[0.25, 0.5]] * 2}}
    assert curves["scores"] == {"accuracy": [None, 0.75]}


def test_every_layer_and_snapshot_keeps_its_own_numbers():
    measured = {
        iteration: {
            layer: {"displacement": [iteration + depth, 0.5], "heaviest": [depth, iteration]}
            for depth, layer in enumerate(["stages.1.attns.0", "stages.2.attns.1"])
        }
        for iteration in (5, 0, 9)
    }
    curves = grid_curves(measured)
    for layer, depth in (("stages.1.attns.0", 0), ("stages.2.attns.1", 1)):
        assert curves["layers"][layer]["displacement"] == [[at + depth, 0.5] for at in (0, 5, 9)]
        assert curves["layers"][layer]["heaviest"] == [[depth, at] for at in (0, 5, 9)]


def test_heads_of_two_groups_moved_as_far_as_their_own_grid():
    found = grid_layer_statistics(two_groups(np.full((4, 24, 6), 1 / 6)))
    assert found["displacement"] == pytest.approx([0, 0, 0.5, 0.5])


@pytest.mark.parametrize("text", ["{", '[{"accuracy": 1}]', "[3]"])
def test_scores_that_are_none_are_refused(tmp_path, text):
    assert read_grid_scores(RunFolder(tmp_path)) == []
    (tmp_path / "grids.json").write_text(text)
    with pytest.raises(RunFolderError, match="cannot be read as rows of numbers"):
        read_grid_scores(RunFolder(tmp_path))


def test_a_snapshot_of_a_dat_does_what_the_model_did_then(tmp_path):
    folder, picture = RunFolder(tmp_path), np.full((20, 32, 3), 90, np.uint8)
    picture[5:15, 8:20] = 220
    training = DATTraining(tiny_recipe(iterations=3), folder)
    for _ in training.run():
        pass
    replay = Replay(folder)
    assert replay.iterations() == [0, 3]
    start, end = (replay.trace(i, picture)["stages.1.attns.0"] for i in (0, 3))
    torch.testing.assert_close(start.positions, start.reference_grid)
    assert (end.positions - end.reference_grid).abs().max() > 1e-5
    now = run(training.model.eval(), picture)["stages.1.attns.0"]
    torch.testing.assert_close(end.positions, now.positions, atol=2e-3, rtol=0)  # kept as half
    torch.testing.assert_close(end.attention_weights, now.attention_weights, atol=2e-3, rtol=0)
