"""Who may come in where the network can reach the server, and what nobody may ask it."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from app.admission import COOKIE, KEY, Admission

SECRET = "a-key-of-this-server"


@pytest.fixture
def browser():
    """A new browser in front of a server with a page, a metric and a stream."""

    async def page(request):
        return PlainTextResponse(f"a page {dict(request.query_params)}")

    async def stream(websocket):
        await websocket.accept()
        await websocket.send_text("welcome")
        await websocket.close()

    routes = [
        Route("/{path:path}", page),
        WebSocketRoute("/_stcore/stream", stream),
    ]
    served = Starlette(routes=routes, middleware=[Middleware(Admission)])
    return lambda: TestClient(served, follow_redirects=False)


@pytest.fixture
def locked(monkeypatch):
    monkeypatch.setenv(KEY, SECRET)


def test_on_ones_own_machine_no_key_is_asked_for(browser):
    assert browser().get("/explore?picture=garden").status_code == 200


def test_a_stranger_gets_a_sentence_and_nothing_else(browser, locked):
    for path in (
        "/",
        "/explore",
        "/trace/abc/decoder.0.bin",
        "/_stcore/host-config",
        "/?key=wrong",
    ):
        answer = browser().get(path)
        assert answer.status_code == 403 and "Ask whoever started it" in answer.text
        assert "set-cookie" not in answer.headers
    assert browser().get("/_stcore/health").status_code == 200  # says nothing but that it lives
    with pytest.raises(WebSocketDisconnect), browser().websocket_connect("/_stcore/stream"):
        pass
    forged = browser()
    forged.cookies.set(COOKIE, SECRET)  # the key is not what the cookie holds
    assert forged.get("/").status_code == 403


@pytest.mark.parametrize("address", ["/", "/explore?picture=garden&pinned=3"])
def test_the_key_is_left_out_of_the_address_once_there_is_a_cookie(browser, locked, address):
    visitor = browser()
    first = visitor.get(f"{address}{'&' if '?' in address else '?'}key={SECRET}")
    assert first.status_code == 303 and SECRET not in first.headers["location"]
    held = first.headers["set-cookie"]
    assert SECRET not in held and "HttpOnly" in held and "SameSite=lax" in held
    again = visitor.send(first.next_request)
    assert again.status_code == 200
    assert ("garden" in again.text) == ("garden" in address) and "key" not in again.text
    with visitor.websocket_connect("/_stcore/stream") as stream:
        assert stream.receive_text() == "welcome"


@pytest.mark.parametrize("base", ["", "/viz"])
def test_nobody_is_told_the_servers_metrics(browser, base):
    assert browser().get(f"{base}/_stcore/metrics").status_code == 404
