"""What tests share: parity data, a browser, a running app, and an honest list of what did not run.

A skip whose reason starts with "no" and a word of KNOWN ("no browser: ..") is a failure where the
variable DEFORMVIZ_REQUIRE names that word: `DEFORMVIZ_REQUIRE=browser,compiler`.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).parents[1]
KNOWN = ("browser", "compiler", "firefox", "nvcc", "parity")  # what a machine may lack
REQUIRED = {word for word in os.environ.get("DEFORMVIZ_REQUIRE", "").split(",") if word}
DESELECTED = pytest.StashKey[list]()
STARTED = pytest.StashKey[tuple]()
DEFAULT_RUN = "not slow and not gpu"  # the markers that pyproject.toml asks for
PROCESSES = 2

# How long an example takes says something about the machine, nothing about the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
os.environ["HF_HUB_OFFLINE"] = "1"  # before anybody imports the hub's client, which reads it once


# -- a run of all tests goes in two processes ----------------------------------------------------


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at its options
def pytest_cmdline_main(config):
    """Files are shared out whole, in their order, unless the caller chose files or names or -n.

    Fixtures of a module are made once that way. Each process gets one thread of torch.
    """
    option = config.option
    alone = option.keyword or option.usepdb or option.collectonly or option.capture == "no"
    if is_worker(config) or config.args_source != config.ArgsSource.TESTPATHS or alone:
        return
    if not config.pluginmanager.hasplugin("xdist") or option.numprocesses is not None:
        return
    option.numprocesses, option.dist, option.loadscopereorder = PROCESSES, "loadfile", False
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("PYTHONHASHSEED", "0")  # both must collect the same tests in one order


def is_worker(config):
    """Whether this is one of those processes: the one that started them collects what they say."""
    return hasattr(config, "workerinput")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """A process ended: every one deselected the same tests, so the first to say so is heard."""
    if not node.config.stash[DESELECTED]:
        node.config.stash[DESELECTED] += getattr(node, "workeroutput", {}).get("deselected", [])


# -- what could not run, and why -----------------------------------------------------------------


def pytest_configure(config):
    config.stash[DESELECTED] = []
    config.stash[STARTED] = (time.monotonic(), processor_s())
    unknown = REQUIRED.difference(KNOWN)
    if unknown:
        raise pytest.UsageError(
            f"DEFORMVIZ_REQUIRE names {', '.join(sorted(unknown))}; it knows {', '.join(KNOWN)}."
        )


def pytest_deselected(items):
    if items:
        items[0].config.stash[DESELECTED] += [
            (item.nodeid, mark)
            for item in items
            for mark in ("slow", "gpu")
            if item.get_closest_marker(mark)
        ]


def processor_s():
    """Time of processors that this process and those it waited for have used."""
    return sum(os.times()[:4])


@pytest.hookimpl(trylast=True)  # once the processes are waited for, so that their time counts
def pytest_sessionfinish(session, exitstatus):
    """Leave behind how long a default run of all tests took, for `./run budgets`."""
    config = session.config
    if is_worker(config):
        config.workeroutput["deselected"] = config.stash[DESELECTED]
        return
    chosen = config.args_source != config.ArgsSource.TESTPATHS or config.option.keyword
    stopped = session.shouldstop or session.shouldfail or exitstatus > 1
    if chosen or stopped or config.option.markexpr != DEFAULT_RUN or not hasattr(config, "cache"):
        return
    began, processors = config.stash[STARTED]
    config.cache.set(
        "deformviz/last_run",
        {
            "date": time.strftime("%Y-%m-%d %H:%M"),
            "wall_s": round(time.monotonic() - began),
            "processor_s": round(processor_s() - processors),
            "collected": session.testscollected,
            "deselected": len({nodeid for nodeid, _ in config.stash[DESELECTED]}),
        },
    )


def pytest_runtest_setup(item):
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no GPU that torch can use")


def skip_reason(report):
    """The reason of a skip without its prefix; None for any other report."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return None
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ")


def forbid_required_skip(report):
    reason = skip_reason(report)
    if reason and any(reason.startswith(f"no {word}") for word in REQUIRED):
        report.outcome = "failed"
        report.longrepr = f"DEFORMVIZ_REQUIRE forbids this skip: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = forbid_required_skip((yield))
    log = item.funcargs.get("server_log") if hasattr(item, "funcargs") else None
    if report.failed and log:
        report.sections.append(("the app's own log, its end", log.read_text()[-4000:]))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return forbid_required_skip((yield))


def pytest_terminal_summary(terminalreporter, config):
    reasons = defaultdict(list)
    for report in terminalreporter.stats.get("skipped", []):
        reasons[skip_reason(report)].append(report.nodeid)
    for nodeid, mark in config.stash[DESELECTED]:
        reasons[f"marked {mark}: `./run test -m {mark}`"].append(nodeid)
    terminalreporter.section("what did not run, and why")
    for reason, tests in sorted(reasons.items(), key=lambda row: -len(row[1])):
        files = ", ".join(sorted({test.partition("::")[0] for test in tests}))
        terminalreporter.line(f"{len(tests):5d}  {reason}  ({files})")
    if not reasons:
        terminalreporter.line("Everything ran.")


# -- what a machine may lack ---------------------------------------------------------------------


@pytest.fixture(scope="session")
def parity():
    """Reads a file of the parity folder: `parity("detr/ddetr_plain.pt")`; skips without one."""
    folder = Path(os.environ.get("DEFORMVIZ_PARITY", ROOT / ".." / "shared" / "parity"))

    def read(name):
        if not folder.is_dir():
            pytest.skip("no parity folder; DEFORMVIZ_PARITY names it")
        if not (folder / name).is_file():
            pytest.skip(f"no parity file {name} in the parity folder")
        import torch

        return torch.load(folder / name, weights_only=True)

    return read


@pytest.fixture(scope="session")
def compiler():
    """Path of a C++ compiler."""
    for name in (os.environ.get("CXX"), "g++", "clang++"):
        if name and (path := shutil.which(name)):
            return path
    pytest.skip("no compiler: neither g++ nor clang++ is on the PATH")


@pytest.fixture(scope="session")
def chromium():
    """Path of a Chromium or Chrome; DEFORMVIZ_CHROMIUM names another one."""
    for name in (
        os.environ.get("DEFORMVIZ_CHROMIUM"),
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ):
        if name and (path := shutil.which(name)):
            return path
    pytest.skip("no browser: neither Chromium nor Chrome is on the PATH")


@pytest.fixture(scope="session")
def firefox():
    """Path of a Firefox; DEFORMVIZ_FIREFOX names another one."""
    for name in (os.environ.get("DEFORMVIZ_FIREFOX"), "firefox-esr", "firefox"):
        if name and (path := shutil.which(name)):
            return path
    pytest.skip("no firefox: neither firefox-esr nor firefox is on the PATH")


# -- the app in a browser ------------------------------------------------------------------------


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def server_log(tmp_path_factory):
    """The file that takes what the running app prints."""
    return tmp_path_factory.mktemp("app") / "server.log"


@pytest.fixture(scope="session")
def server(server_log):
    """Address of the real app, started as the README says, ended after the last test."""
    with running_app(server_log) as (address, _):
        yield address


@contextmanager
def running_app(log, *options, root=ROOT, **environment):
    """(address, process) of the real app, or of a copy of it, which ends with the block."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app/main.py"]
    command += ["--server.headless", "true", "--server.address", "127.0.0.1"]
    command += ["--server.port", str(port), *options]
    with log.open("w") as said:
        process = subprocess.Popen(
            command, cwd=root, env=os.environ | environment, stdout=said, stderr=subprocess.STDOUT
        )
    try:
        wait_until_listening(process, port, log)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_listening(process, port, log):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"The app did not start within 60 s. It said:\n{log.read_text()}")


@pytest.fixture(scope="module")
def playwright():
    """One per module: its event loop must not outlive the browser tests."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)  # a busy machine takes its time
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(chromium, playwright):
    """Headless Chromium."""
    browser = playwright.chromium.launch(
        executable_path=chromium,
        args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    )
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def firefox_browser(firefox, playwright, tmp_path_factory):
    """Headless Firefox of the system, through WebDriver BiDi."""
    from tests.firefox import launched

    with launched(playwright, firefox, tmp_path_factory.mktemp("firefox")) as browser:
        yield browser


@pytest.fixture
def page(browser):
    """An empty page of 1440 x 900; `page.console_errors` lists what its console complained of."""
    with opened(browser) as page:
        yield page


@pytest.fixture
def firefox_page(firefox_browser):
    """The same in Firefox."""
    with opened(firefox_browser) as page:
        yield page


@contextmanager
def opened(browser):
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.console_errors = []
    page.on("pageerror", lambda error: page.console_errors.append(str(error)))
    page.on(
        "console",
        lambda message: complains(message) and page.console_errors.append(message.text),
    )
    yield page
    context.close()


def complains(message):
    """Whether it is an error: Streamlit asks for itself below a page's own address first, too."""
    return message.type == "error" and "/_stcore/" not in message.location["url"]


@pytest.fixture
def axe():
    """What axe-core finds wrong on a page, rule by rule; `.ci/run` says where it lies."""
    script = os.environ.get("DEFORMVIZ_AXE", "")
    if not Path(script).is_file():
        pytest.skip("no axe-core: DEFORMVIZ_AXE names no file (npm package axe-core, axe.min.js)")

    def violations(page):
        page.add_script_tag(path=script)
        asked = (
            "{resultTypes: ['violations'], preload: false}"  # no rule of ours needs style sheets
        )
        return page.evaluate(f"axe.run(document, {asked}).then(({{violations}}) => violations)")

    return violations
