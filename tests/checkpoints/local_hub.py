"""A server here that speaks the hub's protocol: lists with hashes, files from any byte on."""

import hashlib
import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from safetensors.torch import save as tensor_bytes

from deformviz.checkpoints.huggingface import Style, from_published
from tests.models.tiny_detector import tiny_detector

REVISION = "abc123"


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_GET(self):
        hub = self.server
        hub.asked.append((self.path, self.headers.get("Range")))
        path = self.path.partition("?")[0]
        if path.startswith("/api/models/"):
            files = hub.repositories.get(path.removeprefix("/api/models/"))
            return self.refuse(path) if files is None else self.say(listed(files))
        if f"/resolve/{REVISION}/" in path:
            self.send_response(302)  # large files lie elsewhere
            self.send_header("Location", "/store" + path.replace(f"/resolve/{REVISION}", ""))
            self.end_headers()
            return None
        repository, _, name = path.removeprefix("/store/").rpartition("/")
        content = hub.repositories.get(repository, {}).get(name)
        if content is None:
            return self.refuse(path)
        start = self.headers.get("Range")
        if not (start and hub.resumes):
            return self.say(content)
        first = int(start.removeprefix("bytes=").removesuffix("-"))
        if first >= len(content):
            return self.send_error(416)
        return self.say(content[first:], 206)

    def refuse(self, path):
        self.send_error(403 if "secret" in path else 404)

    def say(self, content, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        for first in range(0, len(content), self.server.piece):
            try:
                self.wfile.write(content[first : first + self.server.piece])
            except OSError:  # who asked has gone
                return
            time.sleep(self.server.pause_s)


def listed(files):
    """What the hub says of a repository."""
    siblings = [
        {
            "rfilename": name,
            "size": len(content),
            "lfs": {"sha256": hashlib.sha256(content).hexdigest()},
        }
        for name, content in files.items()
    ]
    return json.dumps({"sha": REVISION, "siblings": siblings}).encode()


class Hub(ThreadingHTTPServer):
    """`asked` holds every path with its range; `pause_s` after every `piece` bytes slows it."""

    def __init__(self, repositories):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories, self.asked, self.resumes = repositories, [], True
        self.piece, self.pause_s = 1 << 20, 0.0
        self.address = f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def files(self):
        """Of the only repository."""
        (files,) = self.repositories.values()
        return files


@contextmanager
def local_hub(repositories):
    """A running hub of {"owner/name": {file: bytes}}."""
    hub = Hub(repositories)
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()


def tiny_repository(**size):
    """The files of a small random Deformable DETR as the hub keeps them, for pictures of `size`."""
    weights = from_published(tiny_detector().state_dict(), Style(in_memory=False, timm=True))
    heads = {"encoder_attention_heads": 4, "decoder_attention_heads": 4}
    return {
        "config.json": json.dumps({"model_type": "deformable_detr", **heads}).encode(),
        "preprocessor_config.json": json.dumps({"size": size}).encode(),
        "model.safetensors": tensor_bytes({k: v.contiguous().clone() for k, v in weights.items()}),
    }
