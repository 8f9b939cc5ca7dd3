"""Only pages of this server, or of whom the operator names, may put it into a frame."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.embedding import EMBEDDED_BY, Embedding


@pytest.fixture
def answer():
    async def page(request):
        return PlainTextResponse("a page")

    routes = [Route("/", page)]
    return lambda: TestClient(Starlette(routes=routes, middleware=[Middleware(Embedding)])).get("/")


def test_by_default_nobody_else_may_frame_it(answer):
    assert answer().headers["content-security-policy"] == "frame-ancestors 'self'"


def test_the_operator_names_who_may(answer, monkeypatch):
    monkeypatch.setenv(EMBEDDED_BY, "https://school.example https://lab.example")
    policy = answer().headers["content-security-policy"]
    assert policy == "frame-ancestors 'self' https://school.example https://lab.example"
    assert answer().text == "a page"
