"""Wherever the server lies: below a base path of its own, or behind a proxy that strips one."""

import shutil
import subprocess
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
