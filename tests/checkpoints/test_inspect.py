"""`deformviz inspect` and `convert`: what a file is, in words, and the same as safetensors."""

import pytest
import torch

import deformviz as dv
from deformviz.checkpoints.inspect import inspect_checkpoint
from deformviz.checkpoints.reasons import KINDS, likely_reason
from deformviz.cli import main
from tests.models.tiny_detector import pictures, tiny_detector


@pytest.fixture
def official(tmp_path):
    """A file in the published layout, and its weights."""
    weights = dict(tiny_detector(heads=4).state_dict())
    torch.save({"model": weights}, tmp_path / "official.pth")
    return tmp_path / "official.pth", weights


def test_inspect_prints_layout_sizes_and_what_was_assumed(official, capsys):
    path, _ = official
    assert main(["inspect", str(path), "--heads", "4"]) == 0
    said = capsys.readouterr().out
    assert "official Deformable DETR" in said and "4 levels" in said
    assert "encoder_layers" in said and "assumed heads=4: the argument" in said


def test_inspect_names_every_misfit_with_a_reason(official, capsys):
    path, weights = official
    del weights["transformer.encoder.layers.0.norm1.bias"]
    weights["mask_head.lay1.weight"] = torch.zeros(2)
    weights["mask_branch.weight"] = torch.zeros(2)
    torch.save(weights, path)
    assert main(["inspect", str(path), "--heads", "4"]) == 1
    said = capsys.readouterr().out
    assert "missing: transformer.encoder.layers.0.norm1.bias (likely the file was cut" in said
    assert "unexpected: mask_branch.weight (likely a segmentation head)" in said
    assert "ignored: mask_head.lay1.weight" in said
    assert "Cannot be used" in said and "Nothing was loaded." in said


def test_a_file_that_is_no_checkpoint_has_a_problem_and_no_report(tmp_path):
    (tmp_path / "notes.pth").write_bytes(b"hello, these are no weights")
    found = inspect_checkpoint(tmp_path / "notes.pth")
    assert not found.usable and found.report is None and "not a checkpoint" in found.problem


def test_convert_writes_the_same_model_as_safetensors(official, tmp_path, capsys):
    path, _ = official
    to = tmp_path / "converted.safetensors"
    assert main(["convert", str(path), str(to), "--heads", "4"]) == 0
    images = pictures((33, 50))
    with torch.inference_mode():
        before, after = (model(images)[0].logits for model in (dv.load(path, heads=4), dv.load(to)))
    assert torch.equal(before, after)
    assert dv.load(to).load_report.metadata["converted_from"] == "official.pth"


def test_convert_refuses_another_ending(official, capsys):
    assert main(["convert", str(official[0]), "model.pth"]) == 2
    assert "must end in .safetensors" in capsys.readouterr().err


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_gets_a_reason(kind):
    assert likely_reason(kind, "some.layer.nobody.knows")
    assert likely_reason("wrong_shape", "class_embed.0.bias is (5,)") == "another number of classes"


def test_a_kind_of_misfit_that_does_not_exist_is_refused():
    with pytest.raises(KeyError, match="No kind 'absent'"):
        likely_reason("absent", "key")
