"""Which pages may show this server inside a frame of theirs."""

from __future__ import annotations

import os

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EMBEDDED_BY = "DEFORMVIZ_EMBEDDED_BY"  # environment: origins, with spaces between


def policy() -> str:
    """Pages of this very server, and those the operator names: nobody else can have it clicked."""
    return " ".join(["frame-ancestors 'self'", *os.environ.get(EMBEDDED_BY, "").split()])


class Embedding:
    """ASGI middleware: says with every answer who may frame it."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Content-Security-Policy"] = policy()
            await send(message)

        await self.app(scope, receive, send_with if scope["type"] == "http" else send)
