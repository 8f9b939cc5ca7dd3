"""`./run` in small copies of a checkout, with a pretended uv, a pretended app and tiny wheels."""

import importlib.machinery
import importlib.util
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "run"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"

# Pretends to be an environment's Python: answers the probe, is pytest, or serves the app's port.
FAKE_PYTHON = f"""#!{sys.executable}
import json, os, pathlib, socket, sys, time
venv = pathlib.Path(__file__).parents[1]
if sys.argv[1] == "-I":
    print((venv / "found.json").read_text())
    sys.exit()
watched = {{name: os.environ.get(name) for name in
           ("DEFORMVIZ_CHECKPOINTS", "DEFORMVIZ_LAN", "CUDA_VISIBLE_DEVICES")}}
(venv / "started.json").write_text(json.dumps([sys.argv[1:], watched]))
if sys.argv[2] == "pytest":
    sys.exit(5)
with socket.socket() as server:
    server.bind(("127.0.0.1", int(sys.argv[sys.argv.index("--server.port") + 1])))
    server.listen()
    while True:
        time.sleep(1)
"""

# Pretends to be uv: logs each call, "makes" environments and "installs" torch into them.
FAKE_UV = f"""#!{sys.executable}
import json, os, pathlib, sys
here = pathlib.Path(__file__).parent
words = sys.argv[1:]
said = {{name: value for name, value in os.environ.items() if name.startswith("UV_")}}
with (here / "calls.jsonl").open("a") as log:
    log.write(json.dumps([words, said]) + "\\n")
found = pathlib.Path.cwd() / ".venv" / "found.json"
if words[0] == "venv":
    python = found.parent / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text({FAKE_PYTHON!r})
    python.chmod(0o755)
    found.write_text(json.dumps({{"python": [3, 11], "torch": None, "build": None, "pip": False}}))
elif "--dry-run" in words:
    sys.exit(0 if (here / "sources-hold-cpu-torch").exists() else 1)
elif (here / "fails").exists():
    sys.exit(2)
elif (here / "is-killed").exists():
    os.kill(os.getppid(), 9)
elif any(word.startswith("torch==") for word in words):
    build = "cpu" if words[-1].endswith("==2.13.0+cpu") else "cuda"
    state = json.loads(found.read_text()) | {{"torch": "2.13.0", "build": build}}
    found.write_text(json.dumps(state))
"""


def executable(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def loaded_script():
    """The script as a module, without starting it."""
    loader = importlib.machinery.SourceFileLoader("deformviz_run", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    sys.modules[loader.name] = module  # dataclasses look their module up
    loader.exec_module(module)
    return module


class Checkout:
    """A folder with `run` in it, and a machine around it that the test decides on."""

    def __init__(self, folder, with_uv):
        self.root = folder / "checkout"
        self.root.mkdir()
        self.tools = folder / "tools"
        self.tools.mkdir()
        shutil.copy(SCRIPT, self.root / "run")
        self.write("pyproject.toml", "[project]\nname = 'tiny'\n")
        self.write("requirements.txt", "torch==2.13.0\nsmall==1.0\n")
        os.symlink(sys.executable, self.tools / "python3")
        if with_uv:
            executable(self.tools / "uv", FAKE_UV)
        self.environ = {
            "PATH": f"{self.tools}:/usr/bin:/bin",
            "HOME": str(folder),
            "PIP_CONFIG_FILE": os.devnull,
        }

    def write(self, name, text):
        (self.root / name).write_text(text)

    def run(self, *arguments):
        return subprocess.run(
            [sys.executable, self.root / "run", *arguments],
            text=True,
            env=self.environ,
            capture_output=True,
            timeout=120,
        )

    def start(self, *arguments, before="exec"):
        """`./run` in the background; `before` is the shell's last word before the command.

        Ctrl-C reaches it even where these tests run in a background that ignores it.
        """
        command = [
            "sh",
            "-c",
            f'{before} "$@"',
            "sh",
            sys.executable,
            self.root / "run",
            *arguments,
        ]
        return subprocess.Popen(
            command,
            text=True,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def uv_calls(self):
        log = self.tools / "calls.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def installed(self):
        """What uv was asked to install, one tuple of arguments per call."""
        return [
            tuple(words[4:])
            for words, _ in self.uv_calls()
            if words[0] == "pip" and "--dry-run" not in words
        ]

    def started(self):
        """(arguments, environment) the app or pytest got."""
        return json.loads((self.root / ".venv" / "started.json").read_text())


@pytest.fixture
def checkout(tmp_path):
    """A checkout on a machine with uv."""
    return Checkout(tmp_path, with_uv=True)


def test_the_cpu_build_comes_from_pytorch_alone_and_nothing_else_does(checkout):
    reply = checkout.run("--device", "cpu", "--no-start")
    assert reply.returncode == 0, reply.stderr
    assert f"torch 2.13.0: CPU build, about 190 MB, from {CPU_INDEX}" in reply.stdout
    assert checkout.installed() == [
        ("--no-deps", "--default-index", CPU_INDEX, "torch==2.13.0+cpu"),
        ("-r", "requirements.txt"),
    ]


def test_a_cpu_build_among_pips_own_sources_comes_first(checkout):
    (checkout.tools / "sources-hold-cpu-torch").touch()
    reply = checkout.run("--device", "cpu", "--no-start")
    assert "from a source pip knows" in reply.stdout
    assert checkout.installed()[0] == ("--no-deps", "torch==2.13.0+cpu")


def test_cuda_never_ends_in_the_cpu_build_that_lies_nearer(checkout):
    reply = checkout.run("--device", "cuda", "--no-start")
    assert "CUDA build, about 2.7 GB" in reply.stdout
    assert checkout.installed()[0] == ("--no-deps", "torch==2.13.0,!=2.13.0+cpu")


def test_pips_configuration_reaches_uv(checkout, tmp_path):
    present = tmp_path / "present"
    present.mkdir()
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://mirror.example/simple\nfind-links = /wheels\n"
        f"extra-index-url =\n  file://{present}\n  file:///not/there\n"
    )
    checkout.environ |= {"PIP_CONFIG_FILE": str(config), "PIP_FIND_LINKS": "/a /b"}
    checkout.run("--no-start")
    _, said = checkout.uv_calls()[-1]
    assert said == {
        "UV_FIND_LINKS": "/a,/b",
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_INDEX": f"file://{present}",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_an_unchanged_lock_installs_nothing(checkout):
    checkout.run("--no-start")
    before = len(checkout.uv_calls())
    reply = checkout.run("--no-start")
    assert (reply.stdout, reply.stderr) == ("", "")
    assert len(checkout.uv_calls()) == before


def test_a_changed_lock_keeps_the_torch_that_is_there(checkout):
    checkout.run("--device", "cpu", "--no-start")
    before = len(checkout.installed())
    checkout.write("requirements.txt", "torch==2.13.0\nsmall==2.0\n")
    reply = checkout.run("--no-start")
    assert "torch 2.13.0: already there" in reply.stdout
    assert checkout.installed()[before:] == [("-r", "requirements.txt")]


def test_an_explicit_device_replaces_a_build_that_cannot_serve_it(checkout):
    checkout.run("--device", "cpu", "--no-start")
    checkout.run("--device", "cuda", "--no-start")
    assert ("--no-deps", "torch==2.13.0,!=2.13.0+cpu") in checkout.installed()


def test_tests_add_their_tools_once_and_pass_on_their_arguments_and_status(checkout):
    checkout.run("--no-start")
    reply = checkout.run("test", "-k", "geometry", "-x", "tests/test_geometry.py")
    assert reply.returncode == 5  # what the pretended pytest returns
    assert checkout.started()[0] == [
        "-m",
        "pytest",
        "-k",
        "geometry",
        "-x",
        "tests/test_geometry.py",
    ]
    assert checkout.installed()[-1] == ("-e", ".[test]")
    before = len(checkout.uv_calls())
    assert checkout.run("test").returncode == 5
    assert checkout.run("--no-start").returncode == 0
    assert len(checkout.uv_calls()) == before


def test_a_refused_installation_is_tried_again_and_never_counts_as_done(checkout):
    (checkout.tools / "fails").touch()
    reply = checkout.run("--no-start")
    assert reply.returncode == 1 and "Traceback" not in reply.stderr
    assert "failed; its reason stands above" in reply.stderr
    (checkout.tools / "fails").unlink()
    assert "Ready after" in checkout.run("--no-start").stdout
    assert sum(words[0] == "venv" for words, _ in checkout.uv_calls()) == 1


def test_an_interrupted_installation_starts_from_nothing(checkout):
    (checkout.tools / "is-killed").touch()
    assert checkout.run("--no-start").returncode == -signal.SIGKILL
    (checkout.tools / "is-killed").unlink()
    assert "Ready after" in checkout.run("--no-start").stdout
    assert sum(words[0] == "venv" for words, _ in checkout.uv_calls()) == 2


def free_port():
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def lines_until(process, beginning):
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if line.startswith(beginning):
            break
    return lines


def test_the_app_starts_on_this_machine_only_and_ends_with_ctrl_c(checkout, tmp_path):
    port = free_port()
    process = checkout.start("--port", str(port), "--checkpoints", str(tmp_path), "--device", "cpu")
    lines = lines_until(process, "deformviz is at")
    assert lines[-1].startswith(f"deformviz is at http://127.0.0.1:{port}")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 0
    arguments, environ = checkout.started()
    assert arguments[:4] == ["-m", "streamlit", "run", "app/main.py"]
    assert arguments[arguments.index("--server.address") + 1] == "127.0.0.1"
    assert environ == {
        "DEFORMVIZ_CHECKPOINTS": str(tmp_path),
        "DEFORMVIZ_LAN": None,
        "CUDA_VISIBLE_DEVICES": "",
    }
    assert arguments[arguments.index("--server.maxUploadSize") + 1] == "500"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_lan_opens_it_and_says_where(checkout):
    port = free_port()
    # A script that starts it with & leaves it deaf to Ctrl-C.
    process = checkout.start("--port", str(port), "--lan", before="trap '' INT; exec")
    assert lines_until(process, "On this network")[-1].endswith(f":{port}")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0
    arguments, environ = checkout.started()
    assert arguments[arguments.index("--server.address") + 1] == "0.0.0.0"
    assert environ["DEFORMVIZ_LAN"] == "1"
    assert "--server.maxUploadSize" not in arguments  # strangers keep the 20 of config.toml


def test_the_next_free_port_is_taken_and_a_wish_is_not_bent(monkeypatch):
    script = loaded_script()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(script, "FIRST_PORT", port)
        assert script.choose_port(None, "127.0.0.1") > port
        with pytest.raises(script.Stop, match=f"Port {port} is taken"):
            script.choose_port(port, "127.0.0.1")
    with pytest.raises(script.Stop, match="from 1 to 65535"):
        script.choose_port(70000, "127.0.0.1")


def test_a_missing_venv_module_is_one_sentence_with_the_cure(monkeypatch):
    script = loaded_script()
    monkeypatch.setattr(script.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(script.Stop, match="apt install python3-venv"):
        script.Installer(uv=None, environ={}).create(keep=False)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--checkpoints", "/not/there"], "--checkpoints: /not/there is not a folder."),
        (["--colour"], "unknown: --colour"),
        (["tset"], "invalid choice: 'tset'"),
    ],
)
def test_a_wrong_command_line_is_told_in_a_sentence(checkout, arguments, words):
    reply = checkout.run(*arguments)
    assert reply.returncode in (1, 2) and words in reply.stderr
    assert "Traceback" not in reply.stderr and not checkout.uv_calls()


def test_a_broken_pip_configuration_is_named(checkout, tmp_path):
    config = tmp_path / "broken.conf"
    config.write_text("find-links = without a section\n")
    checkout.environ["PIP_CONFIG_FILE"] = str(config)
    reply = checkout.run("--no-start")
    assert str(config) in reply.stderr and "Traceback" not in reply.stderr


def tiny_wheel(folder, name, version, files):
    """A wheel that pip accepts: some files and the metadata that pip insists on."""
    info = f"{name}-{version}.dist-info"
    files |= {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    rows = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in (files | {f"{info}/RECORD": rows}).items():
            wheel.writestr(path, text)


@pytest.fixture
def checkout_with_pip(tmp_path):
    """A checkout without uv; pip's only source is a folder with both builds of a tiny torch."""
    checkout = Checkout(tmp_path, with_uv=False)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for version, cuda in (("2.13.0", "'13.0'"), ("2.13.0+cpu", "None")):
        tiny_wheel(
            wheels,
            "torch",
            version,
            {"torch/__init__.py": "", "torch/version.py": f"cuda = {cuda}\n"},
        )
    tiny_wheel(wheels, "small", "1.0", {"small.py": ""})
    checkout.environ |= {"PIP_FIND_LINKS": str(wheels), "PIP_NO_INDEX": "1"}
    return checkout


def torch_in(checkout):
    code = "import importlib.metadata as m; print(m.version('torch'))"
    return subprocess.run(
        [checkout.root / ".venv" / "bin" / "python", "-I", "-c", code],
        text=True,
        capture_output=True,
    ).stdout.strip()


def test_pip_itself_brings_the_build_that_was_asked_for(checkout_with_pip):
    reply = checkout_with_pip.run("--device", "cpu", "--no-start")
    assert "CPU build, about 190 MB, from a source pip knows" in reply.stdout, reply.stderr
    assert torch_in(checkout_with_pip) == "2.13.0+cpu"
    reply = checkout_with_pip.run("--device", "cuda", "--no-start")
    assert reply.returncode == 0, reply.stderr
    assert torch_in(checkout_with_pip) == "2.13.0"
    start = time.monotonic()
    assert checkout_with_pip.run("--no-start").stdout == ""
    assert time.monotonic() - start < 5


def test_a_source_without_the_cuda_build_is_told(checkout_with_pip, tmp_path):
    (tmp_path / "wheels" / "torch-2.13.0-py3-none-any.whl").unlink()
    reply = checkout_with_pip.run("--device", "cuda", "--no-start")
    assert reply.returncode == 1 and "Traceback" not in reply.stderr
    assert not (checkout_with_pip.root / ".venv" / "deformviz-ready.json").exists()
