"""Finished answers on disk, together no larger than a budget; the ones in use stay in memory.

An answer is a folder: one pickle, written by a worker of this server, and whatever files its work
put beside it. Those not asked for longest make room.
"""

from __future__ import annotations

import hashlib
import pickle
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cachetools import LRUCache

from app.worker import ANSWER

MEBIBYTE = 2**20


class _Folders(LRUCache[Path, int]):
    """Bytes by folder; what falls out is removed from the disk."""

    def popitem(self):
        folder, size = super().popitem()
        shutil.rmtree(folder, ignore_errors=True)
        return folder, size


class Answers:
    """Answers by key. The newest one always stays, even if it alone is larger than the budget.

    Args:
        root: gives the folder that holds all of them, once it is needed.
        disk_bytes: of all folders together.
        memory_bytes: of all unpickled answers together, by the size of their pickles.
    """

    def __init__(self, root: Callable[[], Path], *, disk_bytes: int, memory_bytes: int):
        self._root = root
        self._folders = _Folders(disk_bytes, getsizeof=lambda size: min(size, disk_bytes))
        self._read: LRUCache[str, tuple[tuple[int, int], Any, int]] = LRUCache(
            memory_bytes, getsizeof=lambda known: min(known[2], memory_bytes)
        )
        self._lock = threading.RLock()

    def folder(self, key: str) -> Path:
        """Where the answer to `key` belongs; made if it is not there."""
        folder = self._root() / hashlib.sha256(key.encode()).hexdigest()[:32]
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def put(self, key: str) -> None:
        """Count a folder a worker has written to, at the cost of those not used for longest."""
        folder = self.folder(key)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        with self._lock:
            self._folders.pop(folder, None)
            self._folders[folder] = size

    def get(self, key: str) -> Any | None:
        """The answer as it was kept last, or None."""
        try:
            folder = self._root() / hashlib.sha256(key.encode()).hexdigest()[:32]
            now = (folder / ANSWER).stat()
        except OSError:  # nothing is kept, or nothing can be: whoever asks for it is told why
            return None
        with self._lock:
            self._folders.get(folder)  # used just now
            stamp, known = (now.st_ino, now.st_mtime_ns), self._read.get(key)
            if known is None or known[0] != stamp:
                data = (folder / ANSWER).read_bytes()
                known = self._read[key] = stamp, pickle.loads(data), len(data)
            return known[1]

    def drop(self, key: str) -> None:
        """Forget an answer."""
        folder = self.folder(key)
        with self._lock:
            self._folders.pop(folder, None)
            self._read.pop(key, None)
        shutil.rmtree(folder, ignore_errors=True)

    @property
    def size_bytes(self) -> int:
        """What lies on disk."""
        with self._lock:
            return int(self._folders.currsize)
