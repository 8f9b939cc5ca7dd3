"""A session that nobody comes back to is let go of, without anybody else coming or going."""

import gc
import time
import weakref
from types import SimpleNamespace

import pytest
from streamlit.runtime import Runtime
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.session_manager import SessionInfo
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

from app.housekeeping import known_sessions

KEPT_S = 0.2


class Session:
    """As much of a session as storing one takes; it holds itself, as a real one does."""

    def __init__(self, name: str):
        self.id, self.itself = name, self


@pytest.fixture
def storage(monkeypatch):
    kept = MemorySessionStorage(ttl_seconds=KEPT_S)
    manager = WebsocketSessionManager(kept, *(SimpleNamespace() for _ in range(3)))
    monkeypatch.setattr(Runtime, "_instance", SimpleNamespace(_session_mgr=manager))
    return kept


def test_what_is_kept_too_long_is_let_go_of(storage):
    session = Session("gone")
    left = weakref.ref(session)
    storage.save(SessionInfo(client=None, session=session))
    del session
    assert known_sessions() == {"gone"}
    time.sleep(2 * KEPT_S)
    assert known_sessions() == set()
    gc.collect()
    assert left() is None


def test_without_a_server_there_are_none(monkeypatch):
    monkeypatch.setattr(Runtime, "_instance", None)
    assert known_sessions() == set()
