"""Runs pytest again and again in a copy of the project, each time in a fork of this process.

What takes long to import and is not ours is imported once; ours is imported afresh in every fork,
as it stands in the copy by then. Reads a line of JSON per run, {tests, first_failure, seconds,
log}, and answers with pytest's exit status, or -1 where the time was up.
"""

import contextlib
import importlib
import json
import os
import signal
import sys
import time

HEAVY = ("numpy", "scipy.optimize", "scipy.stats", "torch", "torch.utils.flop_counter", "einops",
         "captum.attr", "PIL.Image", "cv2", "safetensors.torch", "pytest", "streamlit.testing.v1",
         "plotly.graph_objects", "transformers", "py_mini_racer")  # fmt: skip
POLL_S = 0.05


def run_forked(order: dict) -> int:
    """pytest's exit status in a fork, whose output goes to a file."""
    child = os.fork()
    if child == 0:
        os.setsid()  # browsers and servers it starts end with it
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        import pytest

        options = ["-q", "--no-header", "-p", "no:cacheprovider", "-m", "not gpu"]
        options += ["-x"] if order["first_failure"] else []
        os._exit(int(pytest.main([*options, *order["tests"]])))
    deadline = time.monotonic() + order["seconds"]
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(POLL_S)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -1


def main() -> None:
    for name in HEAVY:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps({"status": run_forked(json.loads(line))}), flush=True)


if __name__ == "__main__":
    main()
