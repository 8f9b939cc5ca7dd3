"""The folder that becomes a site: files named after what they hold, seen when all are there."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

from deformviz import bundles

MARK = "deformviz-site.json"  # what a folder was published with; only such a one is replaced
DATA = "data"
CANVAS = "canvas"
HASH_LETTERS = 12


class PublishError(ValueError):
    """A site cannot be written as asked; the message is one sentence."""


class SiteFolder:
    """Takes files and pages; they appear under the folder's own name once `finish` is called."""

    def __init__(self, to: str | Path):
        """Raises PublishError where the folder holds something that is no site."""
        self.to = Path(to)
        if self.to.is_file() or (self.to.is_dir() and not self._is_replaceable()):
            raise PublishError(
                f"{self.to} holds something else than a site; name a new or an empty folder."
            )
        self.path = self.to.with_name(self.to.name + ".part")
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)

    def _is_replaceable(self) -> bool:
        return (self.to / MARK).is_file() or not any(self.to.iterdir())

    def keep(self, name: str, data: bytes) -> str:
        """Put bytes into the site; returns their address from its root. Equal bytes lie there once.

        Args:
            name: for people, with an ending: "garden-decoder.2.bin".
        """
        stem, _, ending = name.rpartition(".")
        plain = re.sub(r"[^a-z0-9.-]+", "-", stem.lower()).strip("-.") or "file"
        address = f"{DATA}/{plain}.{short_hash(data)}.{ending}"
        return self._put(address, data)

    def keep_together(self, name: str, files: dict[str, bytes]) -> str:
        """Put files into a folder of the site that is named after them all; returns its address."""
        whole = b"".join(place.encode() + data for place, data in sorted(files.items()))
        folder = f"{DATA}/{name}.{short_hash(whole)}"
        for place, data in files.items():
            self._put(f"{folder}/{place}", data)
        return folder

    def canvas(self, kind: str) -> dict[str, str]:
        """Script, style and page template of a canvas; parts are found beside its script."""
        folder = f"{CANVAS}/{kind}/{bundles.version(kind)}"
        for name in (*bundles.files(kind), bundles.TEMPLATE):
            self._put(f"{folder}/{name}", bundles.read(name).encode())
        return {
            "script": f"{folder}/{kind}.js",
            "style": f"{folder}/{kind}.css",
            "template": f"{folder}/{bundles.TEMPLATE}",
        }

    def write(self, name: str, text: str) -> None:
        """A page, or another file whose name stays what it is."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _put(self, address: str, data: bytes) -> str:
        path = self.path / address
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return address

    def files(self) -> dict[str, int]:
        """Every file with its size in bytes."""
        found = (path for path in sorted(self.path.rglob("*")) if path.is_file())
        return {path.relative_to(self.path).as_posix(): path.stat().st_size for path in found}

    def finish(self, facts: dict[str, Any]) -> Path:
        """Let the site be seen, in place of an earlier one."""
        self.write(MARK, json.dumps(facts, indent=1))
        if self.to.is_dir():
            shutil.rmtree(self.to)
        self.path.rename(self.to)
        self.path = self.to
        return self.to


def short_hash(data: bytes) -> str:
    """Part of a name that changes with what the file holds."""
    return hashlib.sha256(data).hexdigest()[:HASH_LETTERS]
