"""Pages of stored pictures: a list to choose from, and the layers of each on its canvas."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

from deformviz.figures.theme import palette
from deformviz.publish.edition import Edition, Page
from deformviz.publish.markup import inline, plain
from deformviz.tracing.packing import decompress, first_look, read_header, unpack_layer
from deformviz.tracing.store import SHIPPED, SHIPPED_GRIDS, SHIPPED_KEYS, StoredTrace, read_index
from deformviz.words import say

FAVOURITE = "beach-dusk"  # every name is right; its boat reads far and wide
BOTH_ENCODERS = 7  # pictures that go with the first encoder layer too; each takes 0.7 MB
THUMBNAIL_PX = (176, 132)
LEVELS = 5
EMBED = "embed"
# Page -> its store, canvas, and the room whose words it says.
SHOWN = {
    "explore": (SHIPPED, "sampling", "sampling"),
    "dat": (SHIPPED_GRIDS, "grid", "grid"),
    "compare_attention": (SHIPPED_KEYS, "keys", "keys"),
}


def pages(edition: Edition, own: Sequence[StoredTrace] = ()) -> Iterable[Page]:
    """Explore, deformed grids, five attentions; and Explore for somebody else's page.

    Explore begins with pictures of somebody's own, where there are any.
    """
    for name, (store, canvas, room) in SHOWN.items():
        mine = own if name == "explore" else ()
        listed = [(stored, BOTH_ENCODERS) for stored in mine]
        listed += [(stored, number) for number, stored in enumerate(read_index(store))]
        pictures = [
            _picture(edition, stored, canvas, _layers(stored, canvas, number))
            for stored, number in listed
        ]
        told = say(f"room.{room}.instruction")
        data = picture_data(edition, pictures, mine[0].name if mine else FAVOURITE)
        body = f"<p>{inline(told)}</p>" + gallery(pictures, f"{name}.html")
        yield Page(
            name,
            f"{say(f'page.{name}.title')} · deformviz",
            plain(told),
            body,
            data,
            say(f"room.{room}.headline"),
        )
        if name == "explore":
            heading = say(f"room.{room}.headline")  # heard, not seen
            yield Page(EMBED, "deformviz", plain(told), "", data, heading, bare=True)


def _layers(stored: StoredTrace, canvas: str, number: int) -> tuple[str, ...]:
    """Those that are taken along."""
    if canvas != "sampling" or number < BOTH_ENCODERS:
        return stored.layers
    encoders = [name for name in stored.layers if name.startswith("encoder")]
    return tuple(name for name in stored.layers if name not in encoders[:-1])


def _picture(
    edition: Edition, stored: StoredTrace, canvas: str, layers: tuple[str, ...]
) -> dict[str, Any]:
    packed = {name: stored.layer_gzip(name) for name in layers}
    return picture(
        edition,
        name=stored.name,
        title=stored.title,
        canvas=canvas,
        jpeg=stored.picture_jpeg(),
        hw=stored.original_hw,
        packed=packed,
        note=stored.honesty if canvas == "keys" else "",
        title_of=_grid_title if canvas == "grid" else None,
    )


def picture(
    edition: Edition,
    *,
    name: str,
    title: str,
    canvas: str,
    jpeg: bytes,
    hw: tuple[int, int],
    packed: dict[str, bytes],
    note: str = "",
    title_of: Callable[[str, bytes], str] | None = None,
) -> dict[str, Any]:
    """A picture as the script of the site chooses it; `jpeg` is empty where there is none."""
    return {
        "name": name,
        "title": title,
        "canvas": canvas,
        "picture": edition.keep(f"{name}.jpg", jpeg) if jpeg else "",
        "small": edition.keep(f"{name}-small.jpg", thumbnail(jpeg)) if jpeg else "",
        "hw": list(hw) if jpeg else None,
        "note": note,
        "usual": list(packed)[-1],
        "look": first_look(unpack_layer(packed[list(packed)[-1]])) if canvas == "sampling" else {},
        "layers": [
            {
                "name": layer,
                "title": title_of(layer, blob) if title_of else layer,
                "address": edition.keep(f"{name}-{layer}.bin", blob),
            }
            for layer, blob in packed.items()
        ],
    }


def _grid_title(layer: str, blob: bytes) -> str:
    """A deformed grid by its stage and its size."""
    height, width = read_header(decompress(blob))[0]["grid_hw"]
    return say("site.stage", stage=int(layer.split(".")[1]) + 1, height=height, width=width)


def picture_data(
    edition: Edition, pictures: list[dict[str, Any]], first: str = ""
) -> dict[str, Any]:
    """What the script of a page of pictures is handed."""
    kinds = dict.fromkeys(one["canvas"] for one in pictures)
    return {
        "shows": "pictures",
        "pictures": [{k: v for k, v in one.items() if k != "small"} for one in pictures],
        "first": first,
        "canvases": {kind: edition.canvas(kind) for kind in kinds},
        "palette": palette(LEVELS),
    }


def gallery(pictures: list[dict[str, Any]], page: str) -> str:
    """Links to the pictures, which work without a script too; none where there is one picture."""
    if len(pictures) < 2:
        return ""
    rows = []
    for one in pictures:
        title = escape(one["title"])
        if one["small"]:
            width, height = THUMBNAIL_PX
            inside = (
                f'<img src="{one["small"]}" alt="{title}" width="{width}" height="{height}" '
                'loading="lazy" decoding="async">'
            )
        else:
            inside = title
        kind = "" if one["small"] else ' class="ds-text"'
        rows.append(
            f'<li><a{kind} href="{page}?picture={escape(one["name"])}" title="{title}" '
            f'data-picture="{escape(one["name"])}">{inside}</a></li>'
        )
    name = escape(say("site.pictures"))
    listed = f'<ul class="ds-gallery" aria-label="{name}">{"".join(rows)}</ul>'
    return f'<h2 class="ds-heard">{name}</h2>{listed}'


def thumbnail(jpeg: bytes) -> bytes:
    """A small version of a picture, cut to one shape."""
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(jpeg)) as image:
        small = ImageOps.fit(image.convert("RGB"), THUMBNAIL_PX)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=82)
    return buffer.getvalue()
