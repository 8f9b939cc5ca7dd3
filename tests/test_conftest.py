"""The honest ending of a test run: what did not run is listed, and fails where it was required."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SKIPS = """
import pytest

def test_passes():
    pass

@pytest.mark.parametrize("time", range(2))
def test_wants_a_browser(time):
    pytest.skip("no browser: none on the PATH")

def test_wants_parity(parity):
    assert parity("detr/ddetr_plain.pt")

@pytest.mark.slow
def test_is_slow():
    pass
"""


@pytest.fixture
def ending(tmp_path):
    """Runs SKIPS under DEFORMVIZ_REQUIRE; returns (exit status, output)."""
    root = Path(__file__).parents[1]
    (tmp_path / "tests").mkdir()
    shutil.copy(root / "pyproject.toml", tmp_path)
    shutil.copy(root / "tests" / "conftest.py", tmp_path / "tests")
    (tmp_path / "tests" / "test_skips.py").write_text(SKIPS)

    def run(require, *arguments):
        environ = os.environ | {"DEFORMVIZ_REQUIRE": require, "DEFORMVIZ_PARITY": "/not/there"}
        reply = subprocess.run(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
        )
        return reply.returncode, reply.stdout + reply.stderr

    return run


@pytest.mark.slow
def test_skips_are_listed_with_their_reasons(ending):
    status, output = ending(require="")
    assert status == 0 and "2 workers [4 items]" in output
    listed = output.partition("what did not run, and why")[2]
    assert "2  no browser: none on the PATH" in listed
    assert "1  no parity folder; DEFORMVIZ_PARITY names it" in listed
    assert "1  marked slow: `./run test -m slow`  (tests/test_skips.py)" in listed


@pytest.mark.parametrize("require, failures", [("browser", 2), ("browser,parity", 3)])
def test_a_required_thing_that_is_missing_fails(ending, require, failures):
    status, output = ending(require, "-n", "0")
    assert status == 1 and "workers" not in output
    assert f"{failures} failed" in output
    assert "DEFORMVIZ_REQUIRE forbids this skip: no " in output


def test_a_misspelt_requirement_is_refused(ending):
    status, output = ending("browsr")
    assert status == 4 and "DEFORMVIZ_REQUIRE names browsr" in output


@pytest.mark.slow
def test_a_run_of_all_tests_leaves_its_time_and_a_part_of_them_does_not(ending, tmp_path):
    left = tmp_path / ".pytest_cache" / "v" / "deformviz" / "last_run"
    for part in (["-k", "passes"], ["-m", "slow", "-n", "0"], ["-x", "-n", "0"]):
        assert "workers" not in ending("browser", *part)[1]
        assert not left.exists()
    ending("browser")
    run = json.loads(left.read_text())
    assert (run["collected"], run["deselected"]) == (4, 1) and run["wall_s"] >= 0
    assert run["processor_s"] > 0  # that of both processes
