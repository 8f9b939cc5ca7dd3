"""Traces and pictures by key: exact bytes, cacheable for ever, and a sentence where none is."""

import asyncio
import gzip

import numpy as np
import pytest
from starlette.applications import Starlette

from app.rooms import ROOMS
from app.traces import ROUTES
from deformviz.tracing.packing import unpack_layer


def get(path):
    """Status, headers and body of a request to the routes."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "headers": [],
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
    }
    asyncio.run(Starlette(routes=ROUTES)(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(m.get("body", b"") for m in sent[1:])


@pytest.fixture
def stored(tiny_server):
    return {trace.name: trace for trace in ROOMS["sampling"].stored()}


def test_a_layer_travels_compressed_once_and_may_be_kept_for_ever(stored):
    trace = stored["wide"]
    status, headers, body = get(f"/trace/{trace.key}/encoder.1.bin")
    assert (status, headers["content-encoding"]) == (200, "gzip")
    assert "immutable" in headers["cache-control"]
    layer = unpack_layer(gzip.decompress(body))
    np.testing.assert_array_equal(layer.weights, trace.layer("encoder.1").weights)


def test_a_picture_is_a_jpeg(stored):
    status, headers, body = get(f"/picture/{stored['tall'].key}.jpg")
    assert (status, headers["content-type"], body[:2]) == (200, "image/jpeg", b"\xff\xd8")


@pytest.mark.parametrize("name", ["wide", "astronaut", "rocket", "camera"])
def test_the_gallery_has_thumbnails(stored, name):
    status, headers, body = get(f"/thumbnail/{name}.jpg")
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    assert len(body) < 20_000


@pytest.mark.parametrize(
    "path",
    [
        "/trace/unknown/encoder.0.bin",
        "/trace/{key}/encoder.9.bin",
        "/trace/{key}/meta.json.bin",
        "/picture/unknown.jpg",
        "/thumbnail/unknown.jpg",
        "/thumbnail/..jpg",
    ],
)
def test_what_is_not_there_is_said_in_a_sentence_and_not_kept(stored, path):
    status, headers, body = get(path.format(key=stored["wide"].key))
    assert status == 404 and body.endswith(b".")
    assert headers["cache-control"] == "no-store"


def test_every_key_is_its_own(stored):
    assert stored["wide"].key != stored["tall"].key
