"""`dv.notebook()`: where a notebook finds the app, and that the app is there."""

import urllib.request

import pytest

import deformviz as dv
from deformviz.cli import in_notebook, serving


@pytest.mark.parametrize(
    "base, expected",
    [
        (None, "http://127.0.0.1:8765/"),
        ("/", "/proxy/8765/"),
        ("/user/anna/", "/user/anna/proxy/8765/"),
        ("/jupyter/default", "/jupyter/default/proxy/8765/"),
    ],
)
def test_the_app_is_asked_for_through_the_server_of_the_notebook(base, expected):
    assert in_notebook.address(8765, base) == expected


def test_a_hub_says_below_which_path_it_lies(monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/anna/")
    assert in_notebook._base() == "/user/anna/"


def test_behind_a_notebooks_server_any_name_is_taken_and_its_own_login_counts():
    command = serving.streamlit_command(8765, proxied=True)
    assert "--server.allowedHosts" not in command
    assert command[command.index("--server.enableCORS") + 1] == "false"
    assert command[command.index("--server.address") + 1] == "127.0.0.1"


@pytest.mark.slow
def test_a_frame_below_the_cell_shows_an_app_that_answers_and_is_started_once(monkeypatch):
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    frame = dv.notebook(height=500)
    assert frame.height == 500 and dv.notebook().src == frame.src
    with urllib.request.urlopen(frame.src, timeout=60) as page:
        assert page.status == 200
        assert "http://localhost:*" in page.headers["content-security-policy"]
    in_notebook._until_the_kernel_ends.close()
    in_notebook._running.clear()
