"""What a server's processes weigh and hold open, and a server for a class to weigh."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import psutil

import deformviz
from tests.bench.page import Server, running_server
from tests.bench.visitor_acts import OTHER_MODEL

MEBIBYTE = 2**20
SETTLES_WITHIN_S = 30.0  # threads and files that one visitor leaves behind


@dataclass
class Weights:
    """What the server's processes weigh at one moment, and what they hold open."""

    web_mib: float  # resident, of the web process
    all_mib: float  # of all processes together, what they share counted once
    files: int  # open in the web process
    threads: int


def weigh(server: Server) -> Weights:
    web = psutil.Process(server.process.pid)
    shared = 0.0
    for process in [web, *web.children(recursive=True)]:
        try:
            shared += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return Weights(
        web.memory_info().rss / MEBIBYTE, shared / MEBIBYTE, web.num_fds(), web.num_threads()
    )


async def at_rest(server: Server, like: Weights | None) -> Weights:
    """What is left once everybody has gone and the server has noticed."""
    end, now = time.monotonic() + SETTLES_WITHIN_S, weigh(server)
    while time.monotonic() < end:
        await asyncio.sleep(1)
        now = weigh(server)
        if like is not None and now.files <= like.files and now.threads <= like.threads:
            break
    return now


async def keep_weighing(server: Server, weights: list[Weights]) -> None:
    """Weigh every other second, until cancelled."""
    while True:
        weights.append(await asyncio.to_thread(weigh, server))
        await asyncio.sleep(2)


@contextmanager
def class_server() -> Iterator[Server]:
    """The app with another model in the operator's folder, that soon forgets who has gone."""
    with tempfile.TemporaryDirectory() as folder:
        assets = Path(deformviz.__file__).parent / "assets"
        shutil.copy(assets / "deformable-detr-scenes.safetensors", Path(folder) / OTHER_MODEL)
        said = {"DEFORMVIZ_CHECKPOINTS": folder, "STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "5"}
        with mock.patch.dict(os.environ, said), running_server() as server:
            yield server
