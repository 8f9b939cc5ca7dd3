"""Building the op: what a library is named after, and what happens where it cannot be built."""

import logging
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from deformviz.attention import backends
from deformviz.attention.op import ms_deform_attn, ms_deform_attn_fused

ROOT = Path(__file__).parents[2]


@pytest.fixture
def build():
    return backends.build_script()


def in_a_new_process(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
    )


def test_no_flag_asks_for_this_very_machine(build, compiler):
    flags = " ".join(
        word for command in build.compile_commands(compiler).values() for word in command
    )
    assert "-march" not in flags and "-mtune" not in flags and "native" not in flags


def test_a_changed_source_is_another_library(build, compiler, tmp_path, monkeypatch):
    import shutil

    before = build.library_for("cpu", [compiler], [])
    shutil.copytree(build.CSRC, tmp_path / "csrc")
    monkeypatch.setattr(build, "CSRC", tmp_path / "csrc")
    assert build.library_for("cpu", [compiler], []) == before
    with open(tmp_path / "csrc" / "sample.h", "a") as header:
        header.write("// changed\n")
    assert build.library_for("cpu", [compiler], []) != before
    assert build.library_for("cpu", [compiler], ["-g"]) != build.library_for("cpu", [compiler], [])


def test_the_cache_is_where_it_is_asked_for(build, monkeypatch, tmp_path):
    monkeypatch.setenv("DEFORMVIZ_CACHE", str(tmp_path / "mine"))
    assert build.cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("DEFORMVIZ_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert build.cache_folder() == tmp_path / "xdg" / "deformviz"


def test_a_compiler_that_fails_is_quoted(build, compiler, tmp_path):
    (tmp_path / "broken.cpp").write_text("int main() { return nonsense; }")
    with pytest.raises(build.BuildError, match="nonsense"):
        build.run_together([[compiler, "-c", str(tmp_path / "broken.cpp"), "-o", os.devnull]], 1)


def test_the_library_exports_no_kernel_by_name(build, compiler):
    """Two copies in one process must not be mixed, nor code for one machine run on another."""
    listing = subprocess.run(
        ["nm", "-DC", "--defined-only", str(build.build_cpu())],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    own = re.findall(r" [TWV] (.*deformviz.*)", listing)
    assert sorted(own) == ["deformviz_instruction_set", "deformviz_use_instruction_set"]


WITHOUT_COMPILER = """
import logging, torch
from deformviz.attention import backends
from deformviz.attention.op import ms_deform_attn
value = torch.randn(1, 20, 2, 4)
locations, weights = torch.rand(1, 3, 2, 1, 4, 2), torch.rand(1, 3, 2, 1, 4)
fast = ms_deform_attn(value, [(4, 5)], locations, weights)
plain = ms_deform_attn(value, [(4, 5)], locations, weights, backend="reference")
torch.testing.assert_close(fast, plain)
leaf = value.requires_grad_()
ms_deform_attn(leaf, [(4, 5)], locations, weights).sum().backward()
assert leaf.grad.abs().sum() > 0
print(backends.which_backend("cpu").detail)
try:
    ms_deform_attn(value, [(4, 5)], locations, weights, backend="cpu")
except backends.BackendError as error:
    print(error)
"""


@pytest.mark.slow
def test_without_a_compiler_everything_runs_and_says_so(tmp_path):
    result = in_a_new_process(
        WITHOUT_COMPILER, PATH=str(tmp_path), CXX="", DEFORMVIZ_CACHE=str(tmp_path / "cache")
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("Deformable attention runs on plain PyTorch") == 1
    which, refused = result.stdout.splitlines()
    assert "No C++ compiler was found. Install g++" in which
    assert refused.endswith("Or choose backend='reference'.")


def test_the_reason_is_said_once(monkeypatch, caplog):
    nothing = backends.Backend("cpu", False, "No compiler here.")
    monkeypatch.setitem(backends._LOADERS, "cpu", lambda: nothing)
    backends._say_once.cache_clear()
    arguments = (
        torch.randn(1, 6, 2, 4),
        [(2, 3)],
        torch.rand(1, 3, 1, 2),
        torch.rand(1, 3, 2, 1, 2, 2),
        torch.rand(1, 3, 2, 1, 2),
    )
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            ms_deform_attn(*arguments[:2], *arguments[3:])
    assert caplog.text.count("No compiler here.") == 1
    references = torch.rand(1, 3, 1, 2)
    assert ms_deform_attn_fused(*arguments[:2], references, *arguments[3:]).shape == (1, 3, 8)


def test_an_old_torch_is_named(monkeypatch):
    monkeypatch.setattr(torch, "__version__", "2.9.1")
    found = backends._load("cpu", lambda build: build.build_cpu(), "compiled")
    assert not found.runs and "need torch 2.10 or newer; this is 2.9.1" in found.detail


def test_sources_come_from_beside_the_package():
    assert backends.kernels_folder() == ROOT / "kernels"


@pytest.mark.slow
def test_two_processes_build_once(tmp_path, compiler):
    code = "from deformviz.attention import backends; print(backends.load_cpu().runs)"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "DEFORMVIZ_CACHE": str(tmp_path)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    results = [process.communicate() for process in processes]
    assert [out.strip() for out, _ in results] == ["True", "True"]
    assert sum("compiling" in err for _, err in results) == 1
    assert len(list(tmp_path.glob("*.so"))) == 1


# -- what may be wrong with a cache or a compiler ------------------------------------------------


def compiler_that(folder, does):
    """A program that is called as a compiler and does what a line of shell says."""
    script = folder / "a-compiler"
    script.write_text(f"#!/bin/sh\n{does}\n")
    script.chmod(0o755)
    return str(script)


@pytest.mark.parametrize(
    "does, said",
    [
        ("exit 1", "failed"),
        ("printf '\\377\\376 error: kaputt\\n'; exit 1", "kaputt"),
        ('case "$1" in --version) echo 1;; *) printf "error: \\377 no"; exit 3;; esac', "no"),
        ("kill -9 $$", "ended with -9"),
    ],
    ids=["fails", "is not UTF-8", "fails later", "is killed"],
)
def test_a_broken_compiler_means_a_sentence_and_the_reference(
    tmp_path, monkeypatch, caplog, does, said
):
    monkeypatch.setenv("CXX", compiler_that(tmp_path, does))
    monkeypatch.setenv("DEFORMVIZ_CACHE", str(tmp_path / "cache"))
    found = backends._load("cpu", lambda build: build.build_cpu(), "compiled")
    assert not found.runs and said in found.detail
    backends._say_once(found.detail)
    (warning,) = caplog.messages
    assert "runs on plain PyTorch" in warning and "\n" not in warning


def test_a_compiler_that_hangs_is_ended_with_what_it_started(build, tmp_path, monkeypatch):
    hanging = compiler_that(tmp_path, f"sleep 600 & echo $! > {tmp_path}/child; wait")
    started = time.monotonic()
    with pytest.raises(build.BuildError, match="took longer than 0.5 s"):
        build.asked([hanging, "--version"], 0.5)
    assert time.monotonic() - started < 5
    child = int((tmp_path / "child").read_text())
    until = time.monotonic() + 5
    while Path(f"/proc/{child}/cmdline").exists() and time.monotonic() < until:
        if not Path(f"/proc/{child}/cmdline").read_bytes():
            break  # ended, and not yet waited for by whoever adopted it
        time.sleep(0.02)
    else:
        assert not Path(f"/proc/{child}").exists()


def test_a_user_without_a_home_means_a_sentence_and_the_reference(monkeypatch):
    monkeypatch.setenv("DEFORMVIZ_CACHE", "~nobody-of-this-name/cache")
    found = backends._load("cpu", lambda build: build.build_cpu(), "compiled")
    assert not found.runs and found.detail.endswith("Set DEFORMVIZ_CACHE to one.")


@pytest.mark.parametrize("damage", ["half", "one byte", "no checksum", "nonsense as checksum"])
def test_a_damaged_library_is_built_again(build, compiler, tmp_path, damage):
    library, made = tmp_path / "tiny.so", []
    (tmp_path / "source").write_text("a library, for all that is known here")

    def link(objects, output):
        made.append(output)
        return ["cp", str(tmp_path / "source"), output]

    def make():
        return build.build(library, "tiny", lambda: {"a.o": ["true"]}, link, False)

    assert make() == library and make() == library and len(made) == 1
    whole = library.read_bytes()
    if damage == "half":
        library.write_bytes(whole[: len(whole) // 2])
    if damage == "one byte":
        library.write_bytes(b"A" + whole[1:])
    if damage == "no checksum":
        build.checksum_file(library).unlink()
    if damage == "nonsense as checksum":
        build.checksum_file(library).write_bytes(b"\xff\xfe")
    assert not build.is_whole(library)
    assert make() == library and library.read_bytes() == whole and len(made) == 2


CALL = """
import logging, torch, deformviz as dv
logging.basicConfig(format="%(message)s")
locations, weights = torch.rand(1, 3, 2, 1, 2, 2), torch.rand(1, 3, 2, 1, 2)
print(tuple(dv.ms_deform_attn(torch.randn(1, 20, 2, 4), [(4, 5)], locations, weights).shape))
"""


@pytest.mark.slow
def test_a_truncated_library_in_the_cache_is_no_signal(build, compiler, tmp_path):
    library = build.build_cpu()
    damaged = tmp_path / library.name
    damaged.write_bytes(library.read_bytes()[: library.stat().st_size // 2])
    result = in_a_new_process(CALL, DEFORMVIZ_CACHE=str(tmp_path))
    assert (result.returncode, result.stdout) == (0, "(1, 3, 8)\n"), result.stderr
    assert damaged.stat().st_size > 0.9 * library.stat().st_size  # built anew; paths inside vary
