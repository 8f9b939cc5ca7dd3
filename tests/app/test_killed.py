"""Workers and servers that are killed in the middle of something: a sentence, and on it goes."""

import asyncio
import json
import random
import signal
import time

import psutil
import pytest

from deformviz.words import say
from tests.bench.page import running_server
from tests.bench.protocol import Visitor
from tests.bench.visitor_acts import noise

pytestmark = pytest.mark.slow
SECONDS = 300
NICENESS = {"quick": 0, "medium": 5, "long": 10}  # as app/work.py starts its lanes


@pytest.fixture(scope="module")
def server():
    with running_server() as server:
        yield server


def worker(server, lane):
    """The worker process of a lane: a child of the process that forks them; None before it is."""
    web = psutil.Process(server.process.pid)
    for child in web.children(recursive=True):
        try:
            if child.ppid() != web.pid and child.nice() == NICENESS[lane]:
                return child
        except psutil.NoSuchProcess:
            continue
    return None


async def own_picture(visitor):
    await visitor.open("explore")
    drop = visitor.labelled("file_uploader", say("picture.drop"))
    await visitor.upload(drop, "mine.jpg", noise(random.Random(time.time_ns())))
    return lambda: shows(visitor, "sampling", "mine.jpg")


async def replay(visitor):
    await visitor.open("training", run="detector", picture=random.choice(["garden", "harbour"]))
    return lambda: visitor.canvas("replay")


async def study(visitor):
    await visitor.open("attribution", picture="garden", of="left")  # of which nothing is stored

    def offer():
        return visitor.labelled("button", "Trace it back")

    await visitor.move(
        await visitor.until(offer, SECONDS, "the button of a study"), trigger_value=True
    )
    return offer  # it takes a minute: that it can be asked for again is enough


async def checkpoint(visitor):
    await visitor.open("checkpoint", checkpoint="dat-scenes")
    return lambda: not visitor.is_waiting() and len(visitor.elements) > 20


def shows(visitor, kind, title):
    found = visitor.canvas(kind)
    return found is not None and json.loads(found.bidi_component.json)["title"] == title


@pytest.mark.parametrize(
    "lane, ask",
    [("quick", own_picture), ("quick", checkpoint), ("medium", replay), ("long", study)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_worker_killed_in_the_middle_ends_its_job_with_a_sentence_and_no_more(server, lane, ask):
    async def scene():
        async with Visitor(server.address) as visitor, Visitor(server.address) as other:
            await visitor.open("explore")
            answered = await ask(visitor)
            await visitor.until(visitor.is_waiting, SECONDS, "a bar")
            await visitor.until(lambda: worker(server, lane), SECONDS, "a worker")
            killed = worker(server, lane)
            killed.send_signal(signal.SIGKILL)
            await visitor.until(
                lambda: any("SIGKILL" in fault for fault in visitor.faults), SECONDS, "a sentence"
            )
            await other.open("explore", picture="garden")  # nobody else notices
            assert other.canvas("sampling") is not None and other.faults == []
            retry = visitor.labelled("button", "Try again")
            visitor.faults.clear()
            await visitor.move(retry, trigger_value=True)
            await visitor.until(answered, SECONDS, "the answer at the second try")
            assert all("SIGKILL" in fault for fault in visitor.faults)  # said until the retry
            assert not killed.is_running()
        assert server.process.poll() is None

    asyncio.run(scene())


def test_a_server_killed_in_the_middle_of_everything_leaves_nothing_running_and_starts_again(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # what must not outlive a server lies here

    async def begin(address):
        """A training, an answer traced back, a picture, and a question to a survey: none ends."""
        async with Visitor(address) as trains, Visitor(address) as studies, Visitor(address) as own:
            await study(studies)
            await own_picture(own)
            await trains.open("survey", group="size S")
            await trains.open("training")
            await trains.move(trains.labelled("button", "Train"), trigger_value=True)
            await trains.until(
                lambda: any("learning" in e.progress.text for e in trains.all("progress")),
                SECONDS,
                "a live training",
            )

    async def look(address):
        async with Visitor(address) as visitor:
            await visitor.open("training", run="detector")
            await visitor.until(lambda: visitor.canvas("replay"), SECONDS, "a replay")
            await visitor.open("survey", group="size S")
            assert visitor.canvas("atlas") is not None
            shown = await own_picture(visitor)
            await visitor.until(shown, SECONDS, "one's own picture")
            assert visitor.faults == []

    def folders():
        return {path.name for path in tmp_path.iterdir() if path.name.startswith("deformviz")}

    with running_server() as killed:
        asyncio.run(begin(killed.address))
        children = psutil.Process(killed.process.pid).children(recursive=True)
        assert any("train" in child.cmdline() for child in children)
        killed.process.kill()
        killed.process.wait()
        _, alive = psutil.wait_procs(children, timeout=30)
        assert alive == []
    left = folders()
    assert len(left) == 1
    with running_server() as next_one:
        asyncio.run(look(next_one.address))
        assert not left & folders()
