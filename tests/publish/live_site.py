"""A site of the page Live alone, and a server for it that can break off, and takes answers in."""

import threading
from contextlib import contextmanager
from functools import partial
from http.server import ThreadingHTTPServer

from deformviz.publish.edition import Edition, Page
from deformviz.publish.folder import SiteFolder
from deformviz.publish.live import NAME, pages, prepare
from deformviz.words import speaking
from tests.publish.walking import Quiet

ISOLATED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}


def publish_live(to):
    """The page with the shipped models in two languages, beside one that only says it is stored."""
    live = prepare(())
    folder = SiteFolder(to)
    preview = folder.keep("preview.jpg", b"no picture")
    for language in ("en", "zh"):
        with speaking(language):
            edition = Edition(folder, language, ("en", "zh"), (NAME,), "", preview)
            for page in pages(edition, live):
                edition.write(page)
            edition.write(Page("index", "stored", "Something stored.", "<p>Stored.</p>"))
    return folder.finish({})


class Handler(Quiet):
    """Files of a folder; what is posted is kept, and files of some endings break off half-way."""

    def __init__(self, *arguments, kept, broken, headers, **options):
        self.kept, self.broken, self.more = kept, broken, headers
        super().__init__(*arguments, **options)

    def end_headers(self):
        for name, value in self.more.items():
            self.send_header(name, value)
        super().end_headers()

    def do_GET(self):
        if not self.path.endswith(tuple(self.broken) or ("\0",)):
            super().do_GET()
            return
        with open(self.translate_path(self.path), "rb") as file:
            data = file.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.wfile.flush()
        self.close_connection = True

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self.kept[self.path.rpartition("/")[2]] = self.rfile.read(length)
        self.send_response(204)
        self.end_headers()


@contextmanager
def serving(folder, *, isolated=False):
    """(address, what was posted by name, endings of files that break off: may be changed)."""
    kept, broken = {}, []
    headers = ISOLATED if isolated else {}
    handler = partial(Handler, directory=folder, kept=kept, broken=broken, headers=headers)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", kept, broken
        server.shutdown()
