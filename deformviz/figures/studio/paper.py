"""What a figure is printed on: millimetres, light or dark, one font; and the figure itself."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deformviz.figures.marks_engine import FigureError
from deformviz.figures.theme import DARK, LIGHT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MM_PER_INCH = 25.4
POINTS_PER_MM = 72 / MM_PER_INCH
PNG_DPI = 300
LEAST_MM, MOST_MM = 20.0, 600.0
LEAST_PT, MOST_PT = 4.0, 24.0
ENDINGS = ("pdf", "svg", "png")
FONT = "DejaVu Sans"  # comes with matplotlib, so it is on every machine


@dataclass(frozen=True)
class Paper:
    """Size, ground and letters of a figure.

    Raises FigureError for a size no page has, or a font that is not on this machine.
    """

    width_mm: float = 85.0  # a column of two
    height_mm: float | None = None  # None: as high as what is drawn
    dark: bool = False
    font: str = FONT
    font_pt: float = 7.0

    def __post_init__(self):
        for name, least, most in (
            ("width_mm", LEAST_MM, MOST_MM),
            ("height_mm", LEAST_MM, MOST_MM),
            ("font_pt", LEAST_PT, MOST_PT),
        ):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and least <= value <= most):
                raise FigureError(f"{name} is {value:g}; it must lie from {least:g} to {most:g}.")
        if self.font != FONT and self.font not in fonts():
            raise FigureError(
                f"The font {self.font!r} is not on this machine; there are {', '.join(fonts())}."
            )

    @property
    def colours(self) -> dict[str, str]:
        """Ink, paper and lines."""
        return DARK if self.dark else LIGHT

    def settings(self) -> dict[Any, Any]:
        """How matplotlib draws on it: whole fonts in a PDF, letters that stay letters in an SVG."""
        ink, quiet = self.colours["ink"], self.colours["quiet"]
        ground = dict.fromkeys(
            ("figure.facecolor", "axes.facecolor", "savefig.facecolor"), self.colours["paper"]
        )
        return ground | {
            "font.family": list(dict.fromkeys([self.font, FONT])),
            "font.size": self.font_pt,
            "axes.titlesize": self.font_pt,
            "axes.labelsize": self.font_pt,
            "xtick.labelsize": self.font_pt - 1,
            "ytick.labelsize": self.font_pt - 1,
            "legend.fontsize": self.font_pt,
            "figure.titlesize": self.font_pt + 1,
            "text.color": ink,
            "axes.labelcolor": ink,
            "axes.titlecolor": ink,
            "axes.edgecolor": quiet,
            "xtick.color": quiet,
            "ytick.color": quiet,
            "grid.color": self.colours["line"],
            "axes.linewidth": 0.5,
            "xtick.major.width": 0.5,
            "ytick.major.width": 0.5,
            "xtick.major.size": 2,
            "ytick.major.size": 2,
            "legend.frameon": False,
            "pdf.fonttype": 42,
            "svg.fonttype": "none",
            "svg.hashsalt": "deformviz",
        }


def fonts() -> tuple[str, ...]:
    """The families of letters on this machine."""
    from matplotlib import font_manager

    return tuple(sorted(set(font_manager.fontManager.get_font_names())))


@dataclass(frozen=True)
class PaperFigure:
    """A figure, what is written below it, and the lines that draw it again."""

    name: str
    caption: str
    code: str
    paper: Paper
    drawn: Figure

    def data(self, ending: str = "pdf") -> bytes:
        """The figure as a file: "pdf" (fonts embedded), "svg", or "png" (300 dpi).

        Raises FigureError for another ending.
        """
        import matplotlib

        if ending not in ENDINGS:
            raise FigureError(f"A figure is made as {', '.join(ENDINGS)}, not as {ending!r}.")
        said: dict[str, Mapping[str, Any]] = {
            "pdf": {"Title": self.name, "Subject": self.caption, "CreationDate": None},
            "svg": {"Title": self.name, "Description": self.caption, "Date": None},
            "png": {"Title": self.name, "Description": self.caption},
        }
        buffer = io.BytesIO()
        with matplotlib.rc_context(self.paper.settings()):
            self.drawn.savefig(buffer, format=ending, dpi=PNG_DPI, metadata=dict(said[ending]))
        return buffer.getvalue()

    def save(self, path: str | Path) -> Path:
        """Write .pdf, .svg or .png, as the name ends. Raises FigureError for another ending."""
        path = Path(path)
        data = self.data(path.suffix.lower().lstrip("."))
        path.write_bytes(data)
        return path

    def _repr_png_(self) -> bytes:
        return self.data("png")


@dataclass(frozen=True)
class Sheet:
    """Panels of one size in rows and columns, and how large one of them is about."""

    drawn: Figure
    panels: list[Any]  # row by row
    panel_mm: tuple[float, float]  # width and height


def on_paper(paper: Paper, draw: Callable[[], Figure]) -> Figure:
    """What `draw` returns, made with the settings of the paper."""
    import matplotlib

    with matplotlib.rc_context(paper.settings()):
        return draw()


def sheet(
    paper: Paper,
    rows: int,
    columns: int,
    aspect: float,
    *,
    lines: float = 0,
    pictures: bool = True,
    shared: bool = False,
) -> Sheet:
    """An empty figure.

    Args:
        aspect: width over height of a panel.
        lines: of text above and below each row of panels, for which room is made.
        pictures: panels keep this aspect and lie close together; else they have axes.
        shared: all panels show one range.
    """
    from matplotlib.figure import Figure

    letters_mm = 1.5 * paper.font_pt / POINTS_PER_MM
    width = paper.width_mm / columns
    height = width / aspect
    tall = paper.height_mm or rows * (height + lines * letters_mm) + letters_mm
    drawn = Figure(
        (paper.width_mm / MM_PER_INCH, min(tall, MOST_MM) / MM_PER_INCH),
        layout="compressed" if pictures else "constrained",
    )
    panels = drawn.subplots(rows, columns, squeeze=False, sharex=shared, sharey=shared)
    for number, panel in enumerate(panels.flat):
        panel.patch.set_gid(f"frame-{number}")
    return Sheet(drawn, list(panels.flat), (width, height))
