"""Bringing a published model into the cache: progress, cancelling, going on where it stopped.

Speaks the hub's protocol with the standard library: a list of files, then each file with the hash
of its content. A file appears under its name only when it is whole.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deformviz.checkpoints.downloads import DOWNLOADS, HUB, Download, find
from deformviz.checkpoints.errors import CheckpointError

ENDPOINT = "https://huggingface.co"
SETTINGS = ("config.json", "preprocessor_config.json")
WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the first that is there
SHARDED = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
INDEX = "model.safetensors.index.json"
PIECE = 1 << 18  # bytes between two reports of progress
MOST_LIST_BYTES = 8 * 2**20
PATIENCE_S = 30
MOST_FILE_BYTES = 8 * 2**30

OnProgress = Callable[[str, int, int], None]  # (file, bytes here, bytes in all); may raise


def cache_folder() -> Path:
    """Where downloads are kept: DEFORMVIZ_CACHE, or deformviz in the user's cache folder.

    A user without a home, as containers know them, has a folder among the temporary files.
    """
    try:
        if told := os.environ.get("DEFORMVIZ_CACHE"):
            return Path(told).expanduser()
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "deformviz"
    except RuntimeError:
        return Path(tempfile.gettempdir()) / f"deformviz-{os.getuid()}"


def folder_of(download: Download) -> Path:
    """The folder of one model in the cache."""
    return cache_folder() / "models" / download.name.removeprefix(HUB).replace("/", "--")


def cached(name: str) -> Path | None:
    """Where a model lies that was brought here whole; None if it was not."""
    download = find(name)
    if download is None or not (folder_of(download) / "complete").is_file():
        return None
    return _weights_in(folder_of(download))


def brought_names() -> list[str]:
    """The models that were brought here whole, by the names `fetch` takes."""
    found = [name for name in DOWNLOADS if cached(name) is not None]
    listed = {folder_of(DOWNLOADS[name]).name for name in found}
    for complete in sorted((cache_folder() / "models").glob("*/complete")):
        if complete.parent.name not in listed and "--" in complete.parent.name:
            found.append(HUB + complete.parent.name.replace("--", "/", 1))
    return found


def stopped_at(name: str) -> int:
    """Bytes that came before a download was stopped; 0 where none was begun."""
    download = find(name)
    if download is None:
        return 0
    return sum(part.stat().st_size for part in folder_of(download).glob("*.part"))


def fetch(name: str, on_progress: OnProgress | None = None) -> Path:
    """Bring a model here, or find it in the cache; its folder, or its file.

    Args:
        on_progress: hears (file, bytes here, bytes in all) and may raise to cancel; what came so
            far is kept, and the next call goes on from there.

    Raises:
        CheckpointError: no such model, no network, too little space, or content that is not what
            was announced.
    """
    download = find(name)
    if download is None:
        raise CheckpointError(
            f"{name!r} is not a model that can be had. `deformviz get` lists those that are; any "
            f"other of the hub is named hf:OWNER/NAME."
        )
    if (here := cached(name)) is not None:
        return here
    folder, report = folder_of(download), on_progress or (lambda *_: None)
    folder.mkdir(parents=True, exist_ok=True)
    with _spoken(name):
        for address, file, size, sha256 in _files(download):
            _bring(address, folder / file, size, sha256, report)
    (folder / "complete").write_text("")
    return _weights_in(folder)


def fetch_file(address: str, on_progress: OnProgress | None = None) -> Path:
    """One file of the network in the cache, under the last part of its address.

    Raises:
        CheckpointError: as `fetch`.
    """
    path = cache_folder() / "files" / urllib.parse.urlsplit(address).path.rpartition("/")[2]
    path.parent.mkdir(parents=True, exist_ok=True)
    with _spoken(address):
        _bring(address, path, 0, "", on_progress or (lambda *_: None))
    return path


@contextmanager
def _spoken(name: str) -> Iterator[None]:
    """What goes wrong on the network, in sentences."""
    try:
        yield
    except urllib.error.HTTPError as error:
        raise CheckpointError(_refusal(name, error.code)) from None
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise CheckpointError(
            f"{name} cannot be had: there is no way to its server from here ({reason}). Offline, "
            f"load a file or a folder you have instead."
        ) from None


def _weights_in(folder: Path) -> Path:
    files = [path for path in folder.iterdir() if path.suffix == ".pth"]
    return files[0] if files else folder


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", ENDPOINT).rstrip("/")


def _refusal(name: str, code: int) -> str:
    if code in (401, 403):
        return (
            f"{name} asks for a login or a consent to its licence, which deformviz does not give."
        )
    if code == 404:
        return f"There is no model {name}; look at how it is spelt."
    return f"{name} cannot be had now: the server answers {code}. Try again later."


def _files(download: Download) -> list[tuple[str, str, int, str]]:
    """(address, name, bytes or 0, sha256 or "") of what a model consists of; weights last."""
    if not download.source.startswith(HUB):
        file = urllib.parse.urlsplit(download.source).path.rpartition("/")[2]
        return [(download.source, file, 0, download.sha256)]
    repository = download.source.removeprefix(HUB)
    with _open(f"{_endpoint()}/api/models/{repository}?blobs=true") as answer:
        try:
            listed = json.loads(answer.read(MOST_LIST_BYTES))
        except ValueError:
            listed = None
    if not isinstance(listed, dict):
        raise CheckpointError(f"{download.name} cannot be had: its list of files is not readable.")
    siblings = listed.get("siblings")
    known: dict[str, dict[str, Any]] = {
        str(entry["rfilename"]): entry
        for entry in (siblings if isinstance(siblings, list) else [])
        if isinstance(entry, dict) and "rfilename" in entry
    }
    revision = str(listed.get("sha") or "main")
    weights = [name for name in WEIGHTS if name in known][:1]
    if not weights and INDEX in known:
        weights = [INDEX, *sorted(name for name in known if SHARDED.fullmatch(name))]
    if not weights:
        raise CheckpointError(
            f"{download.name} holds none of {', '.join((*WEIGHTS, INDEX))}; there is nothing to "
            f"load."
        )
    wanted = [*(name for name in SETTINGS if name in known), *weights]
    return [
        (
            f"{_endpoint()}/{repository}/resolve/{urllib.parse.quote(revision)}/{name}",
            name,
            _number(known[name].get("size")),
            _hash(known[name].get("lfs")),
        )
        for name in wanted
    ]


def _hash(lfs: Any) -> str:
    return str(lfs.get("sha256") or "") if isinstance(lfs, dict) else ""


def _number(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def _open(address: str, start: int = 0) -> Any:
    if not address.startswith(("https://", "http://")):
        raise CheckpointError(f"{address} is no address deformviz downloads from.")
    headers = {"User-Agent": "deformviz"} | ({"Range": f"bytes={start}-"} if start else {})
    request = urllib.request.Request(address, headers=headers)
    return urllib.request.urlopen(request, timeout=PATIENCE_S)


def _bring(address: str, path: Path, size: int, sha256: str, report: OnProgress) -> None:
    """One file, from where an earlier try stopped; under its name only when it is whole."""
    if path.is_file():
        return
    part = path.with_name(path.name + ".part")
    start = part.stat().st_size if part.is_file() else 0
    if not (size and start == size):
        try:
            _append(address, part, start, size, report)
        except urllib.error.HTTPError as error:
            if error.code != 416:  # the part is all there is
                raise
    digest = _sha256(part)
    whole = not size or part.stat().st_size == size
    if not whole or not digest.startswith(sha256):
        part.unlink()
        raise CheckpointError(
            f"{path.name} came damaged (its size or SHA-256 is not the announced one) and was "
            f"deleted. Try again."
        )
    os.replace(part, path)


def _append(address: str, part: Path, start: int, size: int, report: OnProgress) -> None:
    with _open(address, start) as answer:
        if start and answer.status != 206:  # the server does not go on where we stopped
            start = 0
        length = answer.headers.get("Content-Length", "")
        total = size or (start + int(length) if length.isdecimal() else 0)
        free = shutil.disk_usage(part.parent).free
        if total - start > free:
            raise CheckpointError(
                f"{part.stem} has {total / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free in "
                f"{part.parent}. DEFORMVIZ_CACHE names another folder."
            )
        done = start
        with part.open("ab" if start else "wb") as file:
            report(part.stem, done, total)
            while piece := answer.read(PIECE):
                file.write(piece)
                done += len(piece)
                if done > MOST_FILE_BYTES:
                    raise CheckpointError(f"{part.stem} is larger than deformviz loads.")
                report(part.stem, done, total)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
