"""How large and how fast the published site is: `python -m tests.bench.site`, or `--site DIR`.

Publishes it unless it is named, and serves it as `python -m http.server` does. The first picture of
a new visitor is timed by Chromium's emulation of a line of 10 Mbit/s and 40 ms; a step of a lesson
is timed from the press of "next" to its picture, on the same line. Times depend on the machine and
on what else it does; the load is printed too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.page import running_browser
from tests.publish.walking import PICTURE, SCENE, served

LINE = {"offline": False, "latency": 40}  # ms
LINE |= dict.fromkeys(("downloadThroughput", "uploadThroughput"), 10e6 / 8)  # bytes a second
VISITS = 5
LESSONS = ("bill", "few-points", "star-to-gaze")
MB, SECOND_MS = 1e6, 1000
SHOWN = "document.querySelector('.dv:has(> .dv-explorer)').__explorer.firstShownMs"
# Presses a button; how long until what `ready` tells is there and drawn, in ms.
STEP = """async () => {
  const begun = performance.now();
  document.querySelector(".dl-next").click();
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  do await frame(); while (!(READY)());
  await frame();
  return performance.now() - begun;
}"""


@dataclass(frozen=True)
class Figure:
    """One promise: what was measured, and its bound."""

    title: str
    value: float
    bound: float
    unit: str
    remark: str = ""

    def __str__(self) -> str:
        over = "OVER" if self.value > self.bound else ""
        said = f"  ({self.remark})" if self.remark else ""
        row = f"{self.title:34}{self.value:8.2f} of {self.bound:5g} {self.unit:3}"
        return f"{row} {over}{said}".rstrip()


# -- bytes ---------------------------------------------------------------------------------------


def sizes(site: Path) -> list[Figure]:
    """Bytes on disk, without the frames of trainings and with them."""
    each = {path: path.stat().st_size for path in site.rglob("*") if path.is_file()}
    frames = sum(size for path, size in each.items() if "/replay-" in path.as_posix())
    every = sum(each.values())
    return [
        Figure("site without frames of trainings", (every - frames) / MB, 25, "MB"),
        Figure("site", every / MB, 60, "MB", f"{len(each)} files"),
    ]


# -- times ---------------------------------------------------------------------------------------


class Visit:
    """A visitor who has nothing in a cache, behind the line; `bytes` came over it."""

    def __init__(self, browser):
        self.context = browser.new_context(viewport={"width": 1440, "height": 900})
        self.page = self.context.new_page()
        self.bytes = 0.0
        line = self.context.new_cdp_session(self.page)
        line.send("Network.enable")
        line.send("Network.emulateNetworkConditions", LINE)
        line.on("Network.loadingFinished", self._count)

    def _count(self, told: dict) -> None:
        self.bytes += told["encodedDataLength"]

    def close(self) -> None:
        self.context.close()


def first_pictures(browser, address: str) -> list[Figure]:
    """Time and bytes until the picture of Explore can be moved over."""
    times, weights = [], []
    for _ in range(VISITS):
        visit = Visit(browser)
        visit.page.goto(f"{address}/explore.html", wait_until="commit")
        visit.page.wait_for_selector(PICTURE)
        visit.page.wait_for_function(f"{SHOWN} !== null")
        times.append(visit.page.evaluate(SHOWN) / SECOND_MS)
        weights.append(visit.bytes / MB)
        visit.close()
    return [
        Figure("bytes before the first picture", max(weights), 2, "MB"),
        Figure(
            "first picture, 10 Mbit/s and 40 ms", statistics.median(times), 1.5, "s", spread(times)
        ),
    ]


def lesson_steps(browser, address: str) -> list[Figure]:
    """Time from a press of "next" to the picture of the step, of the slowest step of all."""
    times: dict[str, float] = {}
    for lesson in LESSONS:
        visit = Visit(browser)
        visit.page.goto(f"{address}/lesson-{lesson}.html")
        visit.page.wait_for_selector(".dl-text h2")
        visit.page.wait_for_function(SCENE)
        while (
            visit.page.locator(".dl-next").count() and visit.page.locator(".dl-next").is_enabled()
        ):
            took = visit.page.evaluate(STEP.replace("READY", SCENE))
            times[f"{lesson}: {visit.page.inner_text('.dl-text h2')}"] = took / SECOND_MS
        visit.close()
    slowest = max(times, key=lambda name: times[name])
    middle = statistics.median(times.values())
    remark = f"slowest of {len(times)}, {slowest}; median {middle:.2f} s"
    return [Figure("step of a lesson, same line", times[slowest], 2, "s", remark)]


def spread(seconds: list[float]) -> str:
    return f"median of {len(seconds)}, {min(seconds):.2f} to {max(seconds):.2f}"


# -- all of it -----------------------------------------------------------------------------------


def publish(to: Path) -> Path:
    """The whole site in both languages, by the command; how long that takes is printed."""
    from deformviz.publish.site import publish

    begun = time.perf_counter()
    made = publish(to, spoken=("en", "zh"))
    print(f"published in {time.perf_counter() - begun:.1f} s")
    return made


def report(site: Path) -> None:
    """Measure and print."""
    for figure in sizes(site):
        print(figure)
    with running_browser() as browser, served(site) as address:
        for measure in (first_pictures, lesson_steps):
            for figure in measure(browser, address):
                print(figure, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.site", description=__doc__)
    parser.add_argument("--site", type=Path, metavar="DIR", help="one that is published already")
    options = parser.parse_args()
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    try:
        if options.site:
            report(options.site)
        else:
            with tempfile.TemporaryDirectory() as folder:
                report(publish(Path(folder) / "site"))
    except RuntimeError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
