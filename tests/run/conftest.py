"""`./run` in small copies of a checkout, with a pretended uv and a pretended Python."""

import importlib.machinery
import importlib.util
import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "run"

# Pretends to be an environment's Python: answers the probe, is pytest or the command deformviz.
FAKE_PYTHON = f"""#!{sys.executable}
import json, os, pathlib, sys
venv = pathlib.Path(__file__).parents[1]
if sys.argv[1] == "-I":
    print((venv / "found.json").read_text())
    sys.exit()
(venv / "started.json").write_text(json.dumps(sys.argv[1:]))
sys.exit(5 if sys.argv[2] == "pytest" else 0)
"""

# Pretends to be uv: logs each call, "makes" environments and "installs" torch into them.
FAKE_UV = f"""#!{sys.executable}
import json, os, pathlib, sys, time
here = pathlib.Path(__file__).parent
words = sys.argv[1:]
said = {{name: value for name, value in os.environ.items() if name.startswith("UV_")}}
with (here / "calls.jsonl").open("a") as log:
    log.write(json.dumps([words, said]) + "\\n")
found = pathlib.Path.cwd() / ".venv" / "found.json"
if (here / "is-slow").exists():
    time.sleep(0.5)
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


@pytest.fixture
def script():
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
        (self.root / "tests").mkdir(parents=True)
        self.tools = folder / "tools"
        self.tools.mkdir()
        shutil.copy(SCRIPT, self.root / "run")
        self.write("pyproject.toml", "[project]\nname = 'tiny'\n")
        self.write("requirements.txt", "torch==2.13.0\nsmall==1.0\n")
        self.write("tests/requirements.txt", "checker==1.0\n")
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

    def run(self, *arguments, script="run"):
        return subprocess.run(
            [sys.executable, self.root / script, *arguments],
            text=True,
            env=self.environ,
            capture_output=True,
            timeout=120,
        )

    def start(self, *arguments):
        """`./run` in the background."""
        return subprocess.Popen(
            [sys.executable, self.root / "run", *arguments],
            text=True,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
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
        """The arguments that .venv's Python got last, without those of the probe."""
        return json.loads((self.root / ".venv" / "started.json").read_text())


@pytest.fixture
def checkout(tmp_path):
    """A checkout on a machine with uv."""
    return Checkout(tmp_path, with_uv=True)


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
