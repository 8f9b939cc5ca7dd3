"""What is left of visitors who have gone is let go of in time.

Streamlit keeps a disconnected session for `disconnectedSessionTTL`, looks at its age only when
somebody else comes or goes, and leaves the rest to Python's collector: session and event loop hold
each other, and with them three open files. A class that closes its laptops would leave them all.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from streamlit.runtime import Runtime

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0


@contextmanager
def in_order() -> Iterator[None]:
    """Look after what visitors leave, as long as the block lasts."""
    over = threading.Event()
    threading.Thread(target=_look, args=(over,), name="housekeeping", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _look(over: threading.Event) -> None:
    before: set[str] = set()
    while not over.wait(LOOK_EVERY_S):
        now = known_sessions()
        if before - now:
            gc.collect()
        before = now


def known_sessions() -> set[str]:
    """Sessions that are connected or kept for a return; asking lets go of those kept too long.

    Streamlit offers no public way; in a version without this one nothing is let go of early. What
    is kept too long is not listed, but is let go of only when the cache is told to.
    """
    try:
        manager = Runtime.instance()._session_mgr
        with manager._storage_lock:  # type: ignore[attr-defined]
            manager._session_storage._cache.expire()  # type: ignore[attr-defined]
        return {info.session.id for info in manager.list_sessions()}
    except (AttributeError, RuntimeError) as problem:
        log.info("sessions cannot be listed: %s", problem)
        return set()
