"""The recorded originals, each saved in its own layout, loaded by `dv.load`, renamed back."""

import pytest
import torch
from safetensors.torch import save_file

import deformviz as dv
from deformviz.checkpoints.huggingface import Style, from_published, style_of, to_published
from deformviz.checkpoints.own import save
from deformviz.checkpoints.reading import read_checkpoint

DETECTORS = {"ddetr_plain": {}, "ddetr_twostage": {"queries": 15}}
LOGITS, BOXES = 2e-5, 2e-6  # of float32, as the recordings' own noise allows


def saved(weights, path):
    """The weights as a safetensors file; shared ones are stored once per key."""
    save_file({key: value.contiguous().clone() for key, value in weights.items()}, path)
    return path


@pytest.mark.parametrize("name", DETECTORS)
def test_published_detectors_equal_the_original(parity, tmp_path, name):
    recorded = parity(f"detr/{name}.pt")
    torch.save({"model": recorded["state_dict"]}, tmp_path / f"{name}.pth")
    model = dv.load(tmp_path / f"{name}.pth", heads=8, **DETECTORS[name])
    assert model.load_report.layout == "official Deformable DETR" and model.load_report.fits
    with torch.inference_mode():
        output, _ = model(recorded["images"])
    expected = recorded["outputs"]
    torch.testing.assert_close(output.logits, expected["pred_logits"], atol=LOGITS, rtol=1e-4)
    torch.testing.assert_close(output.boxes_cxcywh, expected["pred_boxes"], atol=BOXES, rtol=1e-4)


def test_the_hugging_face_detector_equals_the_original(parity, tmp_path):
    recorded = parity("detr/hf_deformable_detr_refine.pt")
    saved(recorded["state_dict"], tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(recorded["config_json"])
    model = dv.load(tmp_path)
    with torch.inference_mode():
        output, _ = model(recorded["images"])
    expected = recorded["outputs"]
    torch.testing.assert_close(output.logits, expected["logits"], atol=LOGITS, rtol=1e-4)
    torch.testing.assert_close(output.boxes_cxcywh, expected["pred_boxes"], atol=BOXES, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "version"), [("model_v1_128", "v1"), ("model_v2_datpp_128", "++")]
)
def test_published_classifiers_equal_the_original(parity, tmp_path, name, version):
    recorded = parity(f"dat/{name}.pt")
    torch.save(
        {"model": recorded["state_dict"], "config": recorded["config"]}, tmp_path / "dat.pth"
    )
    model = dv.load(tmp_path / "dat.pth", version=version)
    with torch.inference_mode():
        logits, _ = model(recorded["inputs"]["x"])
    torch.testing.assert_close(logits, recorded["outputs"]["logits"], atol=2e-5, rtol=1e-4)


# -- there and back ------------------------------------------------------------------------------


def test_the_published_names_come_back_as_the_same_file(parity, tmp_path):
    recorded = parity("detr/ddetr_twostage.pt")
    before = saved(recorded["state_dict"], tmp_path / "before.safetensors")
    model = dv.load(before, heads=8, queries=15)
    after = saved(model.state_dict(), tmp_path / "after.safetensors")
    assert after.read_bytes() == before.read_bytes()


@pytest.mark.parametrize("names", ["in memory", "hub"])
def test_hugging_faces_names_come_back_as_the_same_file(parity, tmp_path, names):
    recorded = parity("detr/hf_deformable_detr_refine.pt")
    hub = recorded["hub_v4_names"] if names == "hub" else {}
    weights = {hub.get(key, key): value for key, value in recorded["state_dict"].items()}
    before = saved(weights, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(recorded["config_json"])
    model = dv.load(tmp_path)
    style = style_of(weights)
    assert style == Style(in_memory=names == "in memory", timm=style.timm)
    stored = to_published(weights, style).keys()
    again = {key: value for key, value in model.state_dict().items() if key in stored}
    after = saved(from_published(again, style), tmp_path / "after.safetensors")
    ignored = set(model.load_report.ignored)
    wanted = {key: value for key, value in weights.items() if key not in ignored}
    assert after.read_bytes() == saved(wanted, before).read_bytes()


def test_dats_names_come_back_as_the_same_file(parity, tmp_path):
    recorded = parity("dat/model_v2_datpp_128.pt")
    torch.save(
        {"model": recorded["state_dict"], "config": recorded["config"]}, tmp_path / "dat.pth"
    )
    model = dv.load(tmp_path / "dat.pth", version="++")
    before = saved(recorded["state_dict"], tmp_path / "before.safetensors")
    after = saved(model.state_dict(), tmp_path / "after.safetensors")
    assert after.read_bytes() == before.read_bytes()


def test_our_own_file_comes_back_as_the_same_file(parity, tmp_path):
    recorded = parity("detr/ddetr_plain.pt")
    torch.save({"model": recorded["state_dict"]}, tmp_path / "plain.pth")
    save(dv.load(tmp_path / "plain.pth", heads=8), tmp_path / "a.safetensors", dtype=torch.float32)
    save(dv.load(tmp_path / "a.safetensors"), tmp_path / "b.safetensors", dtype=torch.float32)
    first, second = (read_checkpoint(tmp_path / f"{name}.safetensors") for name in "ab")
    assert first.metadata == second.metadata  # safetensors writes it in any order
    assert list(first.tensors) == list(second.tensors)
    assert all(torch.equal(first.tensors[key], second.tensors[key]) for key in first.tensors)
