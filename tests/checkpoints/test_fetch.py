"""Downloads against a local server that speaks the hub's protocol, with small random models."""

import hashlib
import json

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import deformviz as dv
from deformviz.checkpoints import downloads, fetch
from deformviz.checkpoints.downloads import DOWNLOADS, Download, Golden
from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.huggingface import Style, from_published
from deformviz.cli import main
from tests.checkpoints.local_hub import local_hub
from tests.models.tiny_detector import tiny_detector

NAME = "hf:somebody/tiny-detr"


@pytest.fixture
def model():
    return tiny_detector()


@pytest.fixture
def hub(tmp_path, monkeypatch, model):
    weights = from_published(model.state_dict(), Style(in_memory=False, timm=True))
    save_file({k: v.contiguous().clone() for k, v in weights.items()}, tmp_path / "w.safetensors")
    files = {
        "config.json": json.dumps(
            dict(model_type="deformable_detr", encoder_attention_heads=4, decoder_attention_heads=4)
        ).encode(),
        "model.safetensors": (tmp_path / "w.safetensors").read_bytes(),
        "pytorch_model.bin": b"never asked for",
        "README.md": b"never asked for",
    }
    monkeypatch.setenv("DEFORMVIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with local_hub({"somebody/tiny-detr": files}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        yield server


def test_a_model_of_the_hub_is_loaded_by_its_name(hub, model):
    loaded = dv.load(NAME)
    assert all(torch.equal(loaded.state_dict()[k], v) for k, v in model.state_dict().items())
    assert loaded.load_report.layout == "Hugging Face Deformable DETR"
    asked = len(hub.asked)
    assert not any("pytorch_model" in path or "README" in path for path, _ in hub.asked)
    dv.load(NAME)
    assert len(hub.asked) == asked  # the second time from the cache


def test_progress_is_told_and_a_stopped_download_goes_on(hub, monkeypatch):
    monkeypatch.setattr(fetch, "PIECE", 10_000)
    heard = []

    def stop(file, done, total):
        heard.append((file, done, total))
        if file == "model.safetensors" and done > 30_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.fetch(NAME, stop)
    size = len(hub.files["model.safetensors"])
    assert heard[-1] == ("model.safetensors", 40_000, size)
    assert fetch.cached(NAME) is None
    folder = fetch.fetch(NAME)
    assert ("/store/somebody/tiny-detr/model.safetensors", "bytes=40000-") in hub.asked
    assert (folder / "model.safetensors").read_bytes() == hub.files["model.safetensors"]
    assert not list(folder.glob("*.part"))


def test_a_server_that_cannot_go_on_sends_all_again(hub, monkeypatch):
    hub.resumes = False
    folder = fetch.folder_of(downloads.find(NAME))
    folder.mkdir(parents=True)
    (folder / "model.safetensors.part").write_bytes(b"something else")
    assert (fetch.fetch(NAME) / "model.safetensors").read_bytes() == hub.files["model.safetensors"]


def test_a_damaged_part_is_found_by_its_hash(hub):
    folder = fetch.folder_of(downloads.find(NAME))
    folder.mkdir(parents=True)
    (folder / "model.safetensors.part").write_bytes(b"something else")
    with pytest.raises(CheckpointError, match="SHA-256"):
        fetch.fetch(NAME)
    assert not (folder / "model.safetensors.part").exists()
    assert fetch.fetch(NAME)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hf:somebody/nothing", "There is no model"),
        ("resnet", "deformviz get"),
        ("hf:../etc", "deformviz get"),
        ("hf:a/b/c", "deformviz get"),
    ],
)
def test_what_cannot_be_had_is_a_sentence(hub, name, message):
    with pytest.raises(CheckpointError, match=message):
        fetch.fetch(name)


def test_without_a_network_it_says_so(hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(CheckpointError, match="no way to its server"):
        fetch.fetch(NAME)


def test_a_repository_without_weights_is_a_sentence(hub):
    for name in ("model.safetensors", "pytorch_model.bin"):
        del hub.files[name]
    with pytest.raises(CheckpointError, match="nothing to load"):
        fetch.fetch(NAME)


def test_no_room_is_said_before_it_is_filled(hub, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10}))
    with pytest.raises(CheckpointError, match="DEFORMVIZ_CACHE names another folder"):
        fetch.fetch(NAME)


def test_a_file_of_its_own_is_checked_by_the_digits_in_its_name(hub, monkeypatch, model, tmp_path):
    torch.save({"model": model.state_dict()}, tmp_path / "m.pth")
    content = (tmp_path / "m.pth").read_bytes()
    digits = hashlib.sha256(content).hexdigest()[:8]
    address = f"{hub.address}/store/somebody/tiny-detr/tiny-{digits}.pth"
    hub.files[f"tiny-{digits}.pth"] = content
    monkeypatch.setitem(
        DOWNLOADS, "tiny", Download("tiny", address, 1, "MIT", "a test", sha256=digits)
    )
    assert dv.load("tiny", heads=4).config.hidden_channels == 32
    assert fetch.cached("tiny").name == f"tiny-{digits}.pth"


def test_the_command_lists_and_gets(hub, capsys):
    assert main(["get"]) == 0
    said = capsys.readouterr().out
    assert "hf:SenseTime/deformable-detr " in said and "165 MB  Apache-2.0" in said
    assert main(["get", NAME]) == 0
    captured = capsys.readouterr()
    assert "somebody--tiny-detr" in captured.out and "model.safetensors: " in captured.err
    assert main(["get", "hf:somebody/nothing"]) == 2


def test_every_listed_model_states_licence_and_size():
    assert len(DOWNLOADS) >= 9
    for name, download in DOWNLOADS.items():
        assert download.licence and download.megabytes > 100 and downloads.find(name) is download


def test_published_numbers_are_compared(hub, monkeypatch, capsys, tmp_path):
    picture = tmp_path / "picture.png"
    Image.effect_noise((50, 40), 80).convert("RGB").save(picture)
    output = dv.run(dv.load(NAME), picture).output
    rows = lambda tensor: tuple(tuple(row[:3].tolist()) for row in tensor[:3])  # noqa: E731
    right = Golden(rows(output.logits), rows(output.boxes_cxcywh))
    wrong = Golden(right.logits, tuple((9.0, 9.0, 9.0) for _ in range(3)))
    for golden, status, word in ((right, 0, "agrees with"), (wrong, 1, "differs from")):
        record = Download(NAME, NAME, 1, "MIT", "a test", golden=golden)
        monkeypatch.setitem(DOWNLOADS, NAME, record)
        assert main(["verify", NAME, "--picture", str(picture)]) == status
        assert word in capsys.readouterr().out
    assert main(["verify", "detr-r50"]) == 2
