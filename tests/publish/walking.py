"""What tests of a site need: links, a server of plain files, and when a page is ready."""

import json
import threading
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

ADDRESSES = ("address", "picture", "script", "style", "template", "lesson", "whole", "next", "font")
ADDRESSES += ("url", "lab", "trace_url", "picture_url", "manifests", "pictures")
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
PICTURE = ".dv-explorer:not([aria-busy]) .dv-stage canvas"
DRAWN_ON = dict.fromkeys(("explore", "embed", "dat", "compare_attention", "survey"), PICTURE)
DRAWN_ON |= {"recordings": PICTURE, "training": ".dr canvas", "training-dat": ".dr canvas"}
HAS_INK = """nodes => nodes.some(node => {
  if (!node.width || !node.height) return false;
  const { data } = node.getContext("2d").getImageData(0, 0, node.width, node.height);
  const seen = new Set();
  for (let at = 0; at < data.length; at += 4 * 97)
    if (data[at + 3]) seen.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
  return seen.size > 8;
})"""
SCENE = """() => {
  const scene = document.querySelector(".dl-scene");
  const mount = scene.querySelector(".dv-mount") ?? scene;
  return !scene.querySelector("[aria-busy]") && (scene.hidden || mount.childElementCount > 0);
}"""


class Links(HTMLParser):
    """Addresses of a page: of its elements, and of the data it carries."""

    def __init__(self):
        super().__init__()
        self.found, self.in_data = [], False
        self.data = ""

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        self.in_data = told.get("id") == "dv-site"
        self.found += [told[name] for name in ("href", "src") if told.get(name)]
        if told.get("property") == "og:image":
            self.found.append(told["content"])

    def handle_data(self, data):
        if self.in_data:
            self.data += data

    def handle_endtag(self, tag):
        self.in_data = False


def in_values(value, name=""):
    """Addresses in data, by the names they go under."""
    if isinstance(value, dict):
        return [one for key, each in value.items() for one in in_values(each, key)]
    if isinstance(value, list):
        return [one for each in value for one in in_values(each, name)]
    is_one = name in ADDRESSES and isinstance(value, str) and value and value[0] not in "#<"
    return [value] if is_one else []


def links(text):
    """Every address a page names."""
    parser = Links()
    parser.feed(text)
    carried = in_values(json.loads(parser.data)) if parser.data else []
    return [one for one in (*parser.found, *carried) if not one.startswith(("data:", "#"))]


def target(page, address):
    """The file an address means, as seen from a page."""
    return (page.parent / unquote(urlsplit(address).path)).resolve()


class Quiet(SimpleHTTPRequestHandler):
    """Says nothing; of a file whose address contains `cut` only the first half arrives."""

    cut = ""

    def log_message(self, *_):
        pass

    def copyfile(self, source, outputfile):
        if self.cut and self.cut in self.path:
            data = source.read()
            outputfile.write(data[: len(data) // 2])
        else:
            super().copyfile(source, outputfile)


@contextmanager
def served(folder, cut=""):
    """Address of a folder on this machine, by Python's own server of files."""
    handler = partial(type("Cutting", (Quiet,), {"cut": cut}), directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def settle(page, name):
    """Wait until a page of a site shows what it is there for."""
    plain = name.rpartition("/")[2].removesuffix(".html")
    if plain in DRAWN_ON:
        page.wait_for_selector(DRAWN_ON[plain])
        page.wait_for_function(
            f"({HAS_INK})([...document.querySelectorAll({json.dumps(DRAWN_ON[plain])})])"
        )
    elif plain == "index" or plain.startswith("lesson-"):
        page.wait_for_selector(".dl-text h2")
        page.wait_for_function(SCENE)
    elif plain == "walkthrough":
        page.wait_for_selector(".ds-stage :is(canvas, math)")
    else:
        page.wait_for_selector("h1")


def fits(page):
    """Whether nothing makes the page wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
