"""`dv.notebook()` in a real Jupyter server: its kernel starts the app, its proxy hands it on."""

import json
import os
import subprocess
import sys
import urllib.request
import uuid

import pytest

from tests.app.pointing import canvas_answers
from tests.conftest import ROOT, free_port, wait_until_listening

pytest.importorskip(
    "jupyter_server_proxy",
    reason="no Jupyter server: pip install jupyter-server jupyter-server-proxy",
)
pytestmark = [pytest.mark.browser, pytest.mark.slow]
BASE, TOKEN, PATIENCE_S = "/lab-3/", "a-token-of-the-test", 180
ASK = """
import deformviz as dv
print("frame:", dv.notebook(height=500).src)
"""


@pytest.fixture
def jupyter(tmp_path):
    """Address of a Jupyter server with a base path and a token, and of nothing else."""
    port, log = free_port(), tmp_path / "jupyter.log"
    said = {"JUPYTER_RUNTIME_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    options = {"port": port, "base_url": BASE, "root_dir": tmp_path, "open_browser": False}
    command = [sys.executable, "-m", "jupyter_server", f"--IdentityProvider.token={TOKEN}"]
    command += [f"--ServerApp.{name}={value}" for name, value in options.items()]
    command += ["--ServerApp.allow_root=True", "--ServerApp.ip=127.0.0.1"]
    with log.open("w") as out:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=os.environ | said, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        wait_until_listening(process, port, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def asked(jupyter, method, path):
    """What the server's own interface answers."""
    body = b"{}" if method == "POST" else None
    request = urllib.request.Request(f"{jupyter}{BASE}{path}", body, method=method)
    request.add_header("Authorization", f"token {TOKEN}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def printed(jupyter, kernel, code):
    """What a kernel of the server prints when it runs a cell."""
    from websockets.sync.client import connect

    address = f"{jupyter}{BASE}api/kernels/{kernel}/channels".replace("http", "ws", 1)
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
    header |= {"session": uuid.uuid4().hex, "username": "anna", "date": ""}
    cell = {"code": code, "silent": False, "store_history": False, "user_expressions": {}}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": cell}
    allowed = {"Authorization": f"token {TOKEN}"}
    said = ""
    with connect(address, additional_headers=allowed, max_size=None, open_timeout=60) as socket:
        socket.send(json.dumps(message | {"channel": "shell", "buffers": []}))
        while True:
            heard = json.loads(socket.recv(timeout=PATIENCE_S))
            kind, content = heard["header"]["msg_type"], heard["content"]
            if kind == "stream":
                said += content["text"]
            if kind == "error":
                raise AssertionError("\n".join(content["traceback"]))
            if kind == "execute_reply":
                return said


def test_the_frame_below_a_cell_shows_a_canvas_that_answers_the_pointer(jupyter, page):
    kernel = asked(jupyter, "POST", "api/kernels")["id"]
    said = printed(jupyter, kernel, ASK)
    source = said.partition("frame: ")[2].split()[0]
    assert source.startswith(f"{BASE}proxy/")
    stranger = page.request.get(f"{jupyter}{source}", max_redirects=0)
    assert stranger.status in (302, 403)  # whoever may not see the notebook sees no app either
    page.goto(f"{jupyter}{BASE}api?token={TOKEN}")  # its cookie, as a notebook's page has it
    notebook = f"{jupyter}{BASE}a-notebook.html"
    frame = f'<iframe src="{source}explore" width="1300" height="860"></iframe>'
    page.route(notebook, lambda route: route.fulfill(content_type="text/html", body=frame))
    page.goto(notebook)
    canvas_answers(page, page.frame_locator("iframe"))
    asked(jupyter, "DELETE", f"api/kernels/{kernel}")
