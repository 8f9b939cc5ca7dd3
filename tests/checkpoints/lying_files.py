"""Files that claim too much, or lie where nothing should: how to make them, and what is said."""

import json
import os
import zipfile

import torch
from safetensors.torch import save_file

from deformviz.checkpoints.own import save
from tests.models.tiny_detector import tiny_detector


def own_file(path, **lies):
    """A file of ours whose configuration lies."""
    model = tiny_detector()
    save(model, path)
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header, body = json.loads(file.read(length)), file.read()
    metadata = header["__metadata__"]
    metadata["config"] = json.dumps(json.loads(metadata["config"]) | lies)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    return path


def arguments(path, **lies):
    """A training file whose arguments lie."""
    torch.save({"model": tiny_detector().state_dict(), "args": {"nheads": 4, **lies}}, path)
    return path


def opcodes(path, code, *, zipped):
    """A pickle of four million opcodes of one byte."""
    content = b"\x80\x02" + code * 4_000_000 + b"."
    if not zipped:
        path.write_bytes(content)
        return path
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/version", b"3\n")
    return path


def folder_with(path, **links):
    """A folder of weights in which some names are links."""
    path.mkdir()
    (path / "config.json").write_text('{"model_type": "deformable_detr"}')
    for name, target in links.items():
        (path / name.replace("__", ".")).symlink_to(target)
    return path


def with_fifo(path):
    path.mkdir()
    os.mkfifo(path / "config.json")
    save_file({"a": torch.zeros(2)}, path / "model.safetensors")
    return path


def shards_outside(path):
    path.mkdir()
    (path / "config.json").write_text('{"model_type": "deformable_detr"}')
    index = {"weight_map": {"model.level_embed": "../elsewhere.safetensors"}}
    (path / "model.safetensors.index.json").write_text(json.dumps(index))
    save_file({"model.level_embed": torch.zeros(2)}, path.parent / "elsewhere.safetensors")
    return path


def dangling(path):
    path.symlink_to(path.with_name("gone.safetensors"))
    return path


# name -> (what makes the file at a path, what its sentence says)
CASES = {
    "a thousand million classes": (lambda at: own_file(at, classes=10**9), "classes is 1000000000"),
    "a thousand million classes in the arguments": (
        lambda at: arguments(at, num_classes=10**9),
        "classes is 1000000000 by the file's own arguments",
    ),
    "channels": (lambda at: own_file(at, hidden_channels=2 * 10**9), "hidden_channels is 2000000"),
    "channels in the arguments": (
        lambda at: arguments(at, hidden_dim=2 * 10**9),
        "hidden_channels is 2000000000 by",
    ),
    "widths of a backbone": (
        lambda at: own_file(at, backbone="compact", compact_channels=[2 * 10**9] * 5),
        "claims sizes that no model can have",
    ),
    "points": (
        lambda at: own_file(at, encoder_points=2 * 10**9),
        "encoder_points is 2000000000",
    ),
    "pictures of 8000 pixels": (
        lambda at: own_file(at, long_side=8000),
        "long_side is 8000; it must be at most 4096",
    ),
    "queries in the arguments": (
        lambda at: arguments(at, num_queries=2 * 10**9),
        "queries is 2000",
    ),
    "a named pipe for a configuration": (with_fifo, "cannot be read as a JSON object"),
    "shards outside": (shards_outside, "not a file in it"),
    "a link that dangles": (dangling, "neither a shipped model nor a file"),
    "a folder of links that dangle": (
        lambda at: folder_with(at, model__safetensors="nowhere.safetensors"),
        "holds no weights",
    ),
    "a link out of the folder": (
        lambda at: folder_with(at, model__safetensors="/etc/hostname"),
        "is a link out of the folder",
    ),
    **{
        f"{name}{', zipped' if zipped else ''}": (
            lambda at, code=code, zipped=zipped: opcodes(at, code, zipped=zipped),
            "",
        )
        for name, code in (
            ("None after None", b"N"),
            ("mark after mark", b"("),
            ("lists in no list", b"]"),
            ("pops", b"0"),
        )
        for zipped in (False, True)
    },
}
