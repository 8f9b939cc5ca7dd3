"""A recording in front of somebody: a widget in a notebook, a page elsewhere."""

from __future__ import annotations

import html
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Any

from deformviz import bundles
from deformviz.figures.recordings import drawable_layers, kind_of, pack, page_data, to_html
from deformviz.tracing.recording import Recording

FRAME_HEIGHT_PX = 900


def show(recording: Recording, **options: Any) -> Any:
    """In a notebook what displays the recording, else the path of a page opened in the browser.

    Args:
        options: as for `to_html`.
    """
    if in_notebook():
        made = widget(recording, **options)
        return made if made is not None else StaticPage(to_html(recording, **options))
    folder = Path(tempfile.mkdtemp(prefix="deformviz-"))
    path = folder / "recording.html"
    to_html(recording, path, **options)
    webbrowser.open(path.as_uri())
    return path


def in_notebook() -> bool:
    """Whether this code runs in a kernel that displays what a cell returns."""
    interactive = sys.modules.get("IPython")
    shell = interactive.get_ipython() if interactive else None
    return shell is not None and hasattr(shell, "kernel")


class StaticPage:
    """The page in a frame, where no widgets run."""

    def __init__(self, page: str):
        self.page = page

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{html.escape(self.page, quote=True)}" '
            f'style="width:100%;height:{FRAME_HEIGHT_PX}px;border:0"></iframe>'
        )


def widget(recording: Recording, *, layers=None, image: int = 0, view=None, **_: Any) -> Any:
    """The picture as a widget, its choices readable in Python; None without anywidget.

    The widget has `layer` (assign another name to change it), `view` (what is chosen) and `query`
    (the query on show).
    """
    try:
        import anywidget
        import traitlets
    except ImportError:
        return None
    names = drawable_layers(recording, layers)
    kind = kind_of(recording[names[-1]])

    class Explorer(anywidget.AnyWidget):
        """One layer of a recording over its picture."""

        _esm = bundles.read(f"{kind}.js")
        _css = bundles.read(f"{kind}.css")
        data = traitlets.Dict().tag(sync=True)
        view = traitlets.Any().tag(sync=True)
        layer = traitlets.Unicode()

        @property
        def query(self) -> int | None:
            """The query on show, as last chosen."""
            return (self.view or {}).get("query")

        @traitlets.validate("layer")
        def _known(self, proposal: Any) -> str:
            if proposal["value"] not in names:
                raise traitlets.TraitError(
                    f"There is no layer {proposal['value']!r}; there are {', '.join(names)}."
                )
            return proposal["value"]

        @traitlets.observe("layer")
        def _change(self, change: Any) -> None:
            self.data = {
                **page_data(recording, image, kind, names, dict(view or {})),
                "trace": pack(recording, self.layer, image),
                "trace_url": self.layer,
            }

        def _repr_mimebundle_(self, **given: Any) -> Any:
            """The widget, and a page for whoever reads the notebook without running it."""
            bundle = super()._repr_mimebundle_(**given)
            shown = bundle[0] if isinstance(bundle, tuple) else bundle
            if shown is not None:
                page = to_html(recording, layers=[self.layer], image=image, view=view)
                shown["text/html"] = StaticPage(page)._repr_html_()
            return bundle

    return Explorer(layer=names[-1])
