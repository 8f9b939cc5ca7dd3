"""The commands for the small DAT, as a user types them."""

import re

import pytest

import deformviz as dv
from deformviz.cli import main
from deformviz.training.run_folder import RunFolder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    run = tmp_path_factory.mktemp("run") / "dat"
    assert main(["train", "dat", "--out", str(run), "--iterations", "1"]) == 0
    assert RunFolder(run).about()["kind"] == "dat"
    assert main(["export", str(run), str(run / "early.safetensors")]) == 0
    return run / "early.safetensors"


def test_an_exported_dat_loads_and_is_small(checkpoint):
    model = dv.load(checkpoint)
    assert model.load_report.system == "dat" and model.config.class_names[0] == "house"
    assert checkpoint.stat().st_size < 2_000_000


def test_evaluate_prints_the_accuracy_last(checkpoint, capsys):
    asked = ["evaluate", "dat", "--model", str(checkpoint), "--scenes", "4", "--seed", "9"]
    assert main([*asked, "--grids"]) == 0
    shares, accuracy = capsys.readouterr().out.splitlines()[-2:]
    assert re.fullmatch(r"accuracy [01]\.\d{3}", accuracy)
    assert re.fullmatch(
        r"on the object: attention 0\.\d{3}, knots 0\.\d{3}, "
        r"undeformed knots 0\.\d{3}",
        shares,
    )


def test_an_option_the_dat_does_not_have_is_refused(capsys):
    assert main(["train", "dat", "--device", "cuda"]) == 2
    assert "train dat knows neither" in capsys.readouterr().err
