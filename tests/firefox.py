"""A Firefox of the system behind Playwright, which drives it through WebDriver BiDi.

Playwright asks for a colour scheme by `emulation.setMediaFeaturesOverride`, a command Firefox ESR
does not know. So this stands between both: it starts Firefox, hands on what either says, and makes
of that one command a preference, which it sets in Firefox's own window.

    python -m tests.firefox firefox-esr --remote-debugging-port=0 --headless --profile folder
"""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")  # as Playwright waits for it
MEDIA = "emulation.setMediaFeaturesOverride"
SCHEME = "layout.css.prefers-color-scheme.content-override"
SCHEMES = {"dark": 0, "light": 1}  # of that preference; 2: as the system has it
FIRST_OWN_ID = 2**40  # Playwright counts from 1


class Refused(Exception):
    """Firefox answered a command of ours with an error."""


class Relay:
    """One connection of Playwright, and the one it stands for."""

    def __init__(self, playwright: Any, firefox: Any):
        self.playwright, self.firefox = playwright, firefox
        self.asked: dict[int, asyncio.Future] = {}  # ours, not answered yet
        self.window = ""

    async def run(self) -> None:
        """Until either side ends it."""
        ways = [asyncio.create_task(way()) for way in (self._from_playwright, self._from_firefox)]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()

    async def _from_playwright(self) -> None:
        async for said in self.playwright:
            message = json.loads(said)
            if message.get("method") != MEDIA:
                await self.firefox.send(said)
                continue
            answer = {"id": message["id"], "type": "success", "result": {}}
            try:
                await self._show(message["params"]["features"].get("prefers-color-scheme"))
            except Refused as problem:
                answer = {"id": message["id"], "type": "error", "error": "unknown error"}
                answer |= {"message": str(problem)}
            await self.playwright.send(json.dumps(answer))

    async def _from_firefox(self) -> None:
        async for said in self.firefox:
            waiting = self.asked.pop(json.loads(said).get("id"), None)
            if waiting is None:
                await self.playwright.send(said)
            else:
                waiting.set_result(json.loads(said))

    async def _show(self, scheme: str | None) -> None:
        """Have every page prefer a colour scheme."""
        if not self.window:
            tree = await self._ask("browsingContext.getTree", {"moz:scope": "chrome"})
            self.window = tree["contexts"][0]["context"]
        set_it = f"Services.prefs.setIntPref({SCHEME!r}, {SCHEMES.get(scheme or '', 2)})"
        target = {"context": self.window}
        told = {"expression": set_it, "target": target, "awaitPromise": False}
        said = await self._ask("script.evaluate", told)
        if said["type"] != "success":
            raise Refused(f"{SCHEME} cannot be set: {said}")

    async def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        number = FIRST_OWN_ID + len(self.asked)
        waiting = self.asked[number] = asyncio.get_running_loop().create_future()
        await self.firefox.send(json.dumps({"id": number, "method": method, "params": params}))
        answer = await waiting
        if answer["type"] != "success":
            raise Refused(f"{method}: {answer.get('message')}")
        return answer["result"]


async def between(address: str, playwright: Any) -> None:
    """Stand for Firefox as long as Playwright is connected."""
    from websockets.asyncio.client import connect

    place = address + playwright.request.path
    async with connect(place, max_size=None, compression=None) as firefox:
        await Relay(playwright, firefox).run()


async def stand_between(command: list[str]) -> int:
    """Start Firefox, say where to reach it, and stay until it ends."""
    from websockets.asyncio.server import serve

    process = await asyncio.create_subprocess_exec(
        *command, "--remote-allow-system-access", stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr
    async for line in process.stderr:
        if found := LISTENING.search(line.decode(errors="replace")):
            break
    else:
        return await process.wait()
    rest = asyncio.create_task(hand_on(process.stderr))
    host = partial(between, found[1])
    async with serve(host, "127.0.0.1", 0, max_size=None, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        print(f"WebDriver BiDi listening on ws://127.0.0.1:{port}", file=sys.stderr, flush=True)
        status = await process.wait()
    await rest
    return status


async def hand_on(stream: asyncio.StreamReader) -> None:
    """What Firefox complains of, for whoever reads Playwright's log."""
    async for line in stream:
        sys.stderr.buffer.write(line)
        sys.stderr.flush()


@contextmanager
def launched(playwright: Any, firefox: str, folder: Path) -> Iterator[Any]:
    """Playwright's browser, which is the Firefox at a path; `folder` takes a script of one line."""
    script = folder / "firefox"
    command = [sys.executable, "-m", "tests.firefox", firefox]
    script.write_text(f'#!/bin/sh\ncd {shlex.quote(str(ROOT))}\nexec {shlex.join(command)} "$@"\n')
    script.chmod(0o755)
    browser = playwright.firefox.launch(channel="moz-firefox", executable_path=script)
    try:
        yield browser
    finally:
        browser.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(stand_between(sys.argv[1:])))
