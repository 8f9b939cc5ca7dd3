"""The canvas modules as one script, in the order their imports ask for.

The browser could load them one by one; one script needs one request, and an offline page can
carry it. No build step: modules name each other by `import { .. } from "./name.js"` alone, and
share one scope once imports and `export` words are gone, so top-level names must differ.
"""

import hashlib
import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
ENTRY = "mount.js"
IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


@cache
def script() -> str:
    """One ES module whose default export mounts the explorer."""
    order: list[str] = []

    def visit(name: str) -> None:
        if name in order:
            return
        text = (FOLDER / "canvas" / name).read_text(encoding="utf-8")
        for needed in IMPORT.findall(text):
            visit(needed)
        order.append(name)

    visit(ENTRY)
    parts = []
    for name in order:
        text = (FOLDER / "canvas" / name).read_text(encoding="utf-8")
        parts.append(f"// -- {name}\n{EXPORT.sub('', IMPORT.sub('', text))}")
    return "\n".join(parts)


@cache
def style() -> str:
    return (FOLDER / "style.css").read_text(encoding="utf-8")


@cache
def template() -> str:
    """The offline page with {{names}} to fill in."""
    return (FOLDER / "offline.html").read_text(encoding="utf-8")


@cache
def version() -> str:
    """Changes with every script and style; part of the address, so browsers may cache for ever."""
    return hashlib.sha256((script() + style() + template()).encode()).hexdigest()[:16]
