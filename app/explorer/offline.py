"""One layer of one picture as a single page that needs no server."""

import base64
import html
import json
import re
from typing import Any

from app.explorer import bundle
from deformviz.figures.theme import palette
from deformviz.tracing.packing import compress, unpack_layer


def offline_page(
    packed_layer: bytes,
    picture_jpeg: bytes,
    *,
    title: str = "deformviz",
    note: str = "",
    picture_alt: str = "",
    view: dict[str, Any] | None = None,
) -> str:
    """The explorer with its script, style, trace and picture inside, as HTML text.

    Args:
        packed_layer: what `pack_layer` wrote, gzip or not.
        note: what to keep in mind about this picture, shown below it.
        view: as the explorer reports it; None shows the layer's own start.
    """
    levels = len(unpack_layer(packed_layer).header["levels"])
    zipped = packed_layer if packed_layer[:2] == b"\x1f\x8b" else compress(packed_layer)
    data = {
        "title": title,
        "note": note,
        "picture_alt": picture_alt or title,
        "view": view or {},
        "picture_url": "data:image/jpeg;base64," + base64.b64encode(picture_jpeg).decode(),
        "palette": palette(levels),
    }
    parts = {
        "title": html.escape(title),
        "style": bundle.style(),
        "script": bundle.script(),
        "trace": base64.b64encode(zipped).decode(),
        "data": json.dumps(data).replace("<", "\\u003c"),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], bundle.template())
