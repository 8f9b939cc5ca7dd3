"""A visitor without a browser: Streamlit's own messages over its websocket, a page as its elements.

It does what the front end does and no more: follows links, moves widgets, uploads, and runs a
fragment again as often as the server asks it to.
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import connect

XSRF = "_streamlit_xsrf"
Place = tuple[int, ...]


class Failed(RuntimeError):
    """A page said that something went wrong, or nothing in time."""


class Visitor:
    """One connection.

    Args:
        address: of the server, "http://127.0.0.1:8501".
    """

    def __init__(self, address: str):
        self.address = address
        self.elements: dict[Place, Element] = {}  # what is on the page, by its place
        self.pages: dict[str, str] = {}  # name in an address -> Streamlit's hash of it
        self.runs = 0  # of scripts, that came to their end
        self.faults: list[str] = []
        self._page = self._query = self._session = self._xsrf = ""
        self._begun = self._ended = ""  # pages whose script has begun, and ended, last
        self._stale: set[Place] = set()
        self._answers: dict[str, asyncio.Future] = {}
        self._again: dict[str, asyncio.Task] = {}  # fragments that run by themselves
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Visitor:
        self._xsrf = await asyncio.to_thread(self._fetch_xsrf)
        stream = self.address.replace("http", "ws", 1) + "/_stcore/stream"
        self._socket = await connect(
            stream,
            subprotocols=["streamlit", self._xsrf],  # type: ignore[list-item]
            additional_headers={"Cookie": f"{XSRF}={self._xsrf}"},
            max_size=None,
        )
        self._listener = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *problem: object) -> None:
        for task in (self._listener, *self._again.values()):
            task.cancel()
        await self._socket.close()

    # -- what a person does ----------------------------------------------------------------------

    async def open(self, page: str = "", **link: str) -> None:
        """Follow a link to a page of the app; returns when its script has come to its end."""
        if page and not self.pages:
            await self._run()
        self._page, self._query = self.pages.get(page, ""), urllib.parse.urlencode(link)
        await self._run()

    async def again(self) -> None:
        """Run the page once more as it is."""
        await self._run()

    async def move(self, element: Element, **value: Any) -> None:
        """Give a widget another value, by the name of a field of WidgetState."""
        kind = element.WhichOneof("type") or ""
        state = WidgetState(id=getattr(element, kind).id)
        for name, worth in value.items():
            setattr(state, name, worth)
        await self._run(state)

    async def tell(self, component: Element, **told: Any) -> None:
        """What a canvas tells the page."""
        await self.move(component, json_value=json.dumps(told))

    async def upload(self, widget: Element, name: str, data: bytes) -> None:
        """Drop a file."""
        answer = await self._ask_for_places(name)
        urls = answer.file_urls[0]
        await asyncio.to_thread(self._put, urls.upload_url, name, data)
        state = WidgetState(id=widget.file_uploader.id)
        info = state.file_uploader_state_value.uploaded_file_info.add()
        info.name, info.size, info.file_id = name, len(data), urls.file_id
        info.file_urls.CopyFrom(urls)
        await self._run(state)

    async def get(self, path: str) -> bytes:
        """Fetch what a page points to."""
        return await asyncio.to_thread(
            lambda: urllib.request.urlopen(f"{self.address}/{path}", timeout=60).read()
        )

    async def until(self, condition: Callable[[], Any], seconds: float, what: str) -> Any:
        """Wait for something to be on the page. Raises Failed."""
        end = time.monotonic() + seconds
        while not (found := condition()):
            if self._listener.done():
                raise Failed(f"hung up before {what}: {self._listener.exception()!r}")
            if time.monotonic() > end:
                raise Failed(f"{what} did not come within {seconds:.0f} s; it says: {self.text()}")
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), 0.5)
        return found

    # -- what is on the page ---------------------------------------------------------------------

    def all(self, kind: str) -> Iterator[Element]:
        """Elements of a kind, from top to bottom."""
        found = sorted((place, e) for place, e in self.elements.items() if e.HasField(kind))  # type: ignore[arg-type]
        return (element for _, element in found)

    def canvas(self, name: str = "") -> Element | None:
        """A canvas of ours, by its kind."""
        wanted = f"deformviz_{name}"
        mounts = self.all("bidi_component")
        return next((e for e in mounts if wanted in e.bidi_component.component_name), None)

    def labelled(self, kind: str, label: str) -> Element | None:
        """A widget by its label."""
        return next((e for e in self.all(kind) if getattr(e, kind).label == label), None)

    def text(self) -> str:
        """What it says in words, shortened."""
        parts = [e.markdown.body for e in self.all("markdown")]
        parts += [e.alert.body for e in self.all("alert")]
        parts += [e.progress.text for e in self.all("progress")]
        return " | ".join(part for part in parts if not part.startswith("<"))[:600]

    def is_waiting(self) -> bool:
        """Whether it shows how far its own work is, or that the line is full.

        A live training is everybody's: its bar stays for minutes, and nobody waits for it.
        """
        bars = any("iteration" not in e.progress.text for e in self.all("progress"))
        return bars or any("jobs wait already" in e.markdown.body for e in self.all("markdown"))

    # -- the protocol ----------------------------------------------------------------------------

    async def _run(self, *states: WidgetState, fragment: str = "") -> None:
        message, before = BackMsg(), self.runs
        client = message.rerun_script
        client.query_string, client.page_script_hash = self._query, self._page
        client.fragment_id, client.is_auto_rerun = fragment, bool(fragment)
        client.widget_states.widgets.extend(states)
        await self._socket.send(message.SerializeToString())
        if not fragment:
            asked = self._page  # not the page before, which this run may have cut short
            await self.until(
                lambda: self.runs > before and (not asked or self._ended == asked),
                120,
                "the end of a script",
            )

    async def _listen(self) -> None:
        async for data in self._socket:
            message = ForwardMsg()
            message.ParseFromString(data if isinstance(data, bytes) else data.encode())
            self._take(message)
            self._changed.set()

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._session = message.new_session.initialize.session_id or self._session
            self._begin(message)
        elif kind == "navigation":
            self.pages = {
                page.url_pathname: page.page_script_hash for page in message.navigation.app_pages
            }
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            place = tuple(message.metadata.delta_path)
            self._stale.discard(place)
            self._put_element(place, message.delta.new_element)
        elif kind == "delta":  # a block takes the place of what stood there
            self.elements.pop(tuple(message.metadata.delta_path), None)
        elif kind == "script_finished":
            self._finish(message.script_finished)
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "file_urls_response":
            answer = message.file_urls_response
            self._answers.pop(answer.response_id).set_result(answer)
        elif kind == "auto_rerun":
            self._repeat(message.auto_rerun.fragment_id, message.auto_rerun.interval)

    def _begin(self, message: ForwardMsg) -> None:
        if message.metadata.run.fragment_ids:
            return  # only what it draws changes
        self._begun = message.new_session.page_script_hash
        self._stale = set(self.elements)
        for task in self._again.values():
            task.cancel()
        self._again.clear()

    def _finish(self, how: int) -> None:
        """A page has come to its end, or another run has cut it short; fragments are none."""
        if how == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY:
            return
        if how == ForwardMsg.FINISHED_SUCCESSFULLY:
            for place in self._stale:
                self.elements.pop(place, None)
        self._stale.clear()
        self._ended = self._begun
        self.runs += 1

    def _put_element(self, place: Place, element: Element) -> None:
        self.elements[place] = element
        if element.HasField("exception"):
            self.faults.append(f"{element.exception.type}: {element.exception.message}")
        if element.HasField("alert") and element.alert.format == element.alert.ERROR:
            self.faults.append(element.alert.body)

    def _repeat(self, fragment: str, seconds: float) -> None:
        async def again() -> None:
            while True:
                await asyncio.sleep(seconds)
                await self._run(fragment=fragment)

        if fragment not in self._again:
            self._again[fragment] = asyncio.create_task(again())

    # -- plain HTTP ------------------------------------------------------------------------------

    def _fetch_xsrf(self) -> str:
        with urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=60) as answer:
            cookies = answer.headers.get_all("Set-Cookie") or [""]
        return next((c.split(";")[0].partition("=")[2] for c in cookies if c.startswith(XSRF)), "")

    async def _ask_for_places(self, name: str) -> Any:
        message, request = BackMsg(), uuid.uuid4().hex
        message.file_urls_request.request_id = request
        message.file_urls_request.file_names.append(name)
        message.file_urls_request.session_id = self._session
        self._answers[request] = asyncio.get_running_loop().create_future()
        await self._socket.send(message.SerializeToString())
        return await asyncio.wait_for(self._answers[request], 60)

    def _put(self, path: str, name: str, data: bytes) -> None:
        mark = uuid.uuid4().hex
        head = (
            f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'
        )
        body = head.encode() + data + f"\r\n--{mark}--\r\n".encode()
        headers = {
            "Content-Type": f"multipart/form-data; boundary={mark}",
            "Cookie": f"{XSRF}={self._xsrf}",
            "X-Xsrftoken": self._xsrf,
        }
        request = urllib.request.Request(
            f"{self.address}{path}", data=body, headers=headers, method="PUT"
        )
        urllib.request.urlopen(request, timeout=60).close()
