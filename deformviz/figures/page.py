"""One layer of one picture as a single page that needs no server."""

import base64
import html
import json
import re
from typing import Any

from deformviz import bundles
from deformviz.figures.theme import palette
from deformviz.tracing.packing import compress, decompress, read_header

KINDS = {  # of a packed layer -> its canvas
    "encoder": "sampling",
    "decoder": "sampling",
    "grid": "grid",
    "dense": "dense",
    "key-sets": "keys",
}


def offline_page(
    packed_layer: bytes,
    picture_jpeg: bytes,
    *,
    title: str = "deformviz",
    note: str = "",
    picture_alt: str = "",
    view: dict[str, Any] | None = None,
) -> str:
    """A packed layer with script, style and picture inside, as HTML text.

    Args:
        packed_layer: sampling points, a deformed grid, dense attention or key sets, gzip or not.
        note: what to keep in mind about this picture, shown below it.
        view: as the picture reports it; None shows the layer's own start.
    """
    blob = decompress(packed_layer)
    header, _ = read_header(blob, levels_needed=False)
    kind = KINDS[header["kind"]]
    data = {
        "title": title,
        "note": note,
        "picture_alt": picture_alt or title,
        "view": view or {},
        "picture_url": "data:image/jpeg;base64," + base64.b64encode(picture_jpeg).decode(),
        "palette": palette(max(1, len(header["levels"]))),
        "words": bundles.words(kind),
    }
    parts = {
        "title": html.escape(title),
        "style": bundles.read(f"{kind}.css"),
        "script": bundles.read(f"{kind}.js"),
        "trace": base64.b64encode(compress(blob)).decode(),
        "data": json.dumps(data).replace("<", "\\u003c"),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], bundles.read(bundles.TEMPLATE))
