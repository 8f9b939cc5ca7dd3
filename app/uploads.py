"""How much one visitor may hand over: counted where the bytes come in, before any is kept.

Streamlit holds each file to `server.maxUploadSize`, but takes any number of them.
"""

from __future__ import annotations

import threading

from cachetools import TTLCache
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.checkpoint_files import is_shared
from app.worker import option

UPLOAD = "/_stcore/upload_file/"
WINDOW_S = 600
MOST_VISITORS = 4096  # whose uploads are counted
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
        self._bytes: TTLCache[str, int] = TTLCache(MOST_VISITORS, WINDOW_S)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = None
        if scope["type"] == "http" and scope["method"] == "PUT" and UPLOAD in scope["path"]:
            refusal = self._refusal(scope)
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        length = Headers(scope=scope).get("content-length", "")
        if not length.isdecimal():
            return PlainTextResponse("Say how long the file is.", status_code=411)
        session = scope["path"].partition(UPLOAD)[2].partition("/")[0]
        with self._lock:
            so_far = self._bytes.get(session, 0) + int(length)
            if so_far > quota_bytes():
                return PlainTextResponse(
                    f"You have uploaded {so_far / MEBIBYTE:.0f} MiB with this file; this server "
                    f"takes {quota_bytes() / MEBIBYTE:.0f} MiB of one visitor in ten minutes. Try "
                    "again later.",
                    status_code=413,
                )
            self._bytes[session] = so_far
        return None
