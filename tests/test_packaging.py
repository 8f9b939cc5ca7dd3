"""What is declared is what is imported, and the wheel carries all that the code reads."""

import ast
import re
import socket
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from app.rooms import PAGES

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DEPENDENCIES = {Requirement(line).name: Requirement(line) for line in PROJECT["dependencies"]}
EXTRAS = {
    extra: {Requirement(line).name: Requirement(line) for line in lines}
    for extra, lines in PROJECT["optional-dependencies"].items()
}
DISTRIBUTION_OF = {
    "py_mini_racer": "mini-racer",
    "resvg_py": "resvg-py",
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "skimage": "scikit-image",
    "huggingface_hub": "huggingface-hub",
}
ROOM_OF_EXTRA = {"training": "train", "survey": "survey"}
LEFT_OUT = {"app/screenshot.png"}  # the README's
BROUGHT_BY_THE_CUDA_BUILD = ("nvidia-cu", "nvidia-n", "cuda-", "triton")  # torch pins them
BROUGHT_BY = {
    "starlette": "streamlit",
    "pandas": "streamlit",
    "scipy": "scikit-image",
}


def imports_of(tree, inside_a_function=False):
    """(package, whether inside a function) of every absolute import."""
    for node in ast.iter_child_nodes(tree):
        names = (
            [node.module]
            if isinstance(node, ast.ImportFrom) and node.level == 0
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        yield from ((name.split(".")[0], inside_a_function) for name in names)
        yield from imports_of(node, inside_a_function or isinstance(node, ast.FunctionDef))


def undeclared_imports(path):
    """Third-party distributions a file imports without a right to.

    An extra may be imported inside a function; a room that an extra is for may import it anywhere.
    """
    always = set(DEPENDENCIES) | set(BROUGHT_BY)
    for room, extra in ROOM_OF_EXTRA.items():
        if path.is_relative_to(ROOT / "deformviz" / room):
            always |= set(EXTRAS[extra])
    late = always.union(*EXTRAS.values())
    for package, inside_a_function in imports_of(ast.parse(path.read_text(encoding="utf-8"))):
        name = DISTRIBUTION_OF.get(package, package)
        own = package in sys.stdlib_module_names | {"app", "deformviz"}
        if not own and name not in (late if inside_a_function else always):
            yield name


def pins(path):
    """Versions that a file of pins names, by package; what is for other systems included."""
    lines = [line for line in (ROOT / path).read_text().splitlines() if "==" in line]
    rows = [line.partition(";")[0].strip().split("==") for line in lines]
    return {canonicalize_name(name): version for name, version in rows}


def needed_in_turn(names, extras=()):
    """These distributions and what they need on this machine, as their metadata say."""
    found, waiting = set(), [(name, tuple(extras)) for name in names]
    while waiting:
        name, wanted = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for line in metadata.requires(name) or []:
            need = Requirement(line)
            if need.marker and not any(need.marker.evaluate({"extra": e}) for e in ("", *wanted)):
                continue
            waiting.append((canonicalize_name(need.name), tuple(need.extras)))
    return {name for name in found if not name.startswith(BROUGHT_BY_THE_CUDA_BUILD)}


def test_every_import_is_declared():
    files = [*(ROOT / "deformviz").rglob("*.py"), *(ROOT / "app").rglob("*.py")]
    assert {path.name: names for path in files if (names := set(undeclared_imports(path)))} == {}


def test_a_command_without_its_extra_says_what_to_install():
    code = (
        "import sys; sys.modules['pycocotools'] = None; from deformviz.cli import main; "
        "sys.exit(main(['evaluate', '--scenes', '1']))"
    )
    reply = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert reply.returncode == 2 and "Traceback" not in reply.stderr
    assert "needs the package pycocotools" in reply.stderr
    assert "pip install 'deformviz[train]'" in reply.stderr


def test_the_pins_lie_within_the_bounds_and_cover_what_is_needed_in_turn():
    pinned, bounds = pins("requirements.txt"), DEPENDENCIES | EXTRAS["train"]
    assert (ROOT / "requirements.txt").read_text().splitlines()[-1] == "-e ."
    assert {name for name in bounds if not bounds[name].specifier.contains(pinned[name])} == set()
    assert needed_in_turn(bounds) - pinned.keys() == set()


def test_the_tools_of_the_tests_are_pinned_too():
    pinned = pins("requirements.txt") | pins("tests/requirements.txt")
    tools = {name: need for name, need in EXTRAS["test"].items() if name != "deformviz"}
    tools |= EXTRAS["hf"]
    assert {name for name in tools if not tools[name].specifier.contains(pinned[name])} == set()
    assert needed_in_turn(tools) - pinned.keys() == set()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from this tree, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", folder]
    reply = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert reply.returncode == 0, reply.stderr
    (path,) = folder.glob("deformviz-*.whl")
    return path


@pytest.fixture(scope="module")
def carried(wheel):
    """Names of the files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def source_files(*places):
    """Names of the files at and below these places, without what Python compiled."""
    paths = [
        path
        for place in places
        for path in (ROOT / place, *(ROOT / place).rglob("*"))
        if path.is_file()
    ]
    return {str(path.relative_to(ROOT)) for path in paths if "__pycache__" not in path.parts}


@pytest.mark.parametrize(
    "sources, place",
    [
        (["deformviz"], ""),
        (["app"], "deformviz/_app/"),
        (["sample_images"], "deformviz/_app/"),
        ([".streamlit/config.toml"], "deformviz/_app/"),
    ],
)
def test_the_wheel_carries_code_and_assets(carried, sources, place):
    missing = {place + path for path in source_files(*sources) - LEFT_OUT} - carried
    assert source_files(*sources) and missing == set()


def test_the_wheel_carries_the_sources_of_the_op_beside_the_library(carried):
    sources = source_files("kernels/csrc", "kernels/build.py")
    assert sources, "kernels/csrc and kernels/build.py are missing"
    assert {path.replace("kernels", "deformviz/_kernels", 1) for path in sources} - carried == set()


def test_nothing_else_lands_among_the_packages(carried):
    tops = {name.split("/")[0] for name in carried}
    assert tops == {"deformviz", f"deformviz-{PROJECT['version']}.dist-info"}


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The `bin` of an empty environment with the wheel; its dependencies are those of this one.

    The packages here are seen through a path entry, this checkout's own entry is not.
    """
    home = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [home / "bin" / "python", "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel]
    subprocess.run(pip, check=True, cwd=home)
    return home / "bin"


@pytest.mark.slow
def test_the_installed_library_lies_alone_and_brings_no_package_called_app(installed):
    code = "import deformviz, importlib.util as u; print(deformviz.__file__, u.find_spec('app'))"
    reply = subprocess.run(
        [installed / "python", "-c", code], cwd=installed, capture_output=True, text=True
    )
    place, found = reply.stdout.split()
    assert place.startswith(str(installed.parent)) and found == "None"


SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"


@pytest.mark.slow
@pytest.mark.browser
def test_the_installed_app_opens_every_page(installed, page):
    from playwright.sync_api import expect

    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    command = [installed / "deformviz", "app", "--port", str(port)]
    server = subprocess.Popen(
        command, cwd=installed, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        assert any(line.startswith("deformviz is at") for line in server.stdout)
        page.goto(f"http://127.0.0.1:{port}")
        for one in PAGES:
            address = f"http://127.0.0.1:{port}/{'' if one is PAGES[0] else one.name}"
            page.goto(address)
            expect(page.locator(".st-key-entries a").first, address).to_be_attached()
            expect(page.locator(SETTLED), address).to_be_visible(timeout=120_000)
            expect(page.get_by_test_id("stMain"), address).to_have_text(re.compile(r"\w{3}"))
            assert page.get_by_test_id("stException").count() == 0, address
        assert [error for error in page.console_errors if "404" not in error] == []
    finally:
        server.terminate()
        server.wait(timeout=20)
