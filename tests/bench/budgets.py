"""Sizes, memory and times the project promises to keep: `python -m tests.bench.budgets`.

Prints what it measured beside each bound, and ends with 1 where one is broken or was not measured.
A time is printed and judged by whoever reads it: it depends on what else the machine does.
`--only memory` measures one of them.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LAST_RUN = ROOT / ".pytest_cache" / "v" / "deformviz" / "last_run"  # written by tests/conftest.py
SETTLED_S = 20  # after which the app has loaded all that it loads


class NotMeasured(Exception):
    """Why a budget could not be looked at."""


@dataclass(frozen=True)
class Budget:
    """One promise: what is measured, in which unit, and the bound it may not pass."""

    name: str
    title: str
    bound: float
    unit: str
    measure: Callable[[], tuple[float, str]]  # the figure, and a remark
    is_time: bool = False


# -- what comes over the network -----------------------------------------------------------------


def download_mb() -> tuple[float, str]:
    """Wheels of requirements.txt for this Python and system, with the CPU build of torch."""
    report = resolved()
    sizes = {
        package["metadata"]["name"]: size_of(package["download_info"]["url"])
        for package in report["install"]
    }
    largest = sorted(sizes, key=lambda name: -sizes[name])[:3]
    said = ", ".join(f"{name} {sizes[name] / 1e6:.0f}" for name in largest)
    return sum(sizes.values()) / 1e6, f"{len(sizes)} packages; largest: {said}"


def resolved() -> dict:
    """pip's report of what it would install from requirements.txt; it installs nothing."""
    pins = (ROOT / "requirements.txt").read_text().splitlines()
    lines = [line for line in pins if "==" in line]
    torch = next(line for line in lines if line.startswith("torch=="))
    with tempfile.TemporaryDirectory() as folder:
        wanted, report = Path(folder) / "wanted.txt", Path(folder) / "report.json"
        wanted.write_text("\n".join(f"{line}+cpu" if line == torch else line for line in lines))
        ask = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "-q"]
        ask += ["--no-deps", "--only-binary=:all:", "--report", report, "-r", wanted]
        tried = [ask, [*ask, "--extra-index-url", "https://download.pytorch.org/whl/cpu"]]
        for command in tried:
            reply = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            if reply.returncode == 0:
                return json.loads(report.read_text())
    raise NotMeasured((reply.stderr.strip() or "pip said nothing").splitlines()[-1])


def size_of(address: str) -> int:
    """Bytes of a wheel, on disk or where it is served."""
    if address.startswith("file://"):
        return Path(unquote(urlsplit(address).path)).stat().st_size
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD")) as reply:
            return int(reply.headers["Content-Length"])
    except (OSError, TypeError, ValueError) as problem:
        raise NotMeasured(f"{address.rpartition('/')[2]}: {problem}") from None


def dependencies_without_reason() -> tuple[float, str]:
    """Mandatory dependencies whose row in the README's table is missing or empty."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [Requirement(line).name for line in project["dependencies"]]
    reasons = reasons_in_readme()
    silent = [name for name in names if not reasons.get(name)]
    return len(silent), ", ".join(silent) or f"all {len(names)} have one"


def reasons_in_readme() -> dict[str, str]:
    """Why each package is needed, as the README says."""
    table = (ROOT / "README.md").read_text().partition("## Dependencies")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")]
    return {row[0]: row[1].strip() for row in rows if len(row) == 2}


# -- what a started app holds --------------------------------------------------------------------


def idle_mib() -> tuple[float, str]:
    """Memory of the app and its workers after one visitor left; shared pages counted once."""
    with started() as (process, address):
        visit(address)
        time.sleep(SETTLED_S)
        held = [proportional_mib(pid) for pid in descendants(process.pid)]
    return sum(held), f"{len(held)} processes, {SETTLED_S} s after the first visitor left"


def visit(address: str) -> None:
    """Open the first page in a browser, until its picture is drawn."""
    from tests.bench.page import DRAWN, PATIENCE_S, running_browser

    try:
        with running_browser() as browser:
            page = browser.new_page()
            page.goto(f"{address}/explore")
            page.locator(DRAWN).first.wait_for(timeout=PATIENCE_S * 1000)
    except RuntimeError as problem:
        raise NotMeasured(str(problem)) from None


@contextmanager
def started() -> Iterator[tuple[subprocess.Popen, str]]:
    """The app on a free port, once it answers, and its address."""
    from deformviz.cli.serving import answers, served

    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    with served(port) as process:
        if not answers(process, port):
            raise NotMeasured("the app did not start")
        yield process, f"http://127.0.0.1:{port}"


def descendants(pid: int) -> list[int]:
    """A process and all that it started, in turn."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*"):
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def proportional_mib(pid: int) -> float:
    """Resident memory of a process; a page that several share counts in parts."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError as problem:
        raise NotMeasured(f"this system does not say: {problem}") from None
    return int(text.split("\nPss:")[1].split()[0]) / 1024


# -- the tests -----------------------------------------------------------------------------------


def last_run() -> dict:
    """What the last default run of all tests left behind."""
    try:
        return json.loads(LAST_RUN.read_text())
    except (OSError, ValueError):
        raise NotMeasured("no default run of all tests yet: `./run test`") from None


def suite_minutes() -> tuple[float, str]:
    """Time of the last default run, by the clock."""
    run = last_run()
    said = f"{run['collected']} tests, {run['processor_s'] / 60:.1f} min of processors"
    return run["wall_s"] / 60, f"{said}, {run['date']}"


BUDGETS = [
    Budget("download", "base download", 480, "MB", download_mb),
    Budget("reasons", "dependencies without a reason", 0, "", dependencies_without_reason),
    Budget("memory", "idle memory of a started app", 1024, "MiB", idle_mib),
    Budget("suite", "default suite", 9, "min", suite_minutes, is_time=True),
]


def report(budget: Budget) -> bool:
    """Print one line; whether the promise is kept."""
    try:
        figure, remark = budget.measure()
    except NotMeasured as problem:
        print(f"{budget.title:32}      not measured      ({problem})", flush=True)
        return budget.is_time
    kept = figure <= budget.bound
    row = f"{budget.title:32}{figure:8.6g} of {budget.bound:5g} {budget.unit:4}"
    verdict = "" if kept else "OVER" if budget.is_time else "BROKEN"
    print(f"{row}{verdict}  ({remark})", flush=True)
    return kept or budget.is_time


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run budgets", description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=[budget.name for budget in BUDGETS])
    options = parser.parse_args()
    chosen = [budget for budget in BUDGETS if options.only in (None, budget.name)]
    return 0 if all([report(budget) for budget in chosen]) else 1


if __name__ == "__main__":
    sys.exit(main())
