"""A lesson as a folder of plain files, as any web server hands it out: no app behind it."""

import json
import shutil
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from deformviz import bundles
from deformviz.lessons.lesson import lesson
from deformviz.lessons.payload import Places, lesson_payload
from deformviz.words import part, speaking

CANVASES = ("sampling", "grid", "keys", "equations")
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Lesson</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="lesson.css"></head>
<body class="dv-page"><main id="here"></main><script type="module">
import lesson from "./lesson.js";
const data = await (await fetch("data.json")).json();
window.told = [];
lesson.render({ el: document.getElementById("here"), model: {
  get: () => data, set: (name, value) => window.told.push([name, value]),
  save_changes() {}, on() {}, off() {},
} });
</script></body></html>"""


def write(folder, name, step="", language="en", **more):
    """Put a lesson and all it shows into a folder; `more` goes to the player as it is."""

    def address(stored, layer):
        kept = f"{stored.name}-{layer or 'picture'}.{'bin' if layer else 'jpg'}"
        data = stored.layer_gzip(layer) if layer else stored.picture_jpeg()
        (folder / kept).write_bytes(data)
        return kept

    shutil.copy(bundles.math_font(), folder / "math.ttf")

    def snapshot(path):
        (folder / f"{path.name}.bin").write_bytes(path.read_bytes())
        return f"{path.name}.bin"

    places = Places(address, lambda where: f"lab/{where}", "math.ttf", snapshot)
    with speaking(language):
        data = {
            "lesson": lesson_payload(lesson(name, language), places, language),
            "step": step,
            "scripts": {
                k: {"script": f"{k}.js", "style": f"{k}.css", "words": bundles.words(k)}
                for k in CANVASES
            },
            "words": part("lesson"),
            "language": language,
            "next": "next.html",
            **more,
        }
    for kind in ("lesson", *CANVASES):
        for file in bundles.files(kind):
            shutil.copy(bundles.FOLDER / file, folder)
    (folder / "data.json").write_text(json.dumps(data))
    (folder / "index.html").write_text(PAGE)


class Quiet(SimpleHTTPRequestHandler):
    def end_headers(self):
        """Two lessons written within a second have one date: nothing of the first may be kept."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def served(folder):
    """The folder's address on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
