"""What attacks and faults cost: `python -m tests.bench.faults [--only WORD] [--out FILE]`.

Each happens in a process of its own, a fork of one that has imported what all of them need: its
time is that of a clock, its memory the most it held, and how much of that was its own doing. What
it started itself, a compiler or a worker, is not weighed. Prints a table for the README.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MOST_MIB, MOST_S = 100.0, 10.0  # of any one of them, unless it says otherwise
ENDS_WITHIN_S = 300
TOLD = 90  # characters of a sentence in the table


@dataclass(frozen=True)
class Fault:
    """Something that should cost a sentence, and no more."""

    kind: str
    name: str
    act: Callable[[Path], str]  # what it says; it gets a folder of its own
    said: str  # pattern of what has to be said
    prepare: Callable[[Path], Any] = lambda folder: None  # makes what is needed, unweighed
    most_mib: float = MOST_MIB
    most_s: float = MOST_S


@dataclass(frozen=True)
class Cost:
    """What one of them did."""

    kind: str
    name: str
    said: str
    seconds: float  # by the clock
    processor_s: float  # of this process and those it waited for
    peak_mib: float
    grown_mib: float
    fault: str = ""  # what was wrong with it; "" where it is as it should be


def memory_mib(field: str) -> float:
    """What the system says this process holds (VmRSS) or held at most (VmHWM)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


def measured(fault: Fault, folder: Path) -> Cost:
    """Have one happen, in this process."""
    before, began, busy = memory_mib("VmRSS"), time.perf_counter(), sum(os.times()[:4])
    try:
        said = fault.act(folder)
    except BaseException as problem:  # that it raised is what there is to tell
        said = f"raised {type(problem).__name__}: {problem}"
    seconds, processor = time.perf_counter() - began, sum(os.times()[:4]) - busy
    peak = memory_mib("VmHWM")
    cost = Cost(fault.kind, fault.name, said, seconds, processor, peak, peak - before)
    return Cost(**{**asdict(cost), "fault": what_is_wrong(fault, cost)})


def what_is_wrong(fault: Fault, cost: Cost) -> str:
    """In which way a fault costs more than it may."""
    if not re.search(fault.said, cost.said):
        return f"says nothing of {fault.said!r}"
    if cost.grown_mib > fault.most_mib:
        return f"took {cost.grown_mib:.0f} MiB, may take {fault.most_mib:.0f}"
    if cost.processor_s > fault.most_s:
        return f"took {cost.processor_s:.1f} s, may take {fault.most_s:.0f}"
    return ""


def in_a_process(fault: Fault, folder: Path) -> Cost:
    """Have one happen in a process of its own, which may end in any way."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)

    def act() -> None:
        theirs.send(measured(fault, folder))

    fault.prepare(folder)
    process = context.Process(target=act)
    process.start()
    theirs.close()
    try:
        if ours.poll(ENDS_WITHIN_S):
            return ours.recv()
        how = f"said nothing for {ENDS_WITHIN_S} s"
    except EOFError:
        process.join()
        how = f"ended with {process.exitcode}"
    finally:
        if process.is_alive():
            process.join(5)
            process.kill()
    return Cost(fault.kind, fault.name, "", 0.0, 0.0, 0.0, 0.0, fault=how)


def all_of(faults: list[Fault], tell: Callable[[str], object]) -> list[Cost]:
    """One after another, each with a folder of its own; rows of a table in Markdown are told."""
    tell("| | what | s | peak MiB | of it its own | what was said |\n|---|---|---:|---:|---:|---|")
    found = []
    for fault in faults:
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            found.append(in_a_process(fault, Path(folder)))
        tell(row(found[-1]))
    return found


def row(cost: Cost) -> str:
    """As Markdown; what was said stands as code."""
    return (
        f"| {cost.kind} | {cost.name} | {cost.seconds:.2f} | {cost.peak_mib:.0f} | "
        f"{max(0.0, cost.grown_mib):.0f} | {shortened(cost)} |"
    )


def shortened(cost: Cost) -> str:
    """What was said, on one line without places on this disk."""
    if cost.fault:
        return f"**{cost.fault}**"
    said = re.sub(r"/\S*?/faults-\w+/", "", " ".join(cost.said.split()))
    said = re.sub(r"/\S*?/faults-\w+", "it", said)
    said = said.replace("`", "'").replace("|", "¦")
    return f"`{said[:TOLD]}{'…' if len(said) > TOLD else ''}`"


def machine() -> str:
    """What the figures were taken on, and how busy it was."""
    import torch

    return (
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python "
        f"{sys.version.split()[0]}, torch {torch.__version__}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.faults", description=__doc__)
    parser.add_argument("--only", default="", help="those whose kind or name has this in it")
    parser.add_argument("--quick", action="store_true", help="leave out what compiles for minutes")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # a fork keeps no other thread
    logging.getLogger().addHandler(logging.NullHandler())  # each hears what it has to say itself
    from tests.bench.fault_cases import every_fault, import_what_all_need

    import_what_all_need()
    faults = [
        fault
        for fault in every_fault(quick=options.quick)
        if options.only in f"{fault.kind} {fault.name}"
    ]
    print(f"{machine()}\n")
    costs = all_of(faults, lambda line: print(line, flush=True))
    print(f"\nload {os.getloadavg()[0]:.1f} after")
    if options.out:
        options.out.write_text(json.dumps([asdict(cost) for cost in costs], indent=1))
    return int(any(cost.fault for cost in costs))


if __name__ == "__main__":
    from tests.bench import faults  # by its name: a page that runs takes the place of __main__

    sys.exit(faults.main())
