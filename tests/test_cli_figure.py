"""`deformviz figure`, as a user types it."""

import pytest

from deformviz.cli import main
from deformviz.figures.studio import FIGURES


def test_a_figure_is_written_with_its_caption(tmp_path, capsys):
    to = tmp_path / "f.pdf"
    asked = ["figure", "figure-6", "--picture", "beach-dusk", "--query", "3", "--heads", "0", "1"]
    assert main([*asked, "--width-mm", "60", "--code", "--out", str(to)]) == 0
    said = capsys.readouterr().out
    assert to.read_bytes().startswith(b"%PDF") and b"/FontFile2" in to.read_bytes()
    assert said.startswith(f"{to}: ") and "of query 3 in decoder.2" in said
    assert "heads=[0, 1]" in said and "width_mm=60.0" in said


def test_list_names_every_figure(capsys):
    assert main(["figure", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(FIGURES)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["figure-7"], "There is no figure 'figure-7'"),
        (["figure-6", "--out", "f.gif"], "f.gif must end in .pdf, .svg, .png"),
        (["figure-6", "--width-mm", "1"], "width_mm is 1"),
        (["star-start", "--run", "no-such-run"], "it has no run.json"),
    ],
)
def test_a_mistake_ends_with_one_sentence(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["figure", *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said and "Traceback" not in said and said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
