"""A class on one server: `python -m tests.bench.visitors --visitors 30 --minutes 3`.

Starts a server of its own and visits all its pages over Streamlit's websocket: uploads, other
models, edits, attributions begun and abandoned, Checkpoint, and a live training beside it all.
Counts what failed and who was not served, weighs the processes, and compares with a lone visitor
of the same run. Times depend on the machine and on what else it does.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.page import Server
from tests.bench.protocol import Visitor
from tests.bench.server_weights import Weights, at_rest, class_server, keep_weighing
from tests.bench.visitor_acts import (
    ABANDONED,
    ACTS,
    OWN,
    PATIENCE_S,
    STORED,
    Act,
    abandon_a_study,
    look_at_own,
    look_at_stored,
    page_called,
    watch_a_training,
)

THINK_S = (1.5, 5.0)  # between two clicks of one person
TOLD_OF_A_TRACEBACK = 4000  # characters
# Streamlit closes the socket of who has just left; the server underneath says that it is closed.
LEFT = "WebSocketDisconnected: WebSocket is not connected"


@dataclass
class Report:
    """What a class met with."""

    visitors: int
    seconds: float
    acts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    unserved: list[int] = field(default_factory=list)  # visitors without a single picture
    times_s: dict[str, list[float]] = field(default_factory=dict)
    lone_s: dict[str, list[float]] = field(default_factory=dict)
    before: Weights | None = None
    after: Weights | None = None
    weights: list[Weights] = field(default_factory=list)

    def p95(self, what: str) -> float:
        times = sorted(self.times_s.get(what, [float("nan")]))
        return times[min(len(times) - 1, int(0.95 * len(times)))]

    @property
    def peak_web_mib(self) -> float:
        return max(w.web_mib for w in self.weights)

    @property
    def peak_all_mib(self) -> float:
        return max(w.all_mib for w in self.weights)


# -- one after another ---------------------------------------------------------------------------


async def visit(number: int, address: str, until: float, report: Report, times: dict) -> None:
    """One visitor, who leaves and comes back after each study that is given up."""
    chance, seen = random.Random(number), 0
    acts: list[tuple[str, Act]] = []
    while time.monotonic() < until:
        async with Visitor(address) as visitor:
            await visitor.open()
            while time.monotonic() < until:
                acts = acts or shuffled(visitor, chance)
                name, act = acts.pop()
                began = time.monotonic()
                try:
                    await act(visitor, chance)
                    report.acts[name] += 1
                    seen += name in (STORED, OWN)
                    times.setdefault(name, []).append(time.monotonic() - began)
                except Exception as problem:
                    report.faults.append(f"visitor {number}, {name}: {problem!r}")
                report.faults += [f"visitor {number}, {name}: {said}" for said in visitor.faults]
                visitor.faults.clear()
                if name == ABANDONED:
                    break
                await asyncio.sleep(chance.uniform(*THINK_S))
    if not seen:
        report.unserved.append(number)


def shuffled(visitor: Visitor, chance: random.Random) -> list[tuple[str, Act]]:
    """Everything there is to do once, in some order: all pages, and what is done on some."""
    acts = [(name, act) for name, (often, act) in ACTS.items() for _ in range(often)]
    acts += [(f"page {name or 'start'}", page_called(name)) for name in visitor.pages]
    chance.shuffle(acts)
    return acts


async def train(address: str, until: float, report: Report) -> None:
    """Somebody trains a small one, and watches it until the end of the hour."""
    async with Visitor(address) as visitor:
        await visitor.open("training")
        button = await visitor.until(
            lambda: visitor.labelled("button", "Train"), PATIENCE_S, "the button Train"
        )
        await visitor.move(button, trigger_value=True)
        await visitor.until(
            lambda: any("learning" in e.progress.text for e in visitor.all("progress")),
            PATIENCE_S,
            "a live training",
        )
        report.acts["live training"] += 1
        while time.monotonic() < until:
            await asyncio.sleep(1)
        if stop := visitor.labelled("button", "Stop"):  # else it has reached its last iteration
            await visitor.move(stop, trigger_value=True)
        report.faults += [f"who trains: {said}" for said in visitor.faults]


async def measure(server: Server, visitors: int, seconds: float, *, alone_s: float = 0) -> Report:
    """A first visit to warm up, a lone visitor, then the class."""
    report = Report(visitors, seconds)
    async with Visitor(server.address) as first:
        chance = random.Random(-1)
        for act in (look_at_own, look_at_stored, abandon_a_study, watch_a_training):
            await act(first, chance)
        for name in first.pages:
            await first.open(name)
    if alone_s:
        await visit(-2, server.address, time.monotonic() + alone_s, report, report.lone_s)
    report.before = await at_rest(server, None)
    scale = asyncio.create_task(keep_weighing(server, report.weights))
    until = time.monotonic() + seconds
    people = [
        visit(number, server.address, until, report, report.times_s) for number in range(visitors)
    ]
    results = await asyncio.gather(
        train(server.address, until, report), *people, return_exceptions=True
    )
    report.faults += [repr(r) for r in results if isinstance(r, BaseException)]
    scale.cancel()
    report.after = await at_rest(server, report.before)
    report.faults += tracebacks(server.log.read_text(errors="replace"))
    return report


def tracebacks(log: str) -> list[str]:
    """What the server's log says after each traceback begins, but for visitors who have left."""
    told = log.split("Traceback (most recent call last):")
    ours = [
        after
        for before, after in itertools.pairwise(told)
        if LEFT not in after and LEFT not in before
    ]
    return [f"the log: {each[:TOLD_OF_A_TRACEBACK]}" for each in ours]


def in_words(report: Report) -> str:
    lines = [
        f"{report.visitors} visitors for {report.seconds:.0f} s, load {os.getloadavg()[0]:.1f}",
        f"acts: {dict(report.acts)}",
        f"faults: {len(report.faults)}; without a picture: {report.unserved}",
        *report.faults[:20],
        f"web process {report.peak_web_mib:.0f} MiB, all {report.peak_all_mib:.0f} MiB at most; "
        f"first quarter {quarter(report, 0):.0f}, last {quarter(report, 3):.0f} MiB",
        f"files {report.before and report.before.files} -> {report.after and report.after.files}, "
        f"threads {report.before and report.before.threads} -> "
        f"{report.after and report.after.threads}",
    ]
    for what in (STORED, OWN):
        lone = report.lone_s.get(what, [])
        alone = f", a lone visitor {statistics.median(lone):.2f} s" if lone else ""
        lines.append(f"{what}: p95 {report.p95(what):.2f} s of {report.acts[what]}{alone}")
    return "\n".join(lines)


def quarter(report: Report, number: int) -> float:
    """The median of all processes' memory in one quarter of the time."""
    length = max(1, len(report.weights) // 4)
    return statistics.median(
        w.all_mib for w in report.weights[number * length : (number + 1) * length] or report.weights
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--visitors", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--alone", type=float, default=0.5, help="minutes of a lone visitor first")
    parser.add_argument("--json", type=Path, help="where the figures go")
    options = parser.parse_args()
    with class_server() as server:
        report = asyncio.run(
            measure(server, options.visitors, options.minutes * 60, alone_s=options.alone * 60)
        )
    print(in_words(report))
    if options.json:
        options.json.write_text(json.dumps(vars(report), default=vars, indent=1))
    return int(bool(report.faults or report.unserved))


if __name__ == "__main__":
    sys.exit(main())
