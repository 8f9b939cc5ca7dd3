"""The commands, as a user types them: train, export, evaluate, precompute, and their mistakes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import deformviz as dv
from deformviz.cli import COMMANDS, main
from deformviz.training.run_folder import RunFolder

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "detector"
    assert main(["train", "detector", "--out", str(folder), "--iterations", "2"]) == 0
    return folder


@pytest.fixture(scope="module")
def checkpoint(run_folder):
    path = run_folder.parent / "early.safetensors"
    assert main(["export", str(run_folder), str(path)]) == 0
    return path


def test_a_run_leaves_its_recipe_command_and_snapshots(run_folder):
    folder = RunFolder(run_folder)
    about = folder.about()
    assert about["recipe"]["iterations"] == 2 and about["kind"] == "detector"
    assert about["command"].startswith("deformviz train detector")
    assert list(folder.snapshots()) == [0, 2]


def test_an_exported_checkpoint_says_where_it_comes_from(checkpoint):
    model = dv.load(checkpoint)
    facts = model.load_report.metadata
    said = [facts[name] for name in ("trained_on", "iterations", "seed")]
    assert said == ["rendered scenes", "2", "0"]
    assert model.config.class_names[0] == "house"
    assert checkpoint.stat().st_size < 8_000_000


def test_evaluate_prints_one_line_in_the_agreed_form(checkpoint, capsys):
    asked = ["evaluate", "detector", "--model", str(checkpoint), "--scenes", "2", "--size", "64"]
    assert main(asked) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(r"AP -?\d\.\d{3} AP50 -?\d\.\d{3} AP75 -?\d\.\d{3}", last)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["evaluate", "--model", "nothing.pth"], "neither a shipped model nor a file"),
        (["export", "no-such-run", "x.safetensors"], "it has no run.json"),
    ],
)
def test_a_mistake_ends_with_one_sentence(arguments, message, capsys):
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert message in said and "Traceback" not in said and said.count("\n") == 1


def test_the_module_and_the_command_are_the_same():
    shown = subprocess.run(
        [sys.executable, "-m", "deformviz", "--help"], check=True, capture_output=True, text=True
    ).stdout
    assert set(COMMANDS) <= set(shown.split())


def test_look_writes_what_the_name_of_the_file_says(tmp_path, capsys):
    picture = str(ROOT / "sample_images" / "garden.png")
    table, page = tmp_path / "points.csv", tmp_path / "page.html"
    model = "deformable-detr-scenes"
    assert main(["look", model, picture, "--to", str(table), "--layer", "decoder.1"]) == 0
    said = capsys.readouterr().out
    assert "decoder.2" in said and "Eq. 3" in said and "DIFFERS" not in said
    assert table.read_text().startswith(
        "layer,query,head,level,point,x_px,y_px,weight\ndecoder.1,0"
    )
    assert main(["look", model, picture, "--to", str(page), "--query", "3"]) == 0
    assert page.stat().st_size < 3_000_000


def test_look_refuses_what_it_cannot_write_or_read(tmp_path, capsys):
    picture = str(ROOT / "sample_images" / "garden.png")
    for arguments, sentence in (
        (["deformable-detr-scenes", picture, "--to", "x.gif"], "x.gif must end in one of .html"),
        (["deformable-detr-scenes", "none.png"], "There is no file 'none.png'"),
        (["no-model", picture], "neither a shipped model nor a file"),
    ):
        assert main(["look", *arguments]) == 2
        assert sentence in capsys.readouterr().err
