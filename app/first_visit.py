"""What makes the landing page appear sooner: early hints, quick answers, and a warm start.

A new browser learns which script, trace and picture it needs when Streamlit's own megabytes have
run, and asks for them one after the other. The page's headers name them at once.
"""

from __future__ import annotations

import importlib
import logging
import re
import socket
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import housekeeping, rooms, temporary, work
from app.canvas.kind import address
from app.canvas.kinds import LESSON, SAMPLING
from app.training_runs import live_training

log = logging.getLogger(__name__)

STATIC = Path(st.__file__).parent / "static"
SCRIPTS = STATIC / "static" / "js"
COMPONENT = "BidiComponent"
IMPORTED = re.compile(r'(?:from|import)\s*"\./([^"/]+\.js)"')

# What the first run of the landing page would import, in the order in which it would wait for it;
# pandas is Streamlit's own need, Plotly's figures come with the charts.
NEEDED_SOON = (
    "pandas",
    "app.views.learning",
    "app.controls",
    "app.picture_page",
    "app.views.explanation",
    "app.views.model_details",
    "app.views.query_charts",
    "deformviz.analysis.sampling",
    "deformviz.figures.references",
    "deformviz.figures.sampling",
)


@asynccontextmanager
async def warm_start(app: object) -> AsyncIterator[None]:
    """While the first browser loads Streamlit, import what its visit needs; leave nothing behind.

    The end comes here also by a signal, after which nothing else of Python runs.
    """
    threading.Thread(target=import_soon, name="warm start", daemon=True).start()
    with ExitStack() as leaving:  # each step is taken, whatever becomes of the one before
        leaving.enter_context(temporary.while_serving())
        leaving.callback(lambda: live_training().close())
        leaving.callback(work.close)
        with housekeeping.in_order():
            yield


def import_soon() -> None:
    for name in NEEDED_SOON:
        try:
            importlib.import_module(name)
        except ImportError as problem:  # the page itself will say it better
            log.info("not imported early: %s", problem)


class FirstVisit:
    """ASGI middleware: answers leave at once, and the landing page says what it will need."""

    def __init__(self, app: ASGIApp):
        self.app = app
        self.kept: dict[str, list[Message]] = {}  # answers by path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            send_at_once(receive)
            path = scope["path"]
            if path.rstrip("/") == address().rstrip("/"):
                send = with_header(
                    send,
                    "Link",
                    ", ".join(
                        early_links(
                            dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
                        )
                    ),
                )
            elif is_script(path) and is_plain(scope):
                for message in self.kept.get(path, ()):
                    await send(message)
                if path in self.kept:
                    return
                send = self.keep(path, send)
        await self.app(scope, receive, send)

    def keep(self, path: str, send: Send) -> Send:
        """A `send` that keeps a good answer: Streamlit's scripts never change under their name.

        A page asks for a hundred of them, a class of thirty for three thousand; read from disk
        each costs several times as much.
        """
        parts: list[Message] = []

        async def send_and_keep(message: Message) -> None:
            parts.append(message)
            await send(message)
            done = message["type"] == "http.response.body" and not message.get("more_body")
            if done and parts[0]["status"] == 200:
                self.kept[path] = [
                    parts[0],
                    {
                        "type": "http.response.body",
                        "body": b"".join(part.get("body", b"") for part in parts[1:]),
                    },
                ]

        return send_and_keep


@cache
def script_names() -> frozenset[str]:
    return frozenset(path.name for path in SCRIPTS.glob("*.js"))


def is_script(path: str) -> bool:
    """Whether a path is the one name of a script.

    Streamlit answers any other with 200 and its page: kept, those would fill the memory.
    """
    folder, _, name = path.rpartition("/")
    return folder == address("static", "js") and name in script_names()


def is_plain(scope: Scope) -> bool:
    """Whether a request wants the whole file, whatever the browser has already."""
    asked = {name for name, _ in scope["headers"]}
    return scope["method"] == "GET" and not asked & {
        b"range",
        b"if-none-match",
        b"if-modified-since",
    }


def send_at_once(receive: Receive) -> None:
    """Switch off Nagle's algorithm for the connection of a request.

    uvicorn writes header and body one after the other, and on a socket that Streamlit has bound
    the second waits for the first to be acknowledged: 40 ms for each of a hundred files.
    """
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    connection = transport.get_extra_info("socket") if transport is not None else None
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError):  # the browser has gone already
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def with_header(send: Send, name: str, value: str) -> Send:
    """A `send` that adds one header to the answer."""

    async def send_with(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)[name] = value
        await send(message)

    return send_with


def early_links(asked: Mapping[str, str]) -> list[str]:
    """What the landing page needs for an address's parameters, as values of a Link header.

    Stored pictures of the shipped model only: nothing is computed for a hint. Relative, as all of
    our addresses: a proxy may put the server below a path that it does not know of.
    """
    scripts = [
        SAMPLING.source()["script"],
        *([] if asked else [LESSON.source()["script"]]),  # with a wish it leads to Explore
        *(f"static/js/{name}" for name in late_chunks()),
    ]
    links = [f"<{script}>; rel=modulepreload" for script in scripts]
    stored = {trace.name: trace for trace in rooms.ROOMS[rooms.SAMPLING].stored()}
    trace = stored.get(asked.get("picture", rooms.first_picture(stored)))
    if trace is not None and "model" not in asked:
        layer = asked.get("layer", "")
        layer = layer if layer in trace.layers else trace.layers[-1]
        links += [
            f"<trace/{trace.key}/{layer}.bin>; rel=preload; as=fetch; crossorigin",
            f"<picture/{trace.key}.jpg>; rel=preload; as=image",
        ]
    return links


@cache
def late_chunks() -> tuple[str, ...]:
    """Streamlit's files that mount a component: it asks for them when it meets the first one.

    Named by what its scripts import; none where another version is built otherwise.
    """
    page = STATIC / "index.html"
    early = page.read_text(encoding="utf-8") if page.is_file() else ""
    waiting, found = [name for name in script_names() if name.startswith(f"{COMPONENT}.")], []
    while waiting:
        name = waiting.pop()
        found.append(name)
        text = (SCRIPTS / name).read_text(encoding="utf-8")
        waiting += {
            other
            for other in script_names().intersection(IMPORTED.findall(text))
            if other not in early and other not in found + waiting
        }
    return tuple(found)
