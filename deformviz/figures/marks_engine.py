"""The browser's own drawing, asked for its marks by an embedded JavaScript engine.

What is drawn for Python is what the page draws: one function, run by V8 in both. Needs the package
mini-racer, of the extra `figures`.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from deformviz import bundles
from deformviz.figures.theme import palette
from deformviz.tracing.packing import decompress, read_header

# A bare engine reads no base64 and hands out text only.
HARNESS = """
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NUMBER_OF = new Map([...LETTERS].map((letter, number) => [letter, number]));
function bytesFrom(text) {
  const bytes = new Uint8Array(Math.floor((text.replace(/=+$/, "").length * 3) / 4));
  let bits = 0, count = 0, at = 0;
  for (const letter of text) {
    if (!NUMBER_OF.has(letter)) break;
    bits = ((bits << 6) | NUMBER_OF.get(letter)) & 0xffffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes[at++] = (bits >> count) & 255;
    }
  }
  return bytes.buffer;
}
function figureOf(text, given) {
  const { view, palette, facts } = JSON.parse(given);
  const layer = deformviz.decode(bytesFrom(text));
  const read = deformviz.readView(view, layer);
  const figure = deformviz.figure({ layer, view: read.view, palette, picture: {} }, facts);
  const plain = (_, inner) => (ArrayBuffer.isView(inner) ? Array.from(inner) : inner);
  return JSON.stringify({ ...figure, notes: read.notes }, plain);
}
"""
IGNORED = re.compile(r'^The link\'s "\w+" was ignored: ')  # what the script says of a link


class FigureError(ValueError):
    """A figure cannot be made; the message says why, and what would help."""


def figure_marks(
    packed_layer: bytes, kind: str, view: dict[str, Any], facts: dict[str, str]
) -> dict[str, Any]:
    """The figure of a packed layer: {marks, width, height, title}, sizes in pixels.

    Args:
        kind: of the picture, "sampling" or "grid".
        view: what to show, under the names of a link's address (q, heads, levels, colour, ..).
        facts: title and note for the caption.

    Raises:
        FigureError: the engine is not installed, or the view does not fit the layer.
    """
    try:
        from py_mini_racer import MiniRacer
    except ImportError:
        raise FigureError(
            "Figures are drawn by the page's own script, which needs a JavaScript engine. Install "
            "it with `pip install 'deformviz[figures]'`."
        ) from None
    blob = decompress(packed_layer)
    header, _ = read_header(blob)
    given = {"view": view, "palette": palette(len(header["levels"])), "facts": facts}
    engine = MiniRacer()
    engine.eval(bundles.read(f"{kind}.marks.js"))
    engine.eval(HARNESS)
    answer = engine.call("figureOf", base64.b64encode(blob).decode(), json.dumps(given))
    figure = json.loads(answer)
    if figure["notes"]:
        reasons = (IGNORED.sub("", note) for note in figure["notes"])
        raise FigureError(f"The figure cannot show this: {' '.join(reasons)}")
    return figure
