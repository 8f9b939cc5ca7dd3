"""How fast the page is: `python -m tests.bench.page`, with `--sessions 10`.

Starts a server of its own, drives it with Chromium (playwright, of the test extra), and prints
what it measured. Figures depend on the machine and on what else it does; the load is printed too.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHROMIUM_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE_S = 600
DRAWN = ".dv-explorer:not([aria-busy])"
RUN_LINE = "run finished"  # what app/runs.py logs once per model run
UPLOAD_HW = (480, 640)
VISITS = 5


@dataclass(frozen=True)
class Server:
    """A running app: where it listens, its process, its log, and when it was started."""

    address: str
    process: subprocess.Popen
    log: Path
    started: float

    def peak_mib(self) -> float:
        """The most memory the process ever held, where the system tells."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return float("nan")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def model_runs(self) -> int:
        return self.log.read_text().count(RUN_LINE)


@contextmanager
def running_server(script: Path = ROOT / "app" / "main.py") -> Iterator[Server]:
    """The app as `streamlit run` starts it, on a free port; ended afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(script),
        "--server.headless",
        "true",
        "--server.address",
        "127.0.0.1",
        "--server.port",
        str(port),
        "--browser.gatherUsageStats",
        "false",
    ]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.log"
        started = time.time()
        with log.open("w") as out:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, "DEFORMVIZ_LOG": "INFO"},
            )
        try:
            _wait_until_listening(port, process, log)
            yield Server(f"http://127.0.0.1:{port}", process, log, started)
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_listening(port: int, process: subprocess.Popen, log: Path) -> None:
    deadline = time.perf_counter() + PATIENCE_S
    while time.perf_counter() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"The server did not start. It said:\n{log.read_text()}")


@contextmanager
def running_browser():
    """Headless Chromium; RuntimeError says what is missing."""
    names = (os.environ.get("DEFORMVIZ_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if name and (found := shutil.which(name))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise RuntimeError("The benchmark needs playwright: pip install -e '.[test]'.") from None
    if path is None:
        raise RuntimeError("The benchmark needs Chromium; DEFORMVIZ_CHROMIUM may name it.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


def open_page(browser, address: str):
    """A new visitor (nothing cached); returns the page once its canvas shows points."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    page.goto(address, wait_until="commit")
    page.locator(DRAWN).wait_for()
    return page


def measure_first_pictures(browser, server: Server) -> tuple[float, list[float]]:
    """Seconds to a picture: from the server's start, and from the visits of later people.

    The browser notes when its canvas was first on the screen. Each visitor has left when the
    next one comes: they would share this machine's cores, as visitors do not.
    """
    begun, shown = [], []
    for _ in range(VISITS + 1):
        begun.append(time.time())
        page = open_page(browser, f"{server.address}/explore")
        page.locator(".js-plotly-plot").first.wait_for()
        shown.append(
            page.evaluate("performance.timeOrigin / 1000")
            + page.locator(".dv").evaluate("(root) => root.__explorer.firstShownMs / 1000")
        )
        page.context.close()
    return shown[0] - server.started, sorted(
        b - a for a, b in zip(begun[1:], shown[1:], strict=True)
    )


def measure_empty_page(browser) -> list[float]:
    """Seconds until a Streamlit page with nothing but a headline shows it: what is not ours."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "empty.py"
        script.write_text('import streamlit as st\n\nst.title("Nothing")\n')
        with running_server(script) as server:
            times = []
            for _ in range(VISITS + 1):
                begun = time.time()
                page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
                page.goto(server.address, wait_until="commit")
                page.locator("h1").wait_for()
                times.append(time.time() - begun)
                page.context.close()
    return sorted(times[1:])


def measure_hover(browser, server: Server, moves: int) -> list[float]:
    """Milliseconds from each pointer event to the drawn frame, over the encoder's cells."""
    page = open_page(browser, f"{server.address}/explore?layer=encoder.1")
    page.locator(".js-plotly-plot").first.wait_for()
    page.wait_for_timeout(2000)  # until charts have settled, as for a visitor
    box = page.locator(".dv-stage").bounding_box()
    before = len(_hover_times(page))
    for step in range(moves):
        page.mouse.move(
            box["x"] + box["width"] * (0.1 + 0.8 * (step * 37 % 61) / 61),
            box["y"] + box["height"] * (0.1 + 0.8 * (step * 53 % 59) / 59),
        )
        page.wait_for_timeout(20)
    page.wait_for_timeout(200)
    return _hover_times(page)[before:]


def _hover_times(page) -> list[float]:
    return page.locator(".dv").evaluate("(root) => root.__explorer.hoverToDrawnMs")


def measure_sessions(browser, server: Server, sessions: int) -> list[float]:
    """Seconds from upload to picture for visitors who upload the same picture at once."""
    pages = [open_page(browser, f"{server.address}/explore") for _ in range(sessions)]
    for page in pages:
        page.get_by_text("Use your own picture").click()
    file = {"name": "shared.png", "mimeType": "image/png", "buffer": _picture()}
    begun, times = time.perf_counter(), {}
    for page in pages:
        page.locator("input[type=file]").set_input_files(file)
    while len(times) < sessions and time.perf_counter() - begun < PATIENCE_S:
        for number, page in enumerate(pages):
            if number not in times and page.get_by_text("Computed here").count():
                times[number] = time.perf_counter() - begun
        time.sleep(0.1)
    errors = sum(page.get_by_role("alert").count() for page in pages)
    if errors or len(times) < sessions:
        raise RuntimeError(
            f"{sessions - len(times)} of {sessions} sessions saw no picture, {errors} saw an error."
        )
    return sorted(times.values())


def _picture() -> bytes:
    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (*UPLOAD_HW, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} s ({seconds[0]:.2f} to {seconds[-1]:.2f})"


def report(sessions: int, moves: int) -> None:
    """Measure and print."""
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with running_browser() as browser, running_server() as server:
        cold, later = measure_first_pictures(browser, server)
        print(f"first picture, cold (server start included): {cold:.2f} s")
        print(f"first picture, next visitors: {spread(later)}")
        print(f"an empty Streamlit page in the same browser: {spread(measure_empty_page(browser))}")
        times = sorted(measure_hover(browser, server, moves))
        print(
            f"hover to drawn over {len(times)} moves: p50 {statistics.median(times):.1f} ms, "
            f"p95 {times[int(0.95 * (len(times) - 1))]:.1f} ms"
        )
        print(f"memory of the server, peak: {server.peak_mib():.0f} MiB")
        if sessions:
            seen = measure_sessions(browser, server, sessions)
            print(
                f"{sessions} sessions upload one picture: {server.model_runs()} model run(s), "
                f"shown after {seen[0]:.2f} s (first) to {seen[-1]:.2f} s (last), 0 errors"
            )
            print(f"memory of the server, peak: {server.peak_mib():.0f} MiB")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.page", description=__doc__)
    parser.add_argument("--sessions", type=int, default=0, help="visitors who upload at once")
    parser.add_argument("--moves", type=int, default=200, help="pointer moves to time")
    options = parser.parse_args()
    try:
        report(options.sessions, options.moves)
    except RuntimeError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
