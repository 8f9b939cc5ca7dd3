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
IMPORT = re.compile(r'^import \{[^}]*\} from "(\.{1,2}/[\w./]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


def bundle(entry: Path) -> str:
    """A module and all it imports as one ES module, which keeps the entry's default export."""
    order: list[Path] = []

    def visit(path: Path) -> None:
        if path in order:
            return
        for needed in IMPORT.findall(path.read_text(encoding="utf-8")):
            visit((path.parent / needed).resolve())
        order.append(path)

    visit(entry.resolve())
    texts = [(path.name, path.read_text(encoding="utf-8")) for path in order]
    return "\n".join(
        f"// -- {name}\n{EXPORT.sub('', IMPORT.sub('', text))}" for name, text in texts
    )


@cache
def script() -> str:
    """One ES module whose default export mounts the explorer."""
    return bundle(FOLDER / "canvas" / ENTRY)


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
