"""`deformviz app`: the real server on a free port, who may reach it, and how it ends."""

import argparse
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import deformviz
from deformviz.cli import app, main, serving

ROOT = Path(__file__).parents[1]


def free_port():
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def started(*arguments, before="exec"):
    """`deformviz app` in the background; `before` is the shell's last word before the command.

    Ctrl-C reaches it even where these tests run in a background that ignores it.
    """
    command = [sys.executable, "-m", "deformviz", "app", *arguments]
    return subprocess.Popen(
        ["sh", "-c", f'{before} "$@"', "sh", *command],
        text=True,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def lines_until(process, beginning):
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if line.startswith(beginning):
            break
    return lines


def test_the_app_starts_on_this_machine_only_and_ends_with_ctrl_c():
    port = free_port()
    process = started("--port", str(port), "--device", "cpu")
    try:
        said = lines_until(process, "deformviz is at")[-1]
        assert said.startswith(f"deformviz is at http://127.0.0.1:{port}")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as page:
            assert page.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_lan_says_where_it_is_and_a_script_can_end_it():
    # A script that starts it with & leaves it deaf to Ctrl-C.
    port = free_port()
    process = started("--port", str(port), "--lan", before="trap '' INT; exec")
    try:
        address = lines_until(process, "On this network")[-1].split()[-1]
        here = urlsplit(address)._replace(netloc=f"127.0.0.1:{port}")
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(here._replace(query="").geturl(), timeout=60)
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with browser.open(here.geturl(), timeout=60) as page:
            assert page.status == 200 and "key=" not in page.url
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()


def test_large_uploads_and_names_of_this_machine_only():
    here = serving.streamlit_command(8765)
    assert here[here.index("--server.address") + 1] == "127.0.0.1"
    assert here[here.index("--server.maxUploadSize") + 1] == "500"
    assert here.count("--server.allowedHosts") == 2
    lan = serving.streamlit_command(8765, serving.EVERYWHERE)
    assert lan[lan.index("--server.address") + 1] == "0.0.0.0"
    assert "--server.maxUploadSize" not in lan
    named = serving.streamlit_command(8765, serving.EVERYWHERE, ("class.example",))
    hosts = [named[at + 1] for at, word in enumerate(named) if word == "--server.allowedHosts"]
    assert {"class.example", serving.lan_address(), "localhost"} <= set(hosts)


def test_the_code_for_phones_says_the_address_with_its_key(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    app.say_where(app.with_key("http://192.0.2.7:8501/", "a-key"))
    said = capsys.readouterr().out
    assert "On this network:  http://192.0.2.7:8501/?key=a-key" in said
    assert said.count("\n") > 12  # the code itself


def test_the_options_reach_the_app_as_it_reads_them(tmp_path, monkeypatch):
    parser = argparse.ArgumentParser()
    app.add_options(parser)
    wishes = ["--lan", "--checkpoints", str(tmp_path), "--device", "cpu"]
    said = app.app_environment(parser.parse_args(wishes))
    assert len(said.pop("DEFORMVIZ_KEY")) >= 16
    assert said == {
        "DEFORMVIZ_CHECKPOINTS": str(tmp_path),
        "DEFORMVIZ_LAN": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    monkeypatch.setenv("DEFORMVIZ_CACHE", str(tmp_path / "cache"))
    alone = app.app_environment(parser.parse_args([]))
    assert alone == {"DEFORMVIZ_RECORDINGS": str(tmp_path / "cache" / "shown")}


def test_recordings_are_opened_by_name_and_a_wrong_one_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("DEFORMVIZ_CACHE", str(tmp_path / "cache"))
    parser = argparse.ArgumentParser()
    app.add_options(parser)
    files = [tmp_path / "a b.deformviz", tmp_path / "c.deformviz"]
    for file in files:
        file.touch()
    options = parser.parse_args([*map(str, files), "--recordings", str(tmp_path)])
    listed = app.app_environment(options)["DEFORMVIZ_RECORDINGS"].split(os.pathsep)
    assert listed == [*map(str, files), str(tmp_path), str(tmp_path / "cache" / "shown")]
    assert app.first_page(options) == "/recordings?recording=a+b"
    assert main(["app", str(tmp_path / "model.pth")]) == 2
    assert "model.pth is no recording" in capsys.readouterr().err


def test_the_next_free_port_is_taken_and_a_wish_is_not_bent(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(serving, "FIRST_PORT", port)
        assert serving.choose_port(None) > port
        with pytest.raises(ValueError, match=f"Port {port} is taken"):
            serving.choose_port(port)
    with pytest.raises(ValueError, match="from 1 to 65535"):
        serving.choose_port(70000)


def test_a_folder_that_is_not_there_is_told_in_a_sentence(capsys):
    assert main(["app", "--checkpoints", "no-such-folder"]) == 2
    said = capsys.readouterr().err
    assert said == "deformviz: --checkpoints: no-such-folder is not a folder.\n"


def test_a_gpu_that_torch_cannot_use_is_told_in_a_sentence(capsys, monkeypatch):
    monkeypatch.setattr(app, "torch_can_use_a_gpu", lambda: False)
    assert main(["app", "--device", "cuda"]) == 2
    assert "torch can use no NVIDIA GPU here" in capsys.readouterr().err


def test_a_library_without_its_app_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(deformviz, "__file__", str(tmp_path / "deformviz" / "__init__.py"))
    (tmp_path / "app").mkdir()  # a stranger's
    (tmp_path / "app" / "main.py").touch()
    with pytest.raises(FileNotFoundError, match="not part of the deformviz in"):
        serving.app_home()
