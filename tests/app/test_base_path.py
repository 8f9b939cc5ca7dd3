"""Wherever the server lies: below a base path of its own, or behind a proxy that strips one."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.app.pointing import canvas_answers
from tests.conftest import ROOT, free_port, running_app, wait_until_listening

pytestmark = [pytest.mark.browser, pytest.mark.slow]
BASE, PREFIX, KEY = "viz", "lab", "a-long-secret"
# Of each way in which a page is drawn: a lesson, a model's run, a grid, tables asked of a worker.
PAGES = ("", "explore", "dat", "learn", "survey?group=size+S")
# As a notebook's server does it: whoever asks is told nothing of the prefix.
STRIPPING = """
map $http_upgrade $connection_is { default upgrade; '' ''; }
server {
    listen PORT;
    location /PREFIX/ {
        proxy_pass APP/;
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_is;
    }
}
"""


@contextmanager
def nginx(place, servers, port):
    """It serves what a piece of its configuration says, as long as the block lasts."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None:
        pytest.skip("no proxy: nginx is not installed")
    said = place / "nginx.conf"
    said.write_text(
        f"pid {place}/nginx.pid; error_log {place}/nginx.err; daemon off; events {{}}\n"
        f"http {{ access_log off; {servers} }}\n"
    )
    process = subprocess.Popen([program, "-c", str(said)])
    try:
        wait_until_listening(process, port, said)
        yield
    finally:
        process.terminate()
        process.wait(10)


def filled(text, **places):
    """Text in which each of some words, there once, became another."""
    for word, becomes in places.items():
        assert text.count(word) == 1, word
        text = text.replace(word, becomes)
    return text


@pytest.fixture(scope="module")
def below_a_base_path(tmp_path_factory):
    """Where the app is found that was told of a base path."""
    log = tmp_path_factory.mktemp("based") / "server.log"
    with running_app(log, "--server.baseUrlPath", BASE) as (address, _):
        yield f"{address}/{BASE}"


@pytest.fixture(scope="module")
def behind_the_recipe(tmp_path_factory):
    """Where nginx has the app as the README says: TLS, a prefix, a key, a name."""
    place, port, behind = tmp_path_factory.mktemp("recipe"), free_port(), free_port()
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no certificate: openssl is not installed")
    certificate, secret = place / "certificate.pem", place / "secret.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=lab.example"]
        + ["-out", certificate, "-keyout", secret],
        check=True,
        capture_output=True,
    )
    recipe = re.search(r"```nginx\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    recipe = filled(
        recipe,
        **{
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "/etc/ssl/lab.example.pem": str(certificate),
            "/etc/ssl/lab.example.key": str(secret),
            "127.0.0.1:8501": f"127.0.0.1:{behind}",
        },
    )
    command = [sys.executable, "-m", "deformviz", "app", "--port", str(behind)]
    command += ["--name", "lab.example"]
    said = os.environ | {"DEFORMVIZ_LAN": "1", "DEFORMVIZ_KEY": KEY}
    log = place / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=said, stdout=out, stderr=out)
    try:
        wait_until_listening(process, behind, log)
        with nginx(place, recipe, port):
            yield f"https://127.0.0.1:{port}/deformviz"
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def behind_a_notebook(tmp_path_factory):
    """Where a proxy has the app that strips a prefix, for pages that frame it."""
    place, port = tmp_path_factory.mktemp("proxied"), free_port()
    options = ["--server.enableCORS", "false", "--server.enableXsrfProtection", "false"]
    with running_app(place / "server.log", *options) as (address, _):
        words = {"PORT": f"127.0.0.1:{port}", "PREFIX": PREFIX, "APP": address}
        with nginx(place, filled(STRIPPING, **words), port):
            yield f"http://127.0.0.1:{port}/{PREFIX}"


@pytest.fixture
def trusting_page(browser):
    """A page that takes any certificate."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, ignore_https_errors=True)
    yield context.new_page()
    context.close()


def every_page_is_drawn(page, address):
    """A canvas on each, no picture missing; and the explorer's answers the pointer."""
    broken = "images => images.filter(image => image.complete && !image.naturalWidth).length"
    for name in PAGES:
        page.goto(f"{address}/{name}")
        expect(page.locator("canvas").first).to_be_visible(timeout=60_000)
        assert page.locator("img").evaluate_all(broken) == 0, name
        if name == "explore":
            canvas_answers(page, page)
        if name.startswith("survey"):
            expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=60_000)


def test_below_a_base_path_every_page_is_drawn(below_a_base_path, page):
    every_page_is_drawn(page, below_a_base_path)
    assert page.console_errors == []


def test_behind_nginx_as_the_readme_has_it_every_page_is_drawn(behind_the_recipe, trusting_page):
    assert trusting_page.goto(f"{behind_the_recipe}/explore").status == 403
    trusting_page.goto(f"{behind_the_recipe}/?key={KEY}")
    assert "key=" not in trusting_page.url
    every_page_is_drawn(trusting_page, behind_the_recipe)


def test_in_a_frame_of_a_page_beside_it_the_canvas_answers_the_pointer(behind_a_notebook, page):
    notebook = behind_a_notebook.removesuffix(PREFIX) + "notebook"
    frame = f'<iframe src="/{PREFIX}/explore" width="1300" height="860"></iframe>'
    page.route(notebook, lambda route: route.fulfill(content_type="text/html", body=frame))
    page.goto(notebook)
    canvas_answers(page, page.frame_locator("iframe"))
