"""Files that nobody thought of: whatever stands in a header or an archive, one sentence or a model.

Also what a refusal costs: time and memory, measured in a process of its own.
"""

import io
import json
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deformviz.checkpoints.errors import CheckpointError
from deformviz.checkpoints.reading import read_checkpoint

LIMITS = settings(
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
NAMES = st.sampled_from(["a", "transformer.level_embed", "__metadata__", "", "a" * 200, "\0"])
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70), st.integers(0, 64), st.floats(), st.none(), st.text(max_size=4)
)
ENTRIES = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "dtype": st.sampled_from(
                ["F32", "F16", "BF16", "I64", "BOOL", "F8_E4M3", "C64", "x", 3]
            ),
            "shape": st.one_of(st.lists(NUMBERS, max_size=5), NUMBERS),
            "data_offsets": st.one_of(st.lists(NUMBERS, max_size=3), NUMBERS),
        },
    ),
    st.recursive(
        NUMBERS,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
        max_leaves=8,
    ),
)
HEADERS = st.one_of(
    st.dictionaries(NAMES, ENTRIES, max_size=4).map(lambda header: json.dumps(header).encode()),
    st.binary(max_size=60).map(lambda data: b"{" + data),
)


def read_or_refuse(path):
    """Tensors of a file, or the sentence of its refusal; any other exception fails the test."""
    try:
        return read_checkpoint(path).tensors
    except CheckpointError as problem:
        sentence = str(problem)
        assert sentence.endswith((".", ").")) and len(sentence) < 600
        return sentence


@LIMITS
@given(
    header=HEADERS,
    claimed=st.one_of(st.none(), st.integers(0, 2**64 - 1)),
    data=st.binary(max_size=64),
)
def test_any_safetensors_header(tmp_path, header, claimed, data):
    path = tmp_path / "any.safetensors"
    length = len(header) if claimed is None else claimed
    path.write_bytes(struct.pack("<Q", length) + header + data)
    read_or_refuse(path)


def a_checkpoint():
    """The bytes of a small file of torch.save."""
    buffer = io.BytesIO()
    torch.save(
        {"model": {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}}, buffer
    )
    return buffer.getvalue()


WHOLE = a_checkpoint()


@LIMITS
@given(
    places=st.lists(
        st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=6
    )
)
def test_any_bytes_of_an_archive_may_be_wrong(tmp_path, places):
    path, content = tmp_path / "any.pth", bytearray(WHOLE)
    for place, value in places:
        content[place] = value
    path.write_bytes(content)
    read_or_refuse(path)


ZIP_NAMES = st.sampled_from(
    [
        "archive/data.pkl",
        "data.pkl",
        "archive/data/0",
        "archive/data/1",
        "archive/version",
        "archive/byteorder",
        "../evil",
        "/etc/x",
        "archive/constants.pkl",
        "archive/",
    ]
)
PIECES = st.one_of(
    st.binary(max_size=80),
    st.sampled_from(
        [
            b"\x80\x02}.",
            b"\x80\x02N.",
            b"\x80\x02cos\nsystem\n.",
            b"3\n",
            b"little",
            b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n.",
        ]
    ),
)


@LIMITS
@given(
    entries=st.lists(st.tuples(ZIP_NAMES, PIECES, st.booleans()), max_size=6),
    tail=st.binary(max_size=20),
)
def test_any_structure_of_an_archive(tmp_path, entries, tail):
    path = tmp_path / "any.pth"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data, deflate in dict((entry[0], entry) for entry in entries).values():
            archive.writestr(
                zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
            )
    path.write_bytes(path.read_bytes() + tail)
    found = read_or_refuse(path)
    assert isinstance(found, str)  # nothing of this kind has weights


# -- what a refusal costs ------------------------------------------------------------------------

MEASURE = """
import json, sys, time, resource
from deformviz.checkpoints.load import load
from deformviz.checkpoints.errors import CheckpointError
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, rows = peak(), {}
for path in sys.argv[1:]:
    started = time.process_time()
    try:
        load(path)
        said = ""
    except CheckpointError as problem:
        said = str(problem)
    rows[path] = said, time.process_time() - started, peak() - before
print(json.dumps(rows))
"""


class Command:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def hostile_files(folder):
    """One of each kind that means harm or is broken; several claim half a gigabyte or more."""

    def torch_file(name, content):
        torch.save(content, folder / name)

    torch_file("executes.pth", {"model": Command(folder / "executed")})
    with zipfile.ZipFile(folder / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("bomb/data.pkl", "w", force_zip64=True) as entry:
            for _ in range(512):
                entry.write(bytes(2**20))
    torch_file("expanded.pth", {"model": {"a": torch.zeros(1).expand(2**28, 4)}})
    (folder / "cut.pth").write_bytes(WHOLE[: len(WHOLE) // 2])
    header = json.dumps({"a": {"dtype": "F32", "shape": [2**28], "data_offsets": [0, 2**30]}})
    (folder / "claims.safetensors").write_bytes(
        struct.pack("<Q", len(header)) + header.encode() + bytes(8)
    )
    (folder / "header.safetensors").write_bytes(struct.pack("<Q", 2**33) + b"{" + bytes(100))
    nan = {"transformer.level_embed": torch.full((4, 32), float("nan"))}
    torch_file("nan.pth", nan)
    torch_file("dtype.pth", {"transformer.level_embed": torch.zeros(4, 32, dtype=torch.complex64)})
    (folder / "index").mkdir()
    (folder / "index" / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"a": "../../../../etc/passwd"}})
    )
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    """(sentence, seconds of work, MiB over the baseline) of every hostile file."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = [str(path) for path in hostile_files(folder)]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *paths],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    assert not (folder / "executed").exists()
    return {Path(path).name: row for path, row in json.loads(done.stdout).items()}


def test_every_hostile_file_is_refused_in_one_sentence(refusals):
    assert len(refusals) == 9
    for name, (said, _, _) in refusals.items():
        assert said and "\n" not in said and len(said) < 400, name


def test_a_refusal_costs_less_than_a_second_and_300_mib(refusals):
    for name, (_, seconds, mebibytes) in refusals.items():
        assert seconds < 1.0, name
        assert mebibytes < 300, name
