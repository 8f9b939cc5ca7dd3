"""How fast a training replays, and what recording one costs.

`python -m tests.bench.training` drives the Training page with Chromium and prints the time from a
step of the slider to the new picture; `--recording` trains with and without the recorder, an
iteration of each in turn, and prints the difference; `--pace` trains and prints pictures per second
beside the rate at which a core could do the multiply-adds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

from tests.bench.page import PATIENCE_S, running_browser, running_server

READY = ".dr-stage[aria-busy=false] >> nth=2"  # start, now and end are drawn
LOADED = """(root) => {
  const { replayer } = root.__replay;
  return replayer.run.iterations.every(
    (iteration) => replayer.run.layers.has(`${iteration}/${replayer.layerName}`));
}"""
WARM_UP = 3  # iterations of each that are not measured
TIMES = "(root) => root.__replay.counters.scrubToDrawnMs"


def measure_scrubbing(
    browser, address: str, run: str, steps: int
) -> dict[str, float | list[float]]:
    """Seconds to the first pictures and to all snapshots, milliseconds from step to picture."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    begun = time.perf_counter()
    page.goto(f"{address}/training?run={run}", wait_until="commit")
    page.locator(READY).wait_for()
    first = time.perf_counter() - begun
    page.get_by_test_id("stProgress").wait_for(state="detached")
    root = page.locator(".dr")
    while not root.evaluate(LOADED):
        page.wait_for_timeout(200)
    loaded = time.perf_counter() - begun
    slider = page.get_by_label("Snapshot", exact=True)
    slider.focus()
    for step in range(steps):
        page.keyboard.press("ArrowRight" if step % 20 < 10 else "ArrowLeft")
        page.wait_for_timeout(60)
    page.wait_for_timeout(300)
    return {"first": first, "loaded": loaded, "scrubs": sorted(root.evaluate(TIMES))}


def report_scrubbing(steps: int) -> None:
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with running_browser() as browser, running_server() as server:
        for visitor, run in (
            ("cold server", "detector"),
            ("next visitor", "detector"),
            ("first visitor", "dat"),
        ):
            found = measure_scrubbing(browser, server.address, run, steps)
            times = found["scrubs"]
            print(
                f"{run}, {visitor}: pictures of start and end after {found['first']:.1f} s, "
                f"all snapshots after {found['loaded']:.1f} s"
            )
            print(
                f"step of the slider to new picture, {len(times)} steps: "
                f"p50 {statistics.median(times):.1f} ms, "
                f"p95 {times[int(0.95 * (len(times) - 1))]:.1f} ms"
            )


def measure_recording(iterations: int) -> dict[str, float]:
    """Processor seconds per iteration with and without recording, one of each in turn.

    Both see the same pictures; snapshots are close together early, so a short run shows the most
    that recording costs.
    """
    from dataclasses import replace

    import torch

    from deformviz.training.loop import DetectorTraining
    from deformviz.training.recipe import DetectorRecipe
    from deformviz.training.recorder import Recorder
    from deformviz.training.run_folder import RunFolder

    torch.set_num_threads(1)
    recipe = replace(DetectorRecipe(), iterations=10 * iterations)
    spent = {"recorded": 0.0, "plain": 0.0}

    def timed(name: str, work: Callable[[], None]) -> None:
        started = time.process_time()
        work()
        spent[name] += time.process_time() - started

    with tempfile.TemporaryDirectory() as folder:
        recorded, plain = (
            DetectorTraining(recipe, RunFolder(f"{folder}/{name}"))
            for name in ("recorded", "plain")
        )
        recorder = Recorder(f"{folder}/recorded", recorded.model, recorded.optimiser)

        def step() -> None:
            recorder.step(recorded.step()["loss"])

        for training in (plain, recorded) * WARM_UP:
            training.step()
        for iteration in range(iterations):
            turns = [("plain", plain.step), ("recorded", step)]
            for name, work in turns if iteration % 2 else turns[::-1]:
                timed(name, work)
    return {name: seconds / iterations for name, seconds in spent.items()} | {
        "inside": recorder.seconds / iterations
    }


def report_recording(iterations: int) -> None:
    found = measure_recording(iterations)
    share = found["recorded"] / found["plain"] - 1
    print(
        f"{iterations} iterations of each: {1000 * found['plain']:.1f} ms of processor time "
        f"without, {1000 * found['recorded']:.1f} ms with recording: {100 * share:+.1f} %; "
        f"inside the recorder {1000 * found['inside']:.2f} ms per iteration "
        f"({100 * found['inside'] / found['plain']:.1f} %)"
    )


def report_pace(iterations: int, threads: int) -> None:
    """Pictures per second by the clock, at the start, a fifth of the way and the end of a run."""
    from dataclasses import replace

    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from deformviz.models.memory import keep_freed_memory
    from deformviz.training.loop import DetectorTraining
    from deformviz.training.recipe import DetectorRecipe
    from deformviz.training.run_folder import RunFolder

    keep_freed_memory()
    torch.set_num_threads(threads)
    square = torch.rand(1000, 1000)
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {threads} threads")
    with tempfile.TemporaryDirectory() as folder:
        recipe = replace(DetectorRecipe(), iterations=10_000)
        training = DetectorTraining(recipe, RunFolder(folder))
        for first in (0, 2000, 8000):
            training.iteration = first
            for _ in range(WARM_UP):
                training.step()
            with FlopCounterMode(display=False) as counter:
                counted = training.step()["images"]
            work = counter.get_total_flops() / counted
            started, own, pictures = time.perf_counter(), time.thread_time(), 0
            for _ in range(iterations):
                pictures += training.step()["images"]
            took, own = time.perf_counter() - started, time.thread_time() - own
            laps = []
            for _ in range(9):
                lap = time.perf_counter()
                square @ square
                laps.append(time.perf_counter() - lap)
            limit = 2e9 / statistics.median(laps) / work
            print(
                f"iteration {first}: {pictures / took:.1f} pictures per second, the thread that "
                f"learns alone {pictures / own:.1f}; {work / 1e9:.2f} GFLOP each, of which a large "
                f"matrix product would do {limit:.0f} per second"
            )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.training", description=__doc__)
    parser.add_argument("--steps", type=int, default=60, help="of the slider")
    parser.add_argument(
        "--recording",
        type=int,
        metavar="ITERATIONS",
        nargs="?",
        const=100,
        help="measure the recorder instead",
    )
    parser.add_argument(
        "--pace", type=int, metavar="ITERATIONS", nargs="?", const=30, help="of a training instead"
    )
    parser.add_argument("--threads", type=int, default=1, help="of a training")
    options = parser.parse_args()
    try:
        if options.pace:
            report_pace(options.pace, options.threads)
        elif options.recording:
            report_recording(options.recording)
        else:
            report_scrubbing(options.steps)
    except RuntimeError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
