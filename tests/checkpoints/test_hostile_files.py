"""Files that are broken or mean harm: one sentence each, nothing executed, nothing inflated."""

import argparse
import io
import json
import os
import pickle
import struct
import time
import zipfile

import pytest
import torch
from safetensors.torch import save_file

import deformviz as dv
from deformviz.checkpoints.errors import CheckpointError
from tests.models.tiny_detector import tiny_detector


class Touch:
    """Pickles as a command that leaves a file behind when it is executed."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def refused(path, **options) -> str:
    """The sentence with which a file is refused; fails if that takes a second of work."""
    started = time.process_time()
    with pytest.raises(CheckpointError) as error:
        dv.load(path, **options)
    assert time.process_time() - started < 1.0
    message = str(error.value)
    assert message.endswith(".") or message.endswith(").")
    assert "\n" not in message and len(message) < 400
    return message


@pytest.fixture
def weights():
    return dict(tiny_detector().state_dict())


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_executes_is_refused_and_not_executed(tmp_path, weights, zipped):
    mark, path = tmp_path / "executed", tmp_path / "evil.pth"
    torch.save({"model": weights, "args": Touch(mark)}, path, _use_new_zipfile_serialization=zipped)
    assert "posix.system" in refused(path) or "os.system" in refused(path)
    assert not mark.exists()


def test_a_bare_pickle_that_executes_is_refused_and_not_executed(tmp_path):
    mark = tmp_path / "executed"
    for protocol in (0, 2, 4, 5):
        path = tmp_path / f"evil{protocol}.pth"
        path.write_bytes(pickle.dumps(Touch(mark), protocol=protocol))
        refused(path)
    assert not mark.exists()


def test_a_global_of_the_standard_library_that_could_fill_the_memory_is_refused(tmp_path):
    path = tmp_path / "large.pth"
    torch.save({"model": bytearray(8)}, path)
    assert "bytearray" in refused(path)


def rezip(path, change, compression=zipfile.ZIP_STORED):
    """Rewrite a zip with every entry's bytes passed through `change(name, data)`."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in entries.items():
            for new_name, new_data in change(name, data):
                archive.writestr(new_name, new_data)


def test_a_deflated_archive_is_refused_before_it_is_inflated(tmp_path):
    path = tmp_path / "bomb.pth"
    torch.save({"model": {"weight": torch.zeros(5_000_000)}}, path)
    rezip(path, lambda name, data: [(name, data)], zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 100_000
    assert "compressed" in refused(path)


def test_two_entries_of_one_name_are_refused(tmp_path, weights):
    path = tmp_path / "twice.pth"
    torch.save(weights, path)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("twice/data.pkl", b"\x80\x02}.")
    assert "same name" in refused(path)


def test_a_zip_that_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("photo.png", b"\x89PNG")
    assert "not a checkpoint" in refused(path)


def test_an_expanded_tensor_is_refused(tmp_path, weights):
    path = tmp_path / "expanded.pth"
    torch.save(weights | {"extra": torch.zeros(1).expand(10**12)}, path)
    assert "claims the shape (1000000000000,)" in refused(path)


def test_a_storage_longer_than_its_entry_cannot_be_read_beyond_the_file(tmp_path, weights):
    path = tmp_path / "long.pth"
    key = "transformer.level_embed"
    torch.save({key: weights[key]}, path)

    def lie(name, data):
        length = struct.pack("<B", weights[key].numel())  # BININT1, the claimed numbers
        claim = b"K" + length
        if name.endswith("data.pkl"):
            assert claim in data
            data = data.replace(claim, b"J" + struct.pack("<i", 2**28), 1)
        return [(name, data)]

    rezip(path, lie)
    refused(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_cut_off_anywhere_is_refused(tmp_path, weights, zipped):
    whole, path = tmp_path / "whole.pth", tmp_path / "cut.pth"
    torch.save(weights, whole, _use_new_zipfile_serialization=zipped)
    content = whole.read_bytes()
    for share in (0.0, 0.0001, 0.01, 0.3, 0.5, 0.9, 0.999):
        path.write_bytes(content[: int(share * len(content))])
        refused(path, heads=4)


def test_safetensors_cut_off_anywhere_are_refused(tmp_path, weights):
    whole, path = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    save_file({key: value.clone() for key, value in weights.items()}, whole)
    content = whole.read_bytes()
    for share in (0.0001, 0.01, 0.5, 0.999):
        path.write_bytes(content[: int(share * len(content))])
        refused(path, heads=4)


@pytest.mark.parametrize(
    "header",
    [
        b"{}",
        b"{",
        b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}',
        b'{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"X9","shape":[1],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}',
        json.dumps({"__metadata__": {"format": "deformviz"}}).encode(),
        b"{" + b"[" * 100_000,
    ],
)
def test_safetensors_headers_that_lie_are_refused(tmp_path, header):
    path = tmp_path / "lie.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    refused(path)


def test_a_header_of_many_gigabytes_is_refused(tmp_path):
    path = tmp_path / "huge.safetensors"
    path.write_bytes(struct.pack("<Q", 2**40) + b"{}")
    assert "claims a header" in refused(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_shown(tmp_path, weights, value):
    weights["transformer.level_embed"] = torch.full((4, 32), value)
    path = tmp_path / "nan.pth"
    torch.save(weights, path)
    report = dv.load(path, heads=4).load_report
    assert report.not_finite == ("transformer.level_embed",)
    assert "NaN or infinity in transformer.level_embed" in str(report)


@pytest.mark.parametrize(
    "content",
    [
        [1, 2],
        {},
        {"model": {}},
        {"model": 3},
        {"a": 1},
        {3: torch.zeros(2)},
        torch.zeros(3),
        {"model": torch.zeros(2).to_sparse()},
        {"args": argparse.Namespace(lr=1)},
        "text",
        None,
    ],
)
def test_what_holds_no_weights_is_refused(tmp_path, content):
    path = tmp_path / "other.pth"
    torch.save(content, path)
    refused(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\x89PNG\r\n\x1a\n" + bytes(90),
        b"\x80\x02",
        b"PK\x03\x04",
        b"PK\x03\x04" + bytes(200),
    ],
)
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "file.pth"
    path.write_bytes(content)
    refused(path)


def test_foreign_weights_are_refused_with_a_look_at_their_keys(tmp_path):
    path = tmp_path / "other.pth"
    torch.save({"stem.0.weight": torch.zeros(2), "head.bias": torch.zeros(3)}, path)
    assert "stem.0.weight" in refused(path)


def test_a_pickle_too_long_to_be_a_description_is_refused(tmp_path):
    path = tmp_path / "long.pth"
    torch.save({"model": {"w": torch.zeros(2)}, "args": "x" * 5_000_000}, path)
    assert "describes its content" in refused(path)
    buffer = io.BytesIO()
    torch.save({"args": "x" * 5_000_000}, buffer, _use_new_zipfile_serialization=False)
    path.write_bytes(buffer.getvalue())
    assert "describes its content" in refused(path)
