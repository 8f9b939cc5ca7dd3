"""What the server does so that a new visitor waits less."""

import asyncio
import re
import socket

import pytest
from starlette.responses import PlainTextResponse

from app import first_visit
from app.first_visit import FirstVisit, early_links, late_chunks, script_names, send_at_once
from app.rooms import ROOMS
from tests.app.test_routes import get


def ask(app, path, query=b"", headers=()):
    """Status, headers and body of a request to an ASGI app."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query,
        "headers": list(headers),
    }
    asyncio.run(app(scope, receive, send))
    fields = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], fields, b"".join(part.get("body", b"") for part in sent[1:])


@pytest.fixture
def behind():
    """An inner app that counts its calls, and the middleware in front of it."""

    class Behind:
        calls, status = 0, 200

        async def __call__(self, scope, receive, send):
            self.calls += 1
            answer = PlainTextResponse(f"answer {scope['path']}", self.status)
            await answer(scope, receive, send)

    inner = Behind()
    return inner, FirstVisit(inner)


def addresses(links):
    return [re.match("<(.*?)>", link)[1] for link in links]


# -- early hints ---------------------------------------------------------------------------------


def test_the_landing_page_names_a_trace_and_a_picture_that_are_there(tiny_server):
    links = early_links({})
    trace, picture = addresses(links)[-2:]
    assert get(f"/{trace}")[0] == get(f"/{picture}")[0] == 200
    assert "as=fetch" in links[-2] and "as=image" in links[-1]
    assert addresses(links)[0].endswith("/sampling.js")


def test_a_link_names_its_own_picture_and_layer(tiny_server):
    tall = next(trace for trace in ROOMS["sampling"].stored() if trace.name == "tall")
    links = addresses(early_links({"picture": "tall", "layer": "encoder.1"}))
    assert links[-2:] == [f"trace/{tall.key}/encoder.1.bin", f"picture/{tall.key}.jpg"]
    assert f"trace/{tall.key}/{tall.layers[-1]}.bin" in addresses(
        early_links({"picture": "tall", "layer": "><script>"})
    )


@pytest.mark.parametrize("asked", [{"picture": "upload"}, {"model": "tiny.safetensors"}])
def test_nothing_is_promised_that_would_have_to_be_computed(tiny_server, asked):
    assert not any("trace/" in link or "picture/" in link for link in early_links(asked))


def test_streamlits_late_files_are_there_and_not_named_by_its_page():
    page = (first_visit.STATIC / "index.html").read_text()
    assert any("BidiComponent" in name for name in late_chunks())
    for name in late_chunks():
        assert (first_visit.SCRIPTS / name).is_file() and name not in page


def test_only_the_landing_page_carries_hints(behind, tiny_server):
    inner, app = behind
    assert "sampling.js" in ask(app, "/")[1]["link"]
    assert "link" not in ask(app, "/walkthrough")[1]


# -- quick answers -------------------------------------------------------------------------------

SCRIPT, OTHER = (f"/static/js/{name}" for name in sorted(script_names())[:2])


def test_a_script_is_read_once_and_answered_alike(behind):
    inner, app = behind
    first = ask(app, SCRIPT)
    assert ask(app, SCRIPT) == first and first[2] == f"answer {SCRIPT}".encode()
    assert inner.calls == 1
    assert ask(app, OTHER)[2] == f"answer {OTHER}".encode()


def test_nobody_can_fill_the_memory_with_names_that_are_made_up(behind):
    """Streamlit answers any name with its page, and a file under many spellings of its path."""
    inner, app = behind
    for path in (
        f"/static/js/made-up-{inner.calls}.js",
        SCRIPT.replace("js/", "js//"),
        SCRIPT.replace("js/", "js/./"),
    ):
        assert ask(app, path)[0] == 200
    assert app.kept == {} and inner.calls == 3


def test_a_script_that_could_not_be_read_is_asked_for_again(behind):
    inner, app = behind
    inner.status = 500
    for calls in (1, 2):
        ask(app, SCRIPT)
        assert inner.calls == calls


def test_a_streamlit_built_otherwise_gets_no_hints_and_no_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(first_visit, "STATIC", tmp_path)
    monkeypatch.setattr(first_visit, "SCRIPTS", tmp_path / "static" / "js")
    first_visit.script_names.cache_clear()
    try:
        assert late_chunks.__wrapped__() == ()
    finally:
        first_visit.script_names.cache_clear()


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/trace/key/encoder.0.bin", ()),
        ("/", ()),
        (SCRIPT, [(b"range", b"bytes=0-3")]),
        (SCRIPT, [(b"if-none-match", b'"x"')]),
    ],
)
def test_other_answers_are_not_kept(behind, path, headers):
    inner, app = behind
    for calls in (1, 2):
        ask(app, path, headers=headers)
        assert inner.calls == calls


def test_small_packets_do_not_wait():
    class Transport:
        def __init__(self, connection):
            self.connection = connection

        def get_extra_info(self, name):
            return self.connection if name == "socket" else None

    class Cycle:
        def __init__(self, connection):
            self.transport = Transport(connection)

        async def receive(self):
            pass

    with socket.socket() as connection:
        assert not connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        send_at_once(Cycle(connection).receive)
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        closed = Cycle(connection)
    send_at_once(closed.receive)  # a browser that has gone
    send_at_once(Cycle(None).receive)
    send_at_once(lambda: None)  # another server: nothing to switch off


def test_what_is_imported_early_is_there():
    for name in first_visit.NEEDED_SOON:
        assert first_visit.importlib.import_module(name)
