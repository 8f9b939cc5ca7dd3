"""Wherever the server lies: below a base path of its own, or behind a proxy that strips one."""

import shutil
import subprocess
import time
from contextlib import ExitStack

import pytest
from playwright.sync_api import expect

from tests.conftest import free_port, running_app, wait_until_listening

pytestmark = pytest.mark.browser
BASE = "viz"


@pytest.fixture
def start(tmp_path):
    """Starts the app with options; returns its port."""
    with ExitStack() as running:

        def start(*options):
            address, _ = running.enter_context(running_app(tmp_path / "server.log", *options))
            return address.rpartition(":")[2]

        yield start


@pytest.fixture
def stripping_proxy(tmp_path):
    """Starts nginx in front of a port, which serves it below /lab/ and tells it nothing of that."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if nginx is None:
        pytest.skip("no proxy: nginx is not installed")
    running = []

    def start(behind):
        port = free_port()
        (tmp_path / "nginx.conf").write_text(
            f"pid {tmp_path}/nginx.pid; error_log {tmp_path}/nginx.err; daemon off; events {{}}\n"
            "http { access_log off; map $http_upgrade $connection_is { default upgrade; '' ''; }\n"
            f"server {{ listen 127.0.0.1:{port}; location /lab/ {{\n"
            f"proxy_pass http://127.0.0.1:{behind}/; proxy_http_version 1.1;\n"
            "proxy_set_header Upgrade $http_upgrade; proxy_set_header Host $http_host;\n"
            "proxy_set_header Connection $connection_is; } } }\n"
        )
        process = subprocess.Popen([nginx, "-c", str(tmp_path / "nginx.conf")])
        running.append(process)
        wait_until_listening(process, port, tmp_path / "nginx.conf")
        return port

    yield start
    for process in running:
        process.terminate()
        process.wait(10)


def sees_the_canvas_and_thumbnails(page, address):
    page.goto(address)
    expect(page.locator("canvas").first).to_be_visible(timeout=60_000)
    broken = "images => images.filter(image => image.complete && !image.naturalWidth).length"
    assert page.locator("img").evaluate_all(broken) == 0


@pytest.mark.slow
def test_below_a_base_path_pictures_are_drawn(start, page):
    port = start("--server.baseUrlPath", BASE)
    for name in ("", "explore", "dat"):
        sees_the_canvas_and_thumbnails(page, f"http://127.0.0.1:{port}/{BASE}/{name}")


@pytest.mark.slow
def test_behind_a_proxy_that_strips_a_prefix_pictures_are_drawn(start, stripping_proxy, page):
    port = stripping_proxy(start())
    for name in ("", "dat"):
        sees_the_canvas_and_thumbnails(page, f"http://127.0.0.1:{port}/lab/{name}")


@pytest.mark.slow
def test_in_a_frame_of_a_notebook_behind_its_proxy_the_canvas_answers_the_pointer(
    start, stripping_proxy, page
):
    app = start("--server.enableCORS", "false", "--server.enableXsrfProtection", "false")
    notebook = f"http://127.0.0.1:{stripping_proxy(app)}/notebook"
    frame = '<iframe src="/lab/explore" width="1300" height="860"></iframe>'
    page.route(notebook, lambda route: route.fulfill(content_type="text/html", body=frame))
    page.goto(notebook)
    inside = page.frame_locator("iframe")
    expect(inside.locator(".dv-stage canvas").first).to_be_visible(timeout=60_000)
    explorer, box = inside.locator(".dv"), inside.locator(".dv-stage").bounding_box()
    drawn = "(root) => root.__explorer.redraws"
    until(page, lambda: explorer.evaluate(drawn) > 0)
    before = explorer.evaluate(drawn)
    for share in (0.3, 0.6):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"])
        until(page, lambda before=before: explorer.evaluate(drawn) > before)
        before = explorer.evaluate(drawn)


def until(page, holds, patience_s=60):
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        page.wait_for_timeout(50)
