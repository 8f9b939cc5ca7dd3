"""How much one visitor may hand over: counted where the bytes come in, before any is kept.

Streamlit holds each file to `server.maxUploadSize`, but takes any number of them.
"""

from __future__ import annotations

import threading
from collections import deque
from math import isinf
from time import monotonic

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.checkpoint_files import is_shared
from app.worker import option

UPLOAD = "/_stcore/upload_file/"
WINDOW_S = 600.0
LEAST_BYTES = 2**16  # that a file counts for, so that there is an end to their number
ALL_TOGETHER = 10  # times what one visitor may: sessions cost nothing, so quotas alone hold nobody
MEBIBYTE = 2**20


def quota_bytes() -> float:
    """What one visitor may upload in ten minutes; on one's own machine as much as one likes."""
    most = option("DEFORMVIZ_UPLOADS_MIB", 200 if is_shared() else float("inf"))
    return most * MEBIBYTE


class Uploads:
    """ASGI middleware: refuses what goes beyond a visitor's quota, unread."""

    def __init__(self, app: ASGIApp):
        self.app = app
        self._lock = threading.Lock()
        self._taken: deque[tuple[float, str, int]] = deque()  # when, of whom, bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = None
        if scope["type"] == "http" and scope["method"] == "PUT" and UPLOAD in scope["path"]:
            refusal = self._refusal(scope)
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        length = Headers(scope=scope).get("content-length", "")
        if not length.isdecimal() or len(length) > 15:
            return PlainTextResponse("Say how long the file is.", status_code=411)
        if isinf(quota_bytes()):
            return None
        size = max(int(length), LEAST_BYTES)
        session = scope["path"].partition(UPLOAD)[2].partition("/")[0]
        with self._lock:
            now = monotonic()
            while self._taken and now - self._taken[0][0] >= WINDOW_S:
                self._taken.popleft()
            mine = size + sum(other for _, who, other in self._taken if who == session)
            everybodys = size + sum(other for *_, other in self._taken)
            if mine > quota_bytes():
                return _too_much(f"You have uploaded {_mib(mine)} with this file", 1, "one visitor")
            if everybodys > ALL_TOGETHER * quota_bytes():
                return _too_much("Many upload at this time", ALL_TOGETHER, "all visitors together")
            self._taken.append((now, session, size))
        return None


def _too_much(why: str, times: int, of: str) -> PlainTextResponse:
    return PlainTextResponse(
        f"{why}; this server takes {_mib(times * quota_bytes())} of {of} in ten minutes. "
        "Try again later.",
        status_code=413,
    )


def _mib(size: float) -> str:
    return f"{size / MEBIBYTE:.0f} MiB"
