"""Mark lists from the built scripts, in a JavaScript engine that has no page and no browser."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from py_mini_racer import MiniRacer

from deformviz import bundles
from deformviz.figures.theme import palette

# A bare engine reads no base64 and hands out text only; arrays of numbers become lists.
HARNESS = """
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const layers = [];
function bytesFrom(text) {
  const bytes = new Uint8Array((text.replace(/=+$/, "").length * 3) >> 2);
  let [bits, count, at] = [0, 0, 0];
  for (const letter of text) {
    const value = LETTERS.indexOf(letter);
    if (value < 0) break;
    bits = ((bits << 6) | value) & 0xffffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes[at++] = (bits >> count) & 255;
    }
  }
  return bytes.buffer;
}
const said = (value) =>
  JSON.stringify(value, (_, inner) => {
    if (ArrayBuffer.isView(inner)) return Array.from(inner);
    if (typeof inner === "function") return undefined;
    return inner;
  });
const doorOf = (name) => (name ? deformviz[name] : deformviz);
function keep(name, text) {
  layers.push(doorOf(name).decode(bytesFrom(text)));
  return layers.length - 1;
}
function ask(name, wish, given) {
  const { layer, ...rest } = JSON.parse(given);
  return said(doorOf(name)[wish]({ layer: layers[layer], ...rest }));
}
function evaluate(code) {
  return said(eval(code));
}
"""


class Engine:
    """One `<kind>.marks.js`, with the layers it decoded."""

    def __init__(self, kind: str, door: str = ""):
        """`door` names the part of a script that has several, as a replay's "grid"."""
        self.door = door
        self._context = MiniRacer()
        self._context.eval(bundles.read(f"{kind}.marks.js"))
        self._context.eval(HARNESS)

    def decode(self, blob: bytes) -> int:
        """A packed layer, not zipped; the answer names it in what follows."""
        return self._context.call("keep", self.door, base64.b64encode(blob).decode())

    def ask(self, wish: str, **given: Any) -> Any:
        """What the script's `wish` answers: "marks", "figure" or "words"."""
        usual = {"palette": palette(given.pop("levels", 5)), "view": {}}
        return json.loads(
            self._context.call("ask", self.door, wish, json.dumps({**usual, **given}))
        )

    def evaluate(self, code: str) -> Any:
        """An expression's value; `layers[n]` are the decoded ones."""
        return json.loads(self._context.call("evaluate", code))


@cache
def engine(kind: str, door: str = "") -> Engine:
    """One for all tests; made in a thread, else a browser's event loop would take it along."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(Engine, kind, door).result()
