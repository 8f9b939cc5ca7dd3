"""Files as training scripts leave them: wrapped, averaged, beside other objects, or no weights."""

import argparse
import collections
import copy
import datetime
import gzip
import io
import os
import pathlib
import pickle
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import deformviz as dv
from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.reading import read_checkpoint
from tests.models.tiny_detector import tiny_detector


@pytest.fixture(scope="module")
def model():
    return tiny_detector()


@pytest.fixture(scope="module")
def weights(model):
    return dict(model.state_dict())


def zeros(weights):
    return {key: torch.zeros_like(value) for key, value in weights.items()}


def prefixed(weights, prefix):
    return {prefix + key: value for key, value in weights.items()}


def optimiser(model):
    return torch.optim.AdamW(model.parameters())


def cycle(model):
    return torch.optim.lr_scheduler.OneCycleLR(optimiser(model), 0.1, total_steps=9)


WRAPPERS = {
    "official": lambda m, w: {
        "model": w,
        "optimizer": optimiser(m).state_dict(),
        "epoch": 3,
        "args": argparse.Namespace(nheads=4, output_dir=pathlib.Path("x")),
    },
    "scheduler with a Counter": lambda m, w: {
        "model": w,
        "lr": torch.optim.lr_scheduler.MultiStepLR(optimiser(m), [2, 3]).state_dict(),
    },
    "scheduler with a bound method": lambda m, w: {"model": w, "lr": cycle(m).state_dict()},
    "NumPy scalar, array and generator": lambda m, w: {
        "model": w,
        "best": np.float64(0.4),
        "thresholds": np.zeros(12),
        "rng": torch.get_rng_state(),
        "np_rng": np.random.get_state(),
    },
    "date and log": lambda m, w: {
        "model": w,
        "when": datetime.datetime.now(),
        "log": collections.defaultdict(list),
    },
    "average alone": lambda m, w: {"ema": w},
    "average of RT-DETR": lambda m, w: {"model": zeros(w), "ema": {"module": w, "updates": 3}},
    "average of timm": lambda m, w: {"state_dict": zeros(w), "model_ema": w},
    "Lightning": lambda m, w: {
        "state_dict": prefixed(w, "model.") | {"criterion.empty_weight": torch.zeros(3)},
        "pytorch-lightning_version": "2.0",
    },
    "data parallel": lambda m, w: {"model": prefixed(w, "module.")},
    "compiled": lambda m, w: prefixed(w, "_orig_mod."),
    "compiled and data parallel": lambda m, w: {"model": prefixed(w, "module._orig_mod.")},
    "AveragedModel": lambda m, w: torch.optim.swa_utils.AveragedModel(m).state_dict(),
    "segmentation": lambda m, w: prefixed(w, "detr.") | {"mask_head.lay1.weight": torch.ones(2)},
    "sharded": lambda m, w: prefixed(w, "_fsdp_wrapped_module."),
    "nested": lambda m, w: {"checkpoint": {"net": w}},
    "profiled by thop": lambda m, w: w | {"backbone.total_ops": torch.zeros(1)},
    "a whole module": lambda m, w: copy.deepcopy(m),
    "a quantised tensor beside": lambda m, w: (
        w | {"level.q": torch.quantize_per_tensor(torch.rand(2), 0.1, 0, torch.qint8)}
    ),
}
HOW = {
    "zip": {},
    "zip, protocol 5": {"pickle_protocol": 5},
    "before torch 1.6": {"_use_new_zipfile_serialization": False},
    "before torch 1.6, protocol 4": {
        "_use_new_zipfile_serialization": False,
        "pickle_protocol": 4,
    },
}


def check(path, weights, **options):
    loaded = dv.load(path, heads=4, **options)
    state = loaded.state_dict()
    assert set(weights) == set(state)
    assert all(torch.equal(state[key], value) for key, value in weights.items())
    return loaded.load_report


@pytest.mark.parametrize("name", WRAPPERS)
def test_every_usual_wrapper_opens(tmp_path, model, weights, name):
    torch.save(WRAPPERS[name](model, weights), tmp_path / "training.pth")
    check(tmp_path / "training.pth", weights)


@pytest.mark.parametrize("how", HOW)
def test_every_container_of_torch_opens(tmp_path, weights, how):
    content = {"model": weights, "args": argparse.Namespace(nheads=4)}
    torch.save(content, tmp_path / "a.pth", **HOW[how])
    assert "file" in str(check(tmp_path / "a.pth", weights).assumed[0])


def test_a_pickle_of_numpy_arrays_opens(tmp_path, weights):
    arrays = {key: value.numpy() for key, value in weights.items()}
    for protocol in (2, 4, 5):
        (tmp_path / "d2.pkl").write_bytes(pickle.dumps({"model": arrays}, protocol=protocol))
        check(tmp_path / "d2.pkl", weights)


def test_safetensors_are_unwrapped_too(tmp_path, weights):
    wrapped = {key: value.clone() for key, value in prefixed(weights, "module._orig_mod.").items()}
    save_file(wrapped, tmp_path / "a.safetensors")
    report = check(tmp_path / "a.safetensors", weights)
    assert "prefix='module._orig_mod.'" in str(report)


def test_sets_of_weights_are_listed_and_chosen(tmp_path, weights):
    path = tmp_path / "both.pth"
    torch.save({"model": zeros(weights), "ema": {"module": weights}}, path)
    report = check(path, weights)
    assert report.sets == ("model", "ema.module")
    assert "assumed weights='ema.module': the average" in str(report)
    loaded = dv.load(path, heads=4, weights="model")
    assert not any(bool(value.any()) for value in loaded.state_dict().values())
    with pytest.raises(CheckpointError, match="no weights 'best'; it holds model, ema.module"):
        dv.load(path, heads=4, weights="best")


def test_weights_that_an_optimiser_keeps_are_not_preferred(tmp_path, weights):
    torch.save({"optimizer": {"master": zeros(weights)}, "net": weights}, tmp_path / "a.pth")
    assert check(tmp_path / "a.pth", weights).sets == ("optimizer.master", "net")


def test_a_folder_offers_its_newest_checkpoint(tmp_path, weights):
    for age, (name, content) in enumerate(
        (("checkpoint0002.pth", weights), ("checkpoint.pth", zeros(weights)))
    ):
        torch.save({"model": content}, tmp_path / name)
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    report = check(tmp_path, weights)
    assert "file='checkpoint0002.pth': the newest of 2" in str(report)


def test_keys_too_many_are_ignored_on_request(tmp_path, weights):
    path = tmp_path / "a.pth"
    torch.save(weights | {"head.extra.weight": torch.ones(2)}, path)
    with pytest.raises(CheckpointError, match="ignore_extra=True"):
        dv.load(path, heads=4)
    assert check(path, weights, ignore_extra=True).ignored == ("head.extra.weight",)


def zip_around(path, weights):
    inner = io.BytesIO()
    torch.save(weights, inner)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.pth", inner.getvalue())


def program(path, weights):
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)), path)


NO_CHECKPOINTS = {
    "gzip": (lambda p, w: p.write_bytes(gzip.compress(b"weights")), "compressed by gzip"),
    "Git LFS": (
        lambda p, w: p.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "pointer of Git LFS",
    ),
    "HTML": (lambda p, w: p.write_text("<!DOCTYPE html>Virus scan warning"), "web page"),
    "ONNX": (lambda p, w: p.write_bytes(b"\x08\x07\x12\x07pytorch"), "ONNX"),
    "TorchScript": (program, "compiled program"),
    "a zip around it": (zip_around, "Unpack it: it contains x.pth"),
    "npz": (lambda p, w: np.savez(p.open("wb"), a=np.ones(2)), "NumPy archive"),
    "empty": (lambda p, w: p.write_bytes(b""), "it is empty"),
    "only an optimiser": (
        lambda p, w: torch.save({"optimizer": {"state": {0: {"step": torch.ones(1)}}}}, p),
        "no weights by name",
    ),
    "a head is missing": (
        lambda p, w: torch.save({k: v for k, v in w.items() if "norm3.bias" not in k}, p),
        "2 keys are missing",
    ),
}


@pytest.mark.parametrize("name", NO_CHECKPOINTS)
def test_what_cannot_be_opened_says_truly_why(tmp_path, weights, name):
    write, reason = NO_CHECKPOINTS[name]
    write(tmp_path / "a.pth", weights)
    with pytest.raises(CheckpointError, match=reason):
        dv.load(tmp_path / "a.pth", heads=4)


def test_strange_objects_are_inert(tmp_path, weights):
    class Loud:
        def __reduce__(self):
            return (print, ("never said",))

    buffer = io.BytesIO()
    torch.save({"model": weights, "hook": Loud()}, buffer)
    (tmp_path / "a.pth").write_bytes(buffer.getvalue())
    file = read_checkpoint(tmp_path / "a.pth")
    assert set(file.tensors) == set(weights)


@pytest.mark.parametrize("name", ["os system", "posix execv", "builtins eval", "sys exit"])
def test_a_name_that_could_only_run_code_is_refused(tmp_path, name):
    module, attribute = name.split()
    path = tmp_path / "a.pkl"
    path.write_bytes(b"\x80\x02c" + f"{module}\n{attribute}\n".encode() + b"(tR.")
    with pytest.raises(CheckpointError, match=f"{module}.{attribute}"):
        dv.load(path)


@pytest.mark.parametrize("opcode", [b"N", b"]", b"(", b"2", b"0", b"l", b"\x94"])
def test_a_pickle_of_one_byte_instructions_is_bounded(tmp_path, opcode):
    path = tmp_path / "a.pkl"
    path.write_bytes(b"\x80\x04N" + opcode * 4_000_000 + b".")
    with pytest.raises(CheckpointError, match=r"600000 instructions|damaged"):
        dv.load(path)


def test_weights_that_share_one_storage_cannot_grow(tmp_path):
    row = torch.ones(2_000_000)
    torch.save({f"layer.{i}": row for i in range(200)}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="claims"):
        dv.load(tmp_path / "a.pth")


def test_modules_within_modules_are_bounded(tmp_path):
    module = torch.nn.Linear(2, 2)
    for _ in range(60):  # each level holds the one below twice
        module = torch.nn.Sequential(module, module)
    torch.save(module, tmp_path / "a.pth")
    with pytest.raises(CheckpointError):
        dv.load(tmp_path / "a.pth")
