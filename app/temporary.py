"""One private folder per server for what must not outlive it, swept where a server was killed.

A server holds a lock in its folder as long as it lives; the system lets go of it however the
server ends. Whoever starts next removes the folders whose lock is free.
"""

from __future__ import annotations

import atexit
import fcntl
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger(__name__)

PREFIX = "deformviz-server-"
UNLOCKED = "deformviz-new-"  # a folder of the instant before it is locked
LOCK = "alive"


_one_at_a_time = threading.Lock()
_folder: Path | None = None
_over = False  # the server has ended


def server_folder() -> Path:
    """The folder of this server, made at the first call; nobody else may look inside.

    Raises:
        OSError: it cannot be made, or the server has ended.
    """
    global _folder
    with _one_at_a_time:
        if _over:
            raise OSError("The server has ended; nothing is put on disk any more.")
        if _folder is None:
            _folder = _make()
        return _folder


def _make() -> Path:
    sweep()
    made = Path(tempfile.mkdtemp(prefix=UNLOCKED))
    lock = os.open(made / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # Only now by the name that others sweep: a server that starts in this moment finds it locked.
    folder = made.with_name(PREFIX + made.name.removeprefix(UNLOCKED))
    made.rename(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def remove() -> None:
    """Remove this server's folder, if it has one; the next call makes another."""
    global _folder
    with _one_at_a_time:
        if _folder is not None:
            shutil.rmtree(_folder, ignore_errors=True)
            _folder = None


@contextmanager
def while_serving() -> Iterator[None]:
    """At the end of the block remove the folder and make no other.

    A thread may still be at work then, starting a worker, and would make one that stays.
    """
    global _over
    _over = False
    try:
        yield
    finally:
        _over = True
        remove()


def folder_for(what: str) -> Path:
    """A folder inside the server's own."""
    folder = server_folder() / what
    folder.mkdir(exist_ok=True)
    return folder


def sweep() -> list[Path]:
    """Remove what servers left behind that were killed; returns the folders."""
    gone = []
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if _is_orphan(folder):
            shutil.rmtree(folder, ignore_errors=True)
            gone.append(folder)
    return gone


def _is_orphan(folder: Path) -> bool:
    with suppress(OSError):  # another user's, or removed in this moment
        lock = os.open(folder / LOCK, os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            return False
        finally:
            os.close(lock)
    return False
