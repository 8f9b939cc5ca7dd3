"""One rule for the folders an operator names: what lies in them, can be read, and stays there.

Links that lead out of a folder or nowhere are left out, and so is what vanishes or may not be read:
a page lists what is left. Checkpoints have the same rule in `deformviz.checkpoints.browse`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

MOST_LISTED = 500


def members(folder: Path) -> Iterator[Path]:
    """What lies in a folder itself, by name; nothing where there is no such folder."""
    try:
        root, found = folder.resolve(), sorted(folder.iterdir())[:MOST_LISTED]
    except (OSError, RuntimeError):  # not there, not ours to read; links in a circle
        return
    for path in found:
        try:
            if path.resolve(strict=True).parent == root:
                yield path
        except (OSError, RuntimeError):
            continue


def is_file(path: Path) -> bool:
    """Whether a regular file is there that one may look at."""
    try:
        return path.is_file()
    except OSError:
        return False


def changed_at(path: Path) -> int:
    """When a file was written last, in nanoseconds; 0 where there is none any more."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
