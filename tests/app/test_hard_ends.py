"""Servers that are ended, killed, doubled, or left without room or network: the next one works."""

import asyncio
import random
import resource
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from deformviz.checkpoints.downloads import DOWNLOADS, HUB
from deformviz.words import say
from tests.bench.page import running_server
from tests.bench.protocol import Visitor
from tests.bench.visitor_acts import OWN, noise

pytestmark = pytest.mark.slow
SECONDS = 300


@pytest.fixture
def place(monkeypatch):
    """Where the servers of a test keep what must not outlive them; a short name, as usual."""
    with TemporaryDirectory() as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


def ours(place):
    """What servers have put there."""
    return sorted(path.name for path in place.iterdir() if path.name.startswith("deformviz"))


async def drop_a_picture(visitor):
    await visitor.open("explore")
    widget = visitor.labelled("file_uploader", say("picture.drop"))
    await visitor.upload(widget, "mine.jpg", noise(random.Random(time.time_ns())))


def is_shown(visitor):
    found = visitor.canvas("sampling")
    return found is not None and '"mine.jpg"' in found.bidi_component.json


async def train(visitor):
    await visitor.open("training")
    await visitor.move(visitor.labelled("button", "Train"), trigger_value=True)
    await visitor.until(
        lambda: any("learning" in e.progress.text for e in visitor.all("progress")),
        SECONDS,
        "a live training",
    )


async def looks_as_ever(address):
    async with Visitor(address) as visitor:
        await visitor.open("explore", picture="garden")
        assert visitor.canvas("sampling") is not None
        await visitor.open("survey")
        assert visitor.canvas("atlas") is not None and visitor.faults == []


def test_nothing_stays_of_a_server_that_is_ended_in_the_middle_of_a_training(place):
    async def scene(address):
        async with Visitor(address) as visitor:
            await drop_a_picture(visitor)
            await train(visitor)

    with running_server() as server:
        asyncio.run(scene(server.address))
        assert len(ours(place)) == 1
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(30)
    assert ours(place) == []


def test_two_servers_that_start_at_once_do_not_sweep_each_other(place):
    async def scene(address):
        async with Visitor(address) as visitor:
            await drop_a_picture(visitor)
        await looks_as_ever(address)

    with running_server() as first, running_server() as second:
        asyncio.run(gather(scene(first.address), scene(second.address)))
        assert len(ours(place)) == 2
    assert ours(place) == []


async def gather(*scenes):
    await asyncio.gather(*scenes)


@contextmanager
def no_room(process, size_bytes=1000):
    """No file of a process may grow beyond some bytes: what a full disk is to it."""
    before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)


def test_a_full_disk_costs_a_sentence_and_everything_works_once_there_is_room(place):
    async def scene(server):
        async with Visitor(server.address) as visitor:
            await visitor.open("explore")
            with no_room(server.process):
                await drop_a_picture(visitor)
                said = [element.alert.body for element in visitor.all("alert")]
                assert any("cannot write to its disk" in sentence for sentence in said), said
                assert visitor.canvas("sampling") is not None  # what is stored is there
            await drop_a_picture(visitor)
            await visitor.until(lambda: is_shown(visitor), SECONDS, OWN)
            assert visitor.faults == []

    with running_server() as server:
        asyncio.run(scene(server))


def test_without_a_network_a_published_model_costs_a_sentence_and_no_more(place, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("DEFORMVIZ_CACHE", str(place / "cache"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    name = next(n for n, listed in DOWNLOADS.items() if listed.source.startswith(HUB))

    async def scene(server):
        async with Visitor(server.address) as visitor:

            def row():
                buttons = visitor.all("button")
                return next((e for e in buttons if e.button.id.endswith(f"published_{name}")), None)

            await visitor.open("explore")
            offer = visitor.labelled("button", say("published.button"))
            await visitor.move(offer, trigger_value=True)
            await visitor.move(await visitor.until(row, SECONDS, "a row"), trigger_value=True)
            await visitor.until(
                lambda: any("no way to its server" in said for said in visitor.faults),
                SECONDS,
                "a sentence",
            )

    with running_server() as server:
        asyncio.run(scene(server))
