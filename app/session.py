"""The only file with caches, what a browser session remembers, and what its address says.

Shared between sessions: finished runs and unpacked layers (bounded in bytes, read-only), loaded
models, the line in front of the device. Nothing is keyed by an array: Streamlit hashes large
ones by a sample of their numbers, and two pictures that differ in one pixel would be one.
Of one session: names and keys only, and the bytes of its own picture.
"""

from __future__ import annotations

import functools
import hmac
import os
import secrets
import sys
import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import streamlit as st

from app.jobs import RunQueue
from app.sources import UPLOAD, Source, list_sources, own_picture
from deformviz.tracing.packing import PackedLayer
from deformviz.tracing.packing_grid import PackedGrid
from deformviz.tracing.store import (
    SHIPPED,
    SHIPPED_GRIDS,
    SHIPPED_KEYS,
    StoredTrace,
    read_index,
)

MEBIBYTE = 2**20
LONGEST_VALUE = 200
FIRST_PICTURE = "beach-dusk"  # every name is right; its boat reads far and wide
# Rooms: pages in one share their picture, model and layer.
SAMPLING, GRID, KEYS = "sampling", "grid", "keys"
STORES = {
    SAMPLING: ("DEFORMVIZ_TRACES", SHIPPED),
    GRID: ("DEFORMVIZ_GRIDS", SHIPPED_GRIDS),
    KEYS: ("DEFORMVIZ_KEYS", SHIPPED_KEYS),
}


class ByteCache:
    """The most recently used values, together no larger than a budget; safe between threads.

    The newest value always stays, even if it alone is larger: somebody is waiting for it.
    """

    def __init__(self, budget_bytes: int):
        self._budget = budget_bytes
        self._values: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._lock = threading.RLock()

    def get(self, key: str) -> Any | None:
        """The value, now the most recently used, or None."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: str, value: Any, size_bytes: int) -> None:
        """Keep a value, at the cost of those not used for longest."""
        with self._lock:
            self._values.pop(key, None)
            self._values[key] = (value, size_bytes)
            while self.size_bytes > self._budget and len(self._values) > 1:
                self._values.popitem(last=False)

    @property
    def size_bytes(self) -> int:
        with self._lock:
            return sum(size for _, size in self._values.values())

    def __len__(self) -> int:
        return len(self._values)


def _one_sentence(problem: Exception) -> str:
    """What a person is told of a failed run; our own errors are sentences already."""
    if isinstance(problem, (ValueError, RuntimeError, KeyError)) and problem.args:
        return str(problem.args[0]).splitlines()[0]
    return f"The run stopped with {type(problem).__name__}; the terminal says more."


RUNS = ByteCache(1024 * MEBIBYTE)  # finished runs by key, exact float32 numbers included
LAYERS = ByteCache(256 * MEBIBYTE)  # unpacked layers by (key, layer), for the charts
REPLAYS = ByteCache(512 * MEBIBYTE)  # trainings looked at again, by run and picture
QUEUE = RunQueue(describe=_one_sentence)  # one device, one run at a time
_SECRET = secrets.token_bytes(32)  # makes addresses of runs impossible to guess


def run_key(model: str, content: str) -> str:
    """The public name of one model's run on one picture; nobody can derive it from the picture."""
    return hmac.new(_SECRET, f"{model}|{content}".encode(), "sha256").hexdigest()[:32]


@st.cache_resource(max_entries=2, show_spinner=False)
def load_model(name_or_path: str, stamp: int):
    """A loaded model, shared by all sessions; `stamp` changes when its file does."""
    import torch

    from deformviz.checkpoints.load import load

    torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))
    model = load(name_or_path)
    return model.to("cuda") if torch.cuda.is_available() else model


@st.cache_resource(show_spinner=False)
def live_training():
    """The one training that people of this server may start and watch."""
    from deformviz.training.live import LiveTraining

    return LiveTraining()


def live_training_if_any():
    """The live training, or None before anybody asked for one: it would import torch."""
    return live_training() if "deformviz.training.live" in sys.modules else None


def stored_traces(room: str = SAMPLING) -> list[StoredTrace]:
    """Stored traces of the sample images; $DEFORMVIZ_TRACES and $DEFORMVIZ_GRIDS name others."""
    variable, shipped = STORES[room]
    folder = Path(os.environ.get(variable, shipped))
    return _read_store(folder, folder.stat().st_mtime_ns) if folder.is_dir() else []


@functools.lru_cache(maxsize=4)
def _read_store(folder: Path, mtime_ns: int) -> list[StoredTrace]:
    return read_index(folder)


def sources() -> dict[str, Source]:
    """Every picture this session can choose, its own among them."""
    own = st.session_state.get("own_picture")
    stored = stored_traces(st.session_state.get("room", SAMPLING))
    return list_sources(stored) | ({UPLOAD: own} if own else {})


def first_picture(names: Iterable[str]) -> str:
    """What a visitor sees who asked for nothing: the favourite, else the first, else ""."""
    names = list(names)
    return FIRST_PICTURE if FIRST_PICTURE in names else next(iter(names), "")


def unpacked(run: Any, layer: str) -> PackedLayer | PackedGrid:
    """A layer's numbers as read-only arrays, kept between reruns and sessions."""
    name = f"{run.key}/{layer}"
    packed = LAYERS.get(name)
    if packed is None:
        packed = run.layer(layer)
        for array in packed.arrays:
            array.flags.writeable = False
        LAYERS.put(name, packed, sum(array.nbytes for array in packed.arrays))
    return packed


# -- one session -----------------------------------------------------------------------------


def session_id() -> str:
    """A name for this browser session in the line."""
    return st.session_state.setdefault("session_id", uuid.uuid4().hex)


OF_A_ROOM = (
    "picture",
    "model",
    "layer",
    "link_view",
    "notes",
    "start_view_of",
    "start_view",
    "shown",
    "view_params",
)


def enter(room: str) -> None:
    """Go to the pages of a room: what was chosen in the last one waits there."""
    state = st.session_state
    before = state.get("room", SAMPLING)
    if room != before:
        waiting = state.setdefault("rooms", {})
        waiting[before] = {name: state[name] for name in OF_A_ROOM if name in state}
        for name in waiting[before]:
            del state[name]
        state.update(waiting.pop(room, {}))
    state["room"] = room


def own_checkpoints() -> list[Any]:
    """Files dropped on the Checkpoint page that still lie here: `checkpoint_files.Choice`."""
    own = st.session_state.get("own_checkpoints", {}).values()
    return [choice for choice in own if Path(choice.path).exists()]


def choose_model(name: str, room: str) -> None:
    """Make a model the chosen one of a room's pages, whichever page this is."""
    state = st.session_state
    of_room = (
        state
        if state.get("room", SAMPLING) == room
        else state.setdefault("rooms", {}).setdefault(room, {})
    )
    of_room["model"] = name


def choose_picture(name: str) -> None:
    """Make a picture the chosen one; what was wrong with the link is past."""
    st.session_state["picture"] = name
    st.session_state["notes"] = []


def take_own_picture(title: str, data: bytes) -> None:
    """Make an uploaded picture the chosen one."""
    st.session_state["own_picture"] = own_picture(title, data)
    choose_picture(UPLOAD)


def show(run: Any) -> None:
    """Remember what is on show, to return to when something newer is given up."""
    state = st.session_state
    state["shown"] = {name: state[name] for name in ("picture", "model")} | {"key": run.key}


def shown_key() -> str:
    """The key of the run that was shown last, or ""."""
    return st.session_state.get("shown", {}).get("key", "")


def start_view(run_key: str, component: str = "explorer") -> dict[str, Any]:
    """What the canvas shows of a run at first: the link's view, later the choices made so far.

    A query of one picture means nothing in the next, so it is left behind.
    """
    state = st.session_state
    if state.get("start_view_of") != run_key:
        chosen = getattr(state.get(component), "view", None)
        first = "start_view_of" not in state
        kept = {
            k: v
            for k, v in (chosen or {}).items()
            if k not in ("query", "pinned", "lookup", "source", "params", "layer")
        }
        state["start_view"] = state.get("link_view", {}) if first else kept
        state["start_view_of"] = run_key
    return state["start_view"]


def give_up(key: str) -> None:
    """Leave the line and return to what was shown before, or to the first picture."""
    QUEUE.leave(key, session_id())
    before = st.session_state.get("shown") or {"picture": first_picture(sources())}
    for name in ("picture", "model"):
        if name in before:
            st.session_state[name] = before[name]


# -- the address -----------------------------------------------------------------------------

OURS = ("picture", "model", "layer")  # all other parameters belong to the canvas


def read_address(models: list[str]) -> None:
    """Once per session: take picture, model, layer and view from the address, noting what fails."""
    state = st.session_state
    if state.get("model") not in models:  # also a file that has left the folder since
        state["model"] = models[0]
    if "picture" in state:
        return
    asked = {name: value[:LONGEST_VALUE] for name, value in st.query_params.to_dict().items()}
    known, notes = sources(), []
    state["picture"] = first_picture(known)
    if asked.get("picture", state["picture"]) in known:
        state["picture"] = asked.get("picture", state["picture"])
    elif asked["picture"] == UPLOAD:
        notes.append("A link cannot carry an uploaded picture; upload it again to see this view.")
    else:
        notes.append("The link names a picture that is not here, so you see another one.")
    if asked.get("model", state["model"]) in models:
        state["model"] = asked.get("model", state["model"])
    else:
        notes.append("The link names a model that is not on this server, so you see another one.")
    state["layer"] = asked.get("layer", "")
    state["link_view"] = {k: v for k, v in asked.items() if k not in OURS}
    state["notes"] = notes


def settle_layer(layers: tuple[str, ...]) -> None:
    """Make sure the chosen layer is one of `layers`, by default the last, and say if it was not."""
    state = st.session_state
    if state["layer"] and state["layer"] not in layers and "start_view_of" not in state:
        state["notes"].append(
            "The link names a layer this model does not have, so you see another one."
        )
    if state["layer"] not in layers:
        state["layer"] = layers[-1]


def write_address(view_params: dict[str, str] | None, default_model: str) -> None:
    """Keep the address in step with what is shown, so that copying it copies the view.

    Before the canvas has told its view (None), the address stays as it is.
    """
    if view_params is None:
        return
    state = st.session_state
    state["view_params"] = view_params  # a canvas forgets itself when another page is shown
    wanted = {"picture": state["picture"], "layer": state["layer"], **view_params}
    if state["model"] != default_model:
        wanted["model"] = state["model"]
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)
