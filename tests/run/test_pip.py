"""`./run` without uv: pip itself, with a folder of tiny wheels as its only source."""

import subprocess
import time

import pytest


def torch_in(checkout):
    code = "import importlib.metadata as m; print(m.version('torch'))"
    return subprocess.run(
        [checkout.root / ".venv" / "bin" / "python", "-I", "-c", code],
        text=True,
        capture_output=True,
    ).stdout.strip()


@pytest.mark.slow
def test_pip_itself_brings_the_build_that_was_asked_for(checkout_with_pip):
    reply = checkout_with_pip.run("--device", "cpu", "--no-start")
    assert "CPU build, about 190 MB, from a source pip knows" in reply.stdout, reply.stderr
    assert torch_in(checkout_with_pip) == "2.13.0+cpu"
    reply = checkout_with_pip.run("--device", "cuda", "--no-start")
    assert reply.returncode == 0, reply.stderr
    assert torch_in(checkout_with_pip) == "2.13.0"
    start = time.monotonic()
    assert checkout_with_pip.run("--no-start").stdout == ""
    assert time.monotonic() - start < 5


@pytest.mark.slow
def test_a_source_without_the_cuda_build_is_told(checkout_with_pip, tmp_path):
    (tmp_path / "wheels" / "torch-2.13.0-py3-none-any.whl").unlink()
    reply = checkout_with_pip.run("--device", "cuda", "--no-start")
    assert reply.returncode == 1 and "Traceback" not in reply.stderr
    assert not (checkout_with_pip.root / ".venv" / "deformviz-ready.json").exists()
