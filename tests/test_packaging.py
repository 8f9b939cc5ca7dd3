"""What is declared is what is imported, and the wheel carries all that the code reads."""

import ast
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DEPENDENCIES = {Requirement(line).name: Requirement(line) for line in PROJECT["dependencies"]}
EXTRAS = {
    extra: {Requirement(line).name: Requirement(line) for line in lines}
    for extra, lines in PROJECT["optional-dependencies"].items()
}
DISTRIBUTION_OF = {
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "skimage": "scikit-image",
    "huggingface_hub": "huggingface-hub",
}
BROUGHT_BY = {
    "starlette": "streamlit",
    "pandas": "streamlit",
    "scipy": "scikit-image",
    "matplotlib": "captum",
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

    An extra may be imported inside a function; the room `training` is what the extra `train` is
    for, so it may import that anywhere.
    """
    always = set(DEPENDENCIES) | set(BROUGHT_BY)
    if path.is_relative_to(ROOT / "deformviz" / "training"):
        always |= set(EXTRAS["train"])
    late = always.union(*EXTRAS.values())
    for package, inside_a_function in imports_of(ast.parse(path.read_text(encoding="utf-8"))):
        name = DISTRIBUTION_OF.get(package, package)
        own = package in sys.stdlib_module_names | {"app", "deformviz"}
        if not own and name not in (late if inside_a_function else always):
            yield name


def pins():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


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


def test_the_pins_are_the_dependencies_and_lie_within_their_bounds():
    *pinned, last = pins()
    assert last == "-e ."
    versions = dict(line.split("==") for line in pinned)
    bounds = DEPENDENCIES | EXTRAS["train"]
    assert versions.keys() == bounds.keys()
    outside = [
        name for name, version in versions.items() if not bounds[name].specifier.contains(version)
    ]
    assert not outside


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Names of the files in a wheel built from this tree, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", folder]
    reply = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert reply.returncode == 0, reply.stderr
    (path,) = folder.glob("deformviz-*.whl")
    with zipfile.ZipFile(path) as archive:
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


@pytest.mark.parametrize("folder", ["app", "deformviz"])
def test_the_wheel_carries_code_and_assets(wheel, folder):
    assert source_files(folder) - wheel - {"app/screenshot.png"} == set()  # the README's


def test_the_wheel_carries_the_sources_of_the_op_beside_the_library(wheel):
    sources = source_files("kernels/csrc", "kernels/build.py")
    assert sources, "kernels/csrc and kernels/build.py are missing"
    assert {path.replace("kernels", "deformviz/_kernels", 1) for path in sources} - wheel == set()


def test_nothing_else_lands_among_the_packages(wheel):
    tops = {name.split("/")[0] for name in wheel}
    assert tops == {"app", "deformviz", f"deformviz-{PROJECT['version']}.dist-info"}
