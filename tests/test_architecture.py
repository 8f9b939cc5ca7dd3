"""The plan of the house, held by machine: floors, names, sizes, and what an import costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

FLOORS = [
    "words",
    "axes",
    "schema",
    "geometry",
    "attention",
    "models",
    "checkpoints",
    "tracing",
    "training",
    "analysis",
    "figures",
    "walkthrough",
    "cli",
    "__main__",
]
ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "deformviz"
CODE_SUFFIXES = {".py", ".js", ".css", ".html", ".h", ".hpp", ".cpp", ".cu", ".cuh", ".sh"}
LONGEST_FILE = 400
LONGEST_FUNCTION = 70
DRAWERS = {"util", "utils", "helper", "helpers", "misc", "common", "manager"}


def files_below(*folders):
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )


def in_house(path):
    return str(path.relative_to(ROOT))


EVERY_FILE = files_below("app", "deformviz", "kernels", "tests")
PYTHON_FILES = [path for path in EVERY_FILE if path.suffix == ".py"]
ROOMS = [
    path
    for path in PYTHON_FILES
    if path.is_relative_to(LIBRARY) and path != LIBRARY / "__init__.py"
]
CODE_FILES = [path for path in EVERY_FILE if path.suffix in CODE_SUFFIXES] + [ROOT / "run"]

every_python_file = pytest.mark.parametrize("path", PYTHON_FILES, ids=in_house)
every_room = pytest.mark.parametrize("path", ROOMS, ids=in_house)


def syntax_tree(path):
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported_names(tree):
    """Absolute names a file imports, `from a.b import c` as a.b.c."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def calls(tree, name):
    """Lines on which a function of this plain name is called."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]


@every_room
def test_a_room_imports_only_from_floors_below(path):
    room = path.relative_to(LIBRARY).parts[0].removesuffix(".py")
    assert room in FLOORS, f"{room} is not on the plan; which floor is it?"
    names = list(imported_names(syntax_tree(path)))
    used = {name.split(".")[1] for name in names if name.startswith("deformviz.")}
    above = used & set(FLOORS[FLOORS.index(room) + 1 :])
    assert not above, f"{room} lies below {', '.join(sorted(above))}"


@every_room
def test_the_library_knows_neither_streamlit_nor_the_app(path):
    packages = {name.split(".")[0] for name in imported_names(syntax_tree(path))}
    assert not packages & {"streamlit", "app"}


@every_python_file
def test_imports_are_absolute(path):
    relative = [
        node.lineno
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]
    assert not relative, "write `from deformviz.<room> import ..`"


@every_python_file
def test_no_function_is_longer_than_a_screen(path):
    long = {
        node.name: node.end_lineno - node.lineno + 1
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    }
    assert not long


@every_python_file
def test_no_pickle_is_ever_executed(path):
    unsafe = [
        node.value.lineno
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.keyword)
        and node.arg == "weights_only"
        and isinstance(node.value, ast.Constant)
        and node.value.value is not True
    ]
    assert not unsafe, "torch.load runs code from the file unless weights_only=True"


@pytest.mark.parametrize("path", [path for path in ROOMS if "cli" not in path.parts], ids=in_house)
def test_the_library_logs_instead_of_printing(path):
    assert not calls(syntax_tree(path), "print")


@pytest.mark.parametrize("path", CODE_FILES, ids=in_house)
def test_no_file_is_longer_than_the_ceiling(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


def test_no_file_is_a_drawer():
    drawers = [
        in_house(path)
        for path in EVERY_FILE
        if DRAWERS & {part.partition(".")[0] for part in path.relative_to(ROOT).parts}
    ]
    assert not drawers


@pytest.mark.parametrize("module", ["deformviz", "deformviz.axes", "deformviz.schema"])
def test_the_landing_page_needs_no_heavy_import(module):
    heavy = "{'torch', 'streamlit', 'plotly', 'cv2', 'skimage', 'captum', 'transformers'}"
    code = f"import sys, {module}; print(*sorted({heavy} & set(sys.modules)))"
    reply = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True, check=True
    )
    assert reply.stdout.split() == []
