"""What of the plan of the house no linter can say: sizes, names, and what an import costs.

Floors are contracts of import-linter, style is ruff's; both stand in pyproject.toml.
"""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE_SUFFIXES = {".py", ".js", ".html", ".h", ".hpp", ".cpp", ".cu", ".cuh", ".sh"}
BUILT = ROOT / "deformviz" / "bundles"  # written by esbuild, read by nobody
LONGEST_FILE = 400
DRAWERS = {"util", "utils", "helper", "helpers", "misc", "common", "manager"}
COMMAND_LINE = ROOT / "deformviz" / "cli"  # one of its commands starts the app


def files_below(*folders):
    return [
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and BUILT not in path.parents
    ]


EVERY_FILE = files_below("app", "deformviz", "kernels", "tests")
PYTHON_FILES = [path for path in EVERY_FILE if path.suffix == ".py"]


def in_house(path):
    return str(path.relative_to(ROOT))


def everywhere(files, find):
    """`file:line` of whatever `find(tree)` yields nodes for in these Python files."""
    return [
        f"{in_house(path)}:{node.lineno}"
        for path in files
        for node in find(ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))
    ]


def unsafe_loads(tree):
    """Values other than True given to `weights_only`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "weights_only":
            if isinstance(node.value, ast.Constant) and node.value.value is not True:
                yield node.value


def names_of_app_files(tree):
    """Text that names a file or module of the app, docstrings included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node.value == "app" or re.search(r"(?<![\w/])app(/|\.\w)", node.value):
                yield node


def test_no_pickle_is_ever_executed():
    """torch.load runs code from the file unless weights_only=True."""
    assert everywhere(PYTHON_FILES, unsafe_loads) == []


def test_no_file_is_longer_than_the_ceiling():
    code = [path for path in EVERY_FILE if path.suffix in CODE_SUFFIXES] + [ROOT / "run"]
    lines = {in_house(path): path.read_text(encoding="utf-8").count("\n") for path in code}
    assert {path for path, count in lines.items() if count > LONGEST_FILE} == set()


def test_no_file_is_a_drawer():
    drawers = [
        in_house(path)
        for path in EVERY_FILE
        if DRAWERS & {part.partition(".")[0] for part in path.relative_to(ROOT).parts}
    ]
    assert drawers == []


def test_only_the_command_line_names_files_of_the_app():
    library = [path for path in files_below("deformviz") if path.suffix == ".py"]
    others = [path for path in library if COMMAND_LINE not in path.parents]
    assert everywhere(others, names_of_app_files) == []


def test_every_floor_has_a_page_of_the_reference():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    floors = {name.strip("()") for name in contracts["contracts"][0]["layers"]} - {"__main__"}
    menu = (ROOT / "mkdocs.yml").read_text()
    assert {path.stem for path in (ROOT / "docs" / "reference").glob("*.md")} == floors
    assert {name for name in floors if f"reference/{name}.md" not in menu} == set()


@pytest.mark.parametrize("module", ["deformviz", "deformviz.axes", "deformviz.schema"])
def test_the_landing_page_needs_no_heavy_import(module):
    heavy = "{'torch', 'streamlit', 'plotly', 'cv2', 'skimage', 'captum', 'transformers'}"
    code = f"import sys, {module}; print(*sorted({heavy} & set(sys.modules)))"
    reply = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True, check=True
    )
    assert reply.stdout.split() == []


def test_what_a_worker_says_of_a_study_is_read_without_what_it_was_found_with():
    heavy = "{'torch', 'duckdb', 'pyarrow', 'pandas', 'scipy', 'cv2', 'streamlit'}"
    records = "contrast, extremes, pictures, questions, settings, verdicts"
    code = (
        f"import sys; from deformviz.survey import {records}; import app.work, app.tasks.surveys; "
        f"print(*sorted({heavy} & set(sys.modules)))"
    )
    reply = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True, check=True
    )
    assert reply.stdout.split() == []
