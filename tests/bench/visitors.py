"""A class on one server: `python -m tests.bench.visitors --visitors 30 --minutes 3`.

Starts a server of its own and visits all its pages over Streamlit's websocket: uploads, other
models, edits, attributions begun and abandoned, Checkpoint, and a live training beside it all.
Counts what failed and who was not served, weighs the processes, and compares with a lone visitor
of the same run. Times depend on the machine and on what else it does.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import itertools
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import psutil

import deformviz
from deformviz.words import say
from tests.bench.page import Server, running_server
from tests.bench.protocol import Element, Failed, Visitor

MEBIBYTE = 2**20
PATIENCE_S = 240.0
THINK_S = (1.5, 5.0)  # between two clicks of one person
TOLD_OF_A_TRACEBACK = 4000  # characters
# Streamlit closes the socket of who has just left; the server underneath says that it is closed.
LEFT = "WebSocketDisconnected: WebSocket is not connected"
SETTLES_WITHIN_S = 30.0  # threads and files that one visitor leaves behind
STORED, OWN, ABANDONED, TRAINING = "stored picture", "own picture", "abandoned study", "training"
SCENES = ("beach-dusk", "garden", "harbour", "savanna")
OTHER_MODEL = "another-detector.safetensors"


@dataclass
class Weights:
    """What the server's processes weigh at one moment, and what they hold open."""

    web_mib: float  # resident, of the web process
    all_mib: float  # of all processes together, what they share counted once
    files: int  # open in the web process
    threads: int


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


# -- what one person does ------------------------------------------------------------------------


async def settled(visitor: Visitor, what: str) -> None:
    """Nothing is on its way any more; where the line was full, the page is asked again."""
    end = time.monotonic() + PATIENCE_S
    while visitor.is_waiting():
        try:
            await visitor.until(lambda: not visitor.is_waiting(), 5, what)
        except Failed:
            if time.monotonic() > end:
                raise
            if "jobs wait already" in visitor.text():
                await visitor.again()


async def picture(visitor: Visitor, canvas: str) -> None:
    """The canvas is there, and what it points to can be fetched."""

    def shown() -> str:
        found = visitor.canvas(canvas)
        return found.bidi_component.json if found is not None else ""

    given = json.loads(await visitor.until(shown, PATIENCE_S, f"a canvas of {canvas}"))
    assert await visitor.get(given["trace_url"]) and await visitor.get(given["picture_url"])


async def look_at_stored(visitor: Visitor, chance: random.Random) -> None:
    page, canvas = chance.choice([("explore", "sampling"), ("dat", "grid")])
    link = {"picture": chance.choice(SCENES)} if page == "explore" else {}
    await visitor.open(page, **link)
    await picture(visitor, canvas)


async def look_at_own(visitor: Visitor, chance: random.Random) -> None:
    await visitor.open("explore")
    widget = await visitor.until(
        lambda: visitor.labelled("file_uploader", say("picture.drop")), PATIENCE_S, "the upload"
    )
    name = f"mine-{chance.getrandbits(32):08x}.jpg"
    await visitor.upload(widget, name, noise(chance))

    def is_shown() -> bool:
        found = visitor.canvas("sampling")
        return found is not None and json.loads(found.bidi_component.json)["title"] == name

    await settled(visitor, "one's own picture")
    await visitor.until(is_shown, PATIENCE_S, "one's own picture")
    await picture(visitor, "sampling")


async def switch_model(visitor: Visitor, chance: random.Random) -> None:
    await visitor.open("explore", picture=chance.choice(SCENES), model=OTHER_MODEL)
    await settled(visitor, "a picture by another model")
    await picture(visitor, "sampling")


async def edit_a_derivation(visitor: Visitor, chance: random.Random) -> None:
    await visitor.open("walkthrough", picture=chance.choice(SCENES))
    canvas = await visitor.until(lambda: visitor.canvas("equations"), PATIENCE_S, "the equations")
    await visitor.tell(canvas, query={"query": chance.randrange(20)})
    await settled(visitor, "an edited derivation")


async def abandon_a_study(visitor: Visitor, chance: random.Random) -> None:
    """Begin one and leave; one that somebody else finished is shown at once, without a button."""
    await visitor.open("attribution", picture=chance.choice(SCENES))

    def offered() -> Element | str | None:
        kept = "What they are worth" in visitor.text()
        return visitor.labelled("button", "Trace it back") or ("kept" if kept else None)

    button = await visitor.until(offered, PATIENCE_S, "a study or its button")
    if not isinstance(button, str):
        await visitor.move(button, trigger_value=True)
        await asyncio.sleep(chance.uniform(0.5, 2.0))


async def watch_a_training(visitor: Visitor, chance: random.Random) -> None:
    await visitor.open("training", run=chance.choice(["detector", "dat"]))
    await visitor.until(lambda: visitor.canvas("replay"), PATIENCE_S, "a replay")


def page_called(name: str) -> Act:
    async def look(visitor: Visitor, chance: random.Random) -> None:
        await visitor.open(name)
        await settled(visitor, f"the page {name}")

    return look


Act = Callable[[Visitor, random.Random], Awaitable[None]]
ACTS: dict[str, tuple[int, Act]] = {  # how often, and what
    STORED: (4, look_at_stored),
    OWN: (1, look_at_own),
    "another model": (1, switch_model),
    "edit": (1, edit_a_derivation),
    ABANDONED: (1, abandon_a_study),
    TRAINING: (1, watch_a_training),
}


def noise(chance: random.Random) -> bytes:
    """A picture that nobody else has, as a JPEG."""
    from PIL import Image

    cells = Image.frombytes("RGB", (12, 9), chance.randbytes(12 * 9 * 3))
    buffer = io.BytesIO()
    cells.resize((480, 360)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


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


# -- what the server weighs ----------------------------------------------------------------------


def weigh(server: Server) -> Weights:
    web = psutil.Process(server.process.pid)
    shared = 0.0
    for process in [web, *web.children(recursive=True)]:
        try:
            shared += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return Weights(
        web.memory_info().rss / MEBIBYTE, shared / MEBIBYTE, web.num_fds(), web.num_threads()
    )


async def keep_weighing(server: Server, report: Report) -> None:
    while True:
        report.weights.append(await asyncio.to_thread(weigh, server))
        await asyncio.sleep(2)


async def at_rest(server: Server, like: Weights | None) -> Weights:
    """What is left once everybody has gone and the server has noticed."""
    end, now = time.monotonic() + SETTLES_WITHIN_S, weigh(server)
    while time.monotonic() < end:
        await asyncio.sleep(1)
        now = weigh(server)
        if like is not None and now.files <= like.files and now.threads <= like.threads:
            break
    return now


@contextmanager
def class_server() -> Iterator[Server]:
    """The app with another model in the operator's folder, that soon forgets who has gone."""
    with tempfile.TemporaryDirectory() as folder:
        assets = Path(deformviz.__file__).parent / "assets"
        shutil.copy(assets / "deformable-detr-scenes.safetensors", Path(folder) / OTHER_MODEL)
        said = {"DEFORMVIZ_CHECKPOINTS": folder, "STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "5"}
        with mock.patch.dict(os.environ, said), running_server() as server:
            yield server


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
    scale = asyncio.create_task(keep_weighing(server, report))
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
