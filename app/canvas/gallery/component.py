"""The gallery's Python face."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit.components.v2 as components

HERE = Path(__file__).parent


def gallery(
    groups: dict[str, list[dict[str, str]]],
    chosen: str,
    *,
    key: str,
    on_choose: Callable[[], Any],
    in_a_row: bool = False,
) -> None:
    """Thumbnails to choose from; a click leaves the name in `st.session_state[key].chosen`.

    Args:
        groups: title -> [{"name": .., "title": .., "src": address of the thumbnail}].
        chosen: name of the chosen picture; none is marked if it is not among them.
        in_a_row: all in one row that scrolls sideways, where there is little room.
    """
    mount = components.component(
        "deformviz_gallery",
        html='<div class="gallery"></div>',
        css=(HERE / "gallery.css").read_text(),
        js=(HERE / "gallery.js").read_text(),
    )
    mount(
        key=key,
        on_chosen_change=on_choose,
        data={
            "groups": [{"title": title, "items": items} for title, items in groups.items()],
            "chosen": chosen,
            "in_a_row": in_a_row,
        },
    )
