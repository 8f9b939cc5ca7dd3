"""Who may come in when the network can reach this server, and what nobody may ask it.

`deformviz app --lan` makes a key and prints it as part of an address. Whoever opens that address
once has a cookie from then on; everybody else gets a sentence.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

KEY = "DEFORMVIZ_KEY"  # environment; unset: everybody who reaches the server may come in
PARAMETER = "key"  # of the printed address
COOKIE = "deformviz_key"
LASTS_S = 7 * 24 * 3600
HEALTH = "/_stcore/health"  # says that the server lives, to whoever looks after it
METRICS = "/_stcore/metrics"  # numbers about visitors and memory, of no use to a visitor
STRANGER = (
    "This server lets in who opens the address it was started with, the one with a key in it. Ask "
    "whoever started it for the link or the code to scan."
)


def proof_of(key: str) -> str:
    """What the cookie holds: the key itself is not left lying in browsers."""
    return hashlib.sha256(f"deformviz {key}".encode()).hexdigest()


def is_admitted(headers: Headers, key: str) -> bool:
    """Whether a request carries the cookie."""
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return False
    held = cookies[COOKIE].value if COOKIE in cookies else ""
    return hmac.compare_digest(held.encode(), proof_of(key).encode())


class Admission:
    """ASGI middleware: the key for a cookie, the cookie for everything else."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        key = os.environ.get(KEY, "")
        refusal: Response | None = None
        path = scope["path"].rstrip("/")
        if path.endswith(METRICS):
            refusal = PlainTextResponse("There is no such page here.", status_code=404)
        elif key and not path.endswith(HEALTH) and not is_admitted(Headers(scope=scope), key):
            refusal = answer_to_stranger(scope, key)
        if refusal is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "no key"})
        else:
            await refusal(scope, receive, send)


def answer_to_stranger(scope: Scope, key: str) -> Response:
    """The cookie for the right key, and the same address without it; else a sentence."""
    query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    shown = dict(query).get(PARAMETER, "")
    if scope["type"] != "http" or not hmac.compare_digest(shown.encode(), key.encode()):
        return PlainTextResponse(STRANGER, status_code=403, headers={"Cache-Control": "no-store"})
    rest = urlencode([(name, value) for name, value in query if name != PARAMETER])
    # Relative: a proxy may serve this path below another one.
    answer = RedirectResponse(f"?{rest}" if rest else ".", status_code=303)
    if not rest:
        answer.headers["Location"] = scope["path"].rpartition("/")[2] or "."
    answer.headers["Cache-Control"] = "no-store"
    answer.set_cookie(COOKIE, proof_of(key), max_age=LASTS_S, httponly=True, samesite="lax")
    return answer
