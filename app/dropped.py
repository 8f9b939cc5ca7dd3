"""Files people drop on a page: kept on this server's disk, bounded, and gone when it ends."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path

from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app.line import NoRoom
from app.temporary import folder_for

log = logging.getLogger(__name__)


class KeptFiles:
    """Dropped files on disk under the hash of their content, together within a budget.

    Args:
        root: gives the folder that holds them, once it is needed.
        budget_bytes: of all visitors; one of them holds a quarter of it at most.
    """

    def __init__(self, root: Callable[[], Path], budget_bytes: int):
        self._root, self._budget, self._lock = root, budget_bytes, threading.Lock()
        self._sizes: OrderedDict[Path, int] = OrderedDict()
        self._owners: dict[Path, str] = {}  # who dropped it last

    def keep(self, data: bytes | memoryview, name: str, owner: str) -> Path:
        """Write a file, unless it is here already; the owner's oldest ones make room, then others.

        It keeps its own name, reduced to plain characters, in a folder named by its content.

        Raises:
            NoRoom: the disk is full, or may not be written.
        """
        with self._lock:
            plain = re.sub(r"[^\w.-]", "_", Path(name).name).lstrip(".")[-80:] or "file"
            try:
                path = self._root() / hashlib.sha256(data).hexdigest()[:24] / plain
                if not path.exists():
                    _write_whole(path, data)
            except OSError as problem:
                raise NoRoom(problem) from None
            self._sizes.pop(path, None)
            self._sizes[path], self._owners[path] = len(data), owner
            self._make_room([p for p in self._sizes if self._owners[p] == owner], self._budget // 4)
            self._make_room(list(self._sizes), self._budget)
            return path

    def _make_room(self, paths: list[Path], budget: int) -> None:
        """Remove the oldest of some files until they fit; the newest stays."""
        total = sum(self._sizes[path] for path in paths)
        for path in paths[:-1]:
            if total <= budget:
                return
            total -= self._sizes.pop(path)
            del self._owners[path]
            path.unlink(missing_ok=True)


def _write_whole(path: Path, data: bytes | memoryview) -> None:
    """A file that is there has all its bytes."""
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


CHECKPOINTS = KeptFiles(partial(folder_for, "checkpoints"), 4 * 2**30)
RECORDINGS = KeptFiles(partial(folder_for, "recordings"), 2 * 2**30)
PICTURES = KeptFiles(partial(folder_for, "pictures"), 2**30)


def let_go(file: UploadedFile) -> None:
    """Have the server forget the bytes of a dropped file, which lies on disk now.

    Streamlit offers no public way; in a version without this one they stay as long as the session.
    """
    try:
        context = get_script_run_ctx()
        context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)  # type: ignore
    except AttributeError as problem:
        log.info("the bytes of a dropped file stay in memory: %s", problem)
