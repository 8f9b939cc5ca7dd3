"""What the button Back returns to: a script in Streamlit's page, before its own."""

from __future__ import annotations

from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SCRIPT = Path(__file__).with_name("history.js").read_text(encoding="utf-8")
ADDED = f"<head><script>\n{SCRIPT}</script>".encode()
HEAD = b"<head>"


class History:
    """ASGI middleware: every page of Streamlit's begins with the script of `history.js`."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not asks_for_page(scope):
            await self.app(scope, receive, send)
            return
        begun: list[Message] = []  # the start of a page, held until its body is whole
        body = bytearray()

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start" and is_page(message):
                begun.append(message)
                return
            if not begun or message["type"] != "http.response.body":
                await send(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            whole = bytes(body).replace(HEAD, ADDED, 1)
            MutableHeaders(scope=begun[0])["Content-Length"] = str(len(whole))
            await send(begun[0])
            await send({"type": "http.response.body", "body": whole})

        await self.app(whole_and_plain(scope), receive, send_with)


def asks_for_page(scope: Scope) -> bool:
    """Whether a browser goes to an address, and does not only fetch what a page needs."""
    return scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", "")


def whole_and_plain(scope: Scope) -> Scope:
    """The request as of a browser that has nothing yet and unpacks nothing."""
    left_out = {b"accept-encoding", b"if-none-match", b"if-modified-since"}
    headers = [pair for pair in scope["headers"] if pair[0] not in left_out]
    return {**scope, "headers": headers}


def is_page(start: Message) -> bool:
    """Whether an answer is a page that a script can be put into."""
    headers = Headers(raw=start["headers"])
    return (
        start["status"] == 200
        and headers.get("content-type", "").startswith("text/html")
        and "content-encoding" not in headers
    )
