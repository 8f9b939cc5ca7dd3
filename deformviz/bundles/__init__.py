"""Scripts and styles of the pictures, built for browsers; whoever uses them needs no Node.

One ES module and one style sheet per kind, `<kind>.js` and `<kind>.css`, `<kind>.<part>.js` for
what only some of its pages need, and `<kind>.marks.js`, which draws without a browser. They are
built from the scripts of the app by `npm run build`.
"""

import hashlib
import importlib.util
import json
from functools import cache
from pathlib import Path

from deformviz.words import part

FOLDER = Path(__file__).parent
TEMPLATE = "offline.html"  # a page that carries its own trace, with {{names}} to fill in
MATH_FONT = "STIXTwoMath-Regular.ttf"  # OFL; comes with the package ziamath


@cache
def read(name: str) -> str:
    """The text of a built file.

    Raises:
        FileNotFoundError: there is no such file; `npm run build` makes them all.
    """
    path = FOLDER / name
    if not path.is_file():
        known = ", ".join(sorted(each.name for each in FOLDER.glob("*.*s")))
        raise FileNotFoundError(f"There is no built file {name!r}; there are {known}.")
    return path.read_text(encoding="utf-8")


@cache
def files(kind: str) -> tuple[str, ...]:
    """What a page of this kind loads: script and style, and parts that are fetched when needed."""
    beside = {path.name for path in FOLDER.glob(f"{kind}.*.js")} - {f"{kind}.marks.js"}
    return (f"{kind}.js", f"{kind}.css", *sorted(beside))


@cache
def version(kind: str) -> str:
    """Changes with everything a page of this kind loads: part of addresses that never change."""
    parts = [read(name) for name in (*files(kind), TEMPLATE)]
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]


@cache
def rooms_of_words(kind: str) -> tuple[str, ...]:
    """How the keys of a kind's words begin: its own and the kit's, where no other are written."""
    others = json.loads((FOLDER / "words.json").read_text(encoding="utf-8"))
    return tuple(others.get(kind, ("canvas.kit", f"canvas.{kind}")))


def words(kind: str) -> dict[str, str]:
    """What a script of this kind says, in the language being spoken; it is handed them as data."""
    return part(*rooms_of_words(kind))


def math_font() -> Path:
    """The math font inside the package ziamath, found without importing it."""
    package = importlib.util.find_spec("ziamath")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("The package ziamath, which carries the math font, is missing.")
    return Path(package.submodule_search_locations[0]) / "fonts" / MATH_FONT
