"""Scripts and styles of the pictures, built for browsers; whoever uses them needs no Node.

One ES module and one style sheet per kind, `<kind>.js` and `<kind>.css`, and `<kind>.marks.js`,
which draws without a browser. They are built from the scripts of the app by `npm run build`.
"""

import hashlib
import json
from functools import cache
from pathlib import Path

from deformviz.words import part

FOLDER = Path(__file__).parent
TEMPLATE = "offline.html"  # a page that carries its own trace, with {{names}} to fill in


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
def version(kind: str) -> str:
    """Changes with everything a page of this kind loads: part of addresses that never change."""
    parts = (read(f"{kind}.js"), read(f"{kind}.css"), read(TEMPLATE))
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]


@cache
def _rooms() -> dict[str, list[str]]:
    return json.loads((FOLDER / "words.json").read_text(encoding="utf-8"))


def words(kind: str) -> dict[str, str]:
    """What a script of this kind says, in the language being spoken; it is handed them as data."""
    return part(*_rooms()[kind])
