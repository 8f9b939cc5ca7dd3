"""What tests of a site need: the links of a page, and a server of plain files."""

import json
import threading
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

ADDRESSES = ("address", "picture", "script", "style", "template", "lesson", "whole", "next", "font")
ADDRESSES += ("url", "lab", "trace_url", "picture_url", "manifests", "pictures")


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
    def log_message(self, *_):
        pass


@contextmanager
def served(folder):
    """Address of a folder on this machine, by Python's own server of files."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
